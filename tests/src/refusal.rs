//! Refusals, as people read them.

use ground::Output;

/// A refusal shows no more reasons than these.
const MOST_SHOWN: usize = 100;

/// One line of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Id of the rule.
    pub rule: String,
    /// The field at fault.
    pub field: String,
    /// What was asked, what is allowed, what to do.
    pub message: String,
}

/// The denials in a text that has `sluice: <n> denied: …`: kubectl's standard error, an Event or a condition.
#[track_caller]
pub fn denials(text: &str) -> Vec<Denial> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some((_, head)) = line.split_once("sluice: ") else { continue };
        let Some((count, rest)) = head.split_once(" denied: ") else { continue };
        let Ok(count) = count.parse::<usize>() else { continue };
        let shown = count.min(MOST_SHOWN);
        // What a controller is told begins with the first reason instead of the rules.
        let first = denial(rest);
        let more = shown - usize::from(first.is_some());
        let said: Vec<_> = first.into_iter().chain(lines.by_ref().take(more).filter_map(denial)).collect();
        assert_eq!(said.len(), shown, "one line per denial is announced:\n{text}");
        if count > shown {
            assert_eq!(
                lines.next(),
                Some(format!("and {} more", count - shown).as_str()),
                "what is left out is counted"
            );
        }
        found.extend(said);
    }
    found
}

fn denial(line: &str) -> Option<Denial> {
    let (rule, rest) = line.split_once(": ")?;
    let (field, message) = rest.split_once(": ")?;
    Some(Denial { rule: rule.to_owned(), field: field.to_owned(), message: message.to_owned() })
}

/// The command was refused by exactly these rules in this order; each line contains the text (field and message).
#[track_caller]
pub fn assert_denied(output: &Output, expected: &[(&str, &str)]) {
    assert!(!output.success, "was not refused: {}{}", output.stdout, output.stderr);
    // `kubectl set` says in words of its own that it failed.
    let by_server = output.stderr.contains("Error from server");
    assert!(!by_server || output.stderr.contains("(Forbidden)"), "is a 403: {}", output.stderr);
    assert_denials(&output.stderr, expected);
}

/// The text has exactly these denials in this order; each line contains the text (field and message).
#[track_caller]
pub fn assert_denials(text: &str, expected: &[(&str, &str)]) {
    let found = denials(text);
    let rules: Vec<_> = found.iter().map(|denial| denial.rule.as_str()).collect();
    let wanted: Vec<_> = expected.iter().map(|(rule, _)| *rule).collect();
    assert_eq!(rules, wanted, "the rules that refuse:\n{text}");
    for (denial, (_, says)) in found.iter().zip(expected) {
        let line = format!("{}: {}", denial.field, denial.message);
        assert!(line.contains(says), "{says:?} is not in {line:?}");
    }
}

/// The command was refused by the API server's own RBAC and never reached Sluice.
#[track_caller]
pub fn assert_refused_by_rbac(output: &Output) {
    assert!(!output.success && output.stderr.contains("(Forbidden)"), "{}{}", output.stdout, output.stderr);
    assert!(output.stderr.contains(" cannot ") && !output.stderr.contains("sluice:"), "{}", output.stderr);
}

/// The command was refused by this static policy of the chart, with this text, and no webhook was asked.
#[track_caller]
pub fn assert_refused_by_policy(output: &Output, policy: &str, says: &str) {
    assert!(!output.success && output.stderr.contains("(Forbidden)"), "{}{}", output.stdout, output.stderr);
    let by = format!("ValidatingAdmissionPolicy '{policy}' with binding '{policy}' denied request: ");
    assert!(output.stderr.contains(&by) && output.stderr.contains(says), "{says:?}: {}", output.stderr);
}

/// kubectl showed a warning of Sluice's that contains the text.
#[track_caller]
pub fn assert_warned(output: &Output, says: &str) {
    let mut warnings = output.stderr.lines().filter(|line| line.starts_with("Warning: sluice: "));
    assert!(warnings.any(|line| line.contains(says)), "no warning says {says:?}:\n{}", output.stderr);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_every_refusal_is_read() {
        let text = "Error from server (Forbidden): admission webhook \"x\" denied the request: sluice: 2 denied: a, b\n\
                    a: spec.x[0]: asked 1: too much\nb: spec.y: no\nError: sluice: 1 denied: c\nc: z: never\n";
        let rules: Vec<_> = denials(text).into_iter().map(|it| (it.rule, it.field, it.message)).collect();
        let line = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
        assert_eq!(
            rules,
            [line("a", "spec.x[0]", "asked 1: too much"), line("b", "spec.y", "no"), line("c", "z", "never")]
        );
    }
}
