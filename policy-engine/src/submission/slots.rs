//! The expression by which a manifest names a claim without knowing which: `{{ gpuClaimName "train-a" }}`.
//!
//! `{{ gpuClaimName }}` alone is the slot `default`. Only expressions that begin with `gpuClaimName` are ours; whatever
//! else stands between double braces is somebody else's template and stays as it is.

pub(crate) mod texts;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

/// The function that the expression calls.
pub const FUNCTION: &str = "gpuClaimName";
/// The slot of an expression that names none.
pub const DEFAULT: &str = "default";
/// Kubernetes takes no longer label value, and a slot is one.
const LONGEST: usize = 63;

/// An expression in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot<'a> {
    /// Where it stands, in bytes.
    pub range: Range<usize>,
    /// The slot that it names.
    pub name: &'a str,
}

/// An expression that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at character {at}: {why}")]
pub struct Broken {
    /// Counted from one.
    pub at: usize,
    /// What is wrong there.
    pub why: String,
}

/// Whether a text may have an expression of ours; cheap, and never wrongly `false`.
pub fn mentions(text: &str) -> bool {
    text.contains(FUNCTION)
}

/// The expressions of a text, in order.
///
/// # Errors
/// The first that cannot be read.
pub fn all(text: &str) -> Result<Vec<Slot<'_>>, Broken> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(open) = text[from..].find("{{").map(|at| from + at) {
        let mut reader = Reader { text, at: open + 2 };
        if !reader.begins_ours() {
            // `{{{`: the expression may begin one brace later.
            from = open + 1;
            continue;
        }
        let name = reader.argument()?;
        reader.close()?;
        found.push(Slot { range: open..reader.at, name });
        from = reader.at;
    }
    Ok(found)
}

/// The text with each expression replaced by what `claim` says of its slot; one that it knows nothing of stays.
///
/// # Errors
/// The first expression that cannot be read.
pub fn resolve<'c>(text: &str, claim: impl Fn(&str) -> Option<&'c str>) -> Result<String, Broken> {
    let mut resolved = String::new();
    let mut from = 0;
    for slot in all(text)? {
        resolved.push_str(&text[from..slot.range.start]);
        resolved.push_str(claim(slot.name).unwrap_or(&text[slot.range.clone()]));
        from = slot.range.end;
    }
    resolved.push_str(&text[from..]);
    Ok(resolved)
}

/// What the annotation `claim-slots` maps: `train-a=my-claim,eval=other-claim`.
///
/// # Errors
/// The first part that is no pair of names.
pub fn mapping(text: &str) -> Result<BTreeMap<&str, &str>, Broken> {
    let mut mapped = BTreeMap::new();
    let mut at = 1;
    for pair in text.split(',') {
        let broken = |why: String| Broken { at, why };
        let read = pair.split_once('=').map(|(slot, claim)| (slot.trim(), claim.trim()));
        match read {
            _ if pair.trim().is_empty() => {}
            Some((slot, claim)) if is_name(slot) && is_claim_name(claim) => {
                if mapped.insert(slot, claim).is_some_and(|before| before != claim) {
                    return Err(broken(format!("slot {slot} is mapped twice; map it once")));
                }
            }
            Some(_) | None => {
                let why = format!("{:?} maps no slot to a claim; write for example train-a=my-claim", pair.trim());
                return Err(broken(why));
            }
        }
        at += pair.chars().count() + 1;
    }
    Ok(mapped)
}

/// Whether a slot can be called so.
pub fn is_name(text: &str) -> bool {
    text.len() <= LONGEST && is_part(text)
}

/// Whether a claim can be called so.
fn is_claim_name(text: &str) -> bool {
    const LONGEST_NAME: usize = 253;
    text.len() <= LONGEST_NAME && text.split('.').all(is_part)
}

fn is_part(part: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = part.as_bytes();
    bytes.first().is_some_and(|byte| plain(*byte))
        && bytes.last().is_some_and(|byte| plain(*byte))
        && bytes.iter().all(|byte| plain(*byte) || *byte == b'-')
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn broken(&self, why: impl fmt::Display) -> Broken {
        Broken { at: self.text[..self.at].chars().count() + 1, why: why.to_string() }
    }

    /// Reads the function, if it is ours.
    fn begins_ours(&mut self) -> bool {
        if self.rest().starts_with('-') {
            self.at += 1;
        }
        self.blanks();
        let Some(behind) = self.rest().strip_prefix(FUNCTION) else { return false };
        if behind.starts_with(|next: char| next.is_alphanumeric() || next == '_') {
            return false;
        }
        self.at += FUNCTION.len();
        true
    }

    fn argument(&mut self) -> Result<&'a str, Broken> {
        self.blanks();
        let Some(quote) = self.rest().chars().next().filter(|it| matches!(it, '"' | '`' | '\'')) else {
            return Ok(DEFAULT);
        };
        self.at += 1;
        let Some(length) = self.rest().find(quote) else {
            return Err(self.broken(format_args!("the slot's name has no end; close it with {quote}")));
        };
        let name = &self.rest()[..length];
        if !is_name(name) {
            let why = format!(
                "{name:?} is no slot's name; small letters, digits and dashes are allowed, at most {LONGEST}, e.g. \"train-a\""
            );
            return Err(self.broken(why));
        }
        self.at += length + 1;
        Ok(name)
    }

    fn close(&mut self) -> Result<(), Broken> {
        self.blanks();
        let rest = self.rest();
        match rest.strip_prefix('-').unwrap_or(rest).strip_prefix("}}") {
            Some(behind) => {
                self.at = self.text.len() - behind.len();
                Ok(())
            }
            None => Err(self.broken("expected }}; write {{ gpuClaimName \"train-a\" }}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<&str> {
        all(text).expect("expressions that can be read").into_iter().map(|slot| slot.name).collect()
    }

    fn broken(text: &str) -> String {
        all(text).expect_err("an expression that cannot be read").to_string()
    }

    #[test]
    fn slots_are_read_as_templates_write_them() {
        assert_eq!(names(r#"{{ gpuClaimName "train-a" }}"#), ["train-a"]);
        assert_eq!(names("{{gpuClaimName `a`}} and {{- gpuClaimName -}}"), ["a", "default"]);
        assert_eq!(names("{{ gpuClaimName 'a' }}{{{gpuClaimName}}"), ["a", "default"]);
    }

    #[test]
    fn other_templates_pass() {
        for text in
            ["{{ .Values.image }}", "{{ gpuClaimNames }}", "{{ include \"gpuClaimName\" }}", "{{", "gpuClaimName", ""]
        {
            assert_eq!(names(text), Vec::<&str>::new(), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_where() {
        assert_eq!(
            broken("{{ gpuClaimName \"train-a }}"),
            "at character 18: the slot's name has no end; close it with \""
        );
        assert!(broken("é {{ gpuClaimName train }}").starts_with("at character 19: expected }}"));
        assert!(broken("{{ gpuClaimName \"\" }}").starts_with("at character 18: \"\" is no slot's name"));
        assert!(broken("{{ gpuClaimName \"Train\" }}").contains("\"Train\" is no slot's name"));
        assert!(broken("{{ gpuClaimName \"a\" \"b\" }}").starts_with("at character 21: expected }}"));
        assert!(broken("{{ gpuClaimName").starts_with("at character 16: expected }}"));
    }

    #[test]
    fn what_is_known_is_replaced_and_the_rest_stays() {
        let known = |slot: &str| (slot == "a").then_some("mine");
        let text = "x {{ gpuClaimName \"a\" }} {{ other }} {{ gpuClaimName }}";
        assert_eq!(resolve(text, known).as_deref(), Ok("x mine {{ other }} {{ gpuClaimName }}"));
        assert_eq!(resolve("mine", known).as_deref(), Ok("mine"));
    }

    #[test]
    fn a_mapping_is_pairs() {
        assert_eq!(mapping("train-a=mine, eval = other.x,"), Ok([("train-a", "mine"), ("eval", "other.x")].into()));
        assert_eq!(mapping(""), Ok(BTreeMap::new()));
        let broken = |text| mapping(text).expect_err("no mapping").to_string();
        assert_eq!(
            broken("a=b,c"),
            "at character 5: \"c\" maps no slot to a claim; write for example train-a=my-claim"
        );
        assert!(broken("A=b").contains("\"A=b\" maps no slot to a claim") && broken("a=../b").contains("maps no slot"));
        assert_eq!(broken("a=b,a=c"), "at character 5: slot a is mapped twice; map it once");
    }
}
