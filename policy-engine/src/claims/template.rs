//! Templates of claims that the platform makes for Pods: what one says, and what it is called.
//!
//! A Pod that asks for devices by labels, or for extended resources, names a template whose name ends in a hash of its
//! content. The content stands in an annotation of the Pod: whoever makes the template, or counts what it costs before
//! there is one, needs no plan and no labels for it, and nothing that changes later gives the name another content.

use k8s_openapi::api::resource::v1::ResourceClaimSpec;
use sha2::{Digest, Sha256};

use super::ask::{Ask, Vram};
use super::driver_config::binary;
use crate::contract;
use crate::object::Object;
use crate::policy::model::Model;

/// How many bytes of the hash of its content the name of a template carries; in digits twice as many.
const HASHED: usize = 5;
/// A model's name is longer than this nowhere, and Kubernetes takes no name of more than 253 characters.
const LONGEST_MODEL: usize = 180;

/// A template that the platform makes.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// `gpu-<model>-cnt<devices>-sm<percent>-mem<size or max>-<hash of its content>`
    pub name: String,
    /// Its content: a ResourceClaimSpec in JSON, as it was hashed.
    pub text: String,
    /// The same, read.
    pub spec: ResourceClaimSpec,
}

impl Template {
    /// The template with this content; what else the name says is for people.
    pub(crate) fn of(spec: ResourceClaimSpec, ask: &Ask<'_>, devices: u64, models: &[&Model]) -> Option<Self> {
        let text = serde_json::to_string(&spec).ok()?;
        let model = match models {
            [only] => only.name.as_str().get(..LONGEST_MODEL).unwrap_or(only.name.as_str()),
            [] | [_, ..] => "any",
        };
        let memory = match ask.vram {
            Vram::Elastic => "max".to_owned(),
            Vram::HardCap(bytes) => binary(bytes).to_ascii_lowercase(),
        };
        let name = format!("gpu-{model}-cnt{devices}-sm{}-mem{memory}-{}", ask.sm_percent, hash(&text));
        Some(Self { name, text, spec })
    }

    /// What a Pod says of a template that it names; `None` where the text is not that template's.
    pub fn recorded(text: &str, name: &str) -> Option<Self> {
        let ours = is_platform_template(name) && name.rsplit('-').next() == Some(&hash(text));
        let spec = ours.then(|| serde_json::from_str(text).ok()).flatten()?;
        Some(Self { name: name.to_owned(), text: text.to_owned(), spec })
    }
}

/// What a template costs and asks that a Pod names, though it may not be made yet.
pub fn recorded(pod: Object<'_>, name: &str) -> Option<Template> {
    Template::recorded(pod.annotation(contract::CLAIM_TEMPLATE)?, name)
}

fn hash(text: &str) -> String {
    hex(&Sha256::digest(text), HASHED)
}

/// The first bytes of a hash, in hexadecimal digits.
pub(crate) fn hex(hash: &[u8], bytes: usize) -> String {
    hash.iter().take(bytes).map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a ResourceClaimTemplate of this name is the platform's to make:
/// `gpu-<model>-cnt<devices>-sm<percent>-mem<size or max>-<10 hexadecimal digits of its content>`.
pub fn is_platform_template(name: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let numbered = |part: Option<&str>, kind: &str| part.and_then(|it| it.strip_prefix(kind)).is_some_and(number);
    let mut parts = name.rsplit('-');
    let is_hash = parts.next().is_some_and(|hash| {
        hash.len() == HASH_DIGITS && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    });
    let is_memory = parts.next().and_then(|it| it.strip_prefix("mem")).is_some_and(|size| !size.is_empty());
    is_hash
        && is_memory
        && numbered(parts.next(), "sm")
        && numbered(parts.next(), "cnt")
        && parts.next_back() == Some("gpu")
        && parts.next().is_some()
}

/// How many digits of the hash of its content the name of a platform's template carries.
const HASH_DIGITS: usize = 2 * HASHED;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_text_is_believed_only_under_the_name_that_it_gives() {
        let text = r#"{"devices":{"requests":[]}}"#;
        let name = format!("gpu-h100-cnt1-sm50-memmax-{}", hash(text));
        assert!(is_platform_template(&name), "{name}");
        assert_eq!(Template::recorded(text, &name).expect("its own text").name, name);
        for (text, name) in [(text, "gpu-h100-cnt1-sm50-memmax-0123456789"), ("{}", &name), (text, "mine")] {
            assert_eq!(Template::recorded(text, name), None, "{text} as {name}");
        }
        let no_spec = "[]";
        assert_eq!(Template::recorded(no_spec, &format!("gpu-h100-cnt1-sm50-memmax-{}", hash(no_spec))), None);
    }

    #[test]
    fn names_of_the_platforms_templates_are_known() {
        for name in ["gpu-h100-cnt1-sm50-memmax-0123456789", "gpu-rtx-6000-pro-cnt2-sm100-mem20gi-abcdef0123"] {
            assert!(is_platform_template(name), "{name}");
        }
        for name in [
            "",
            "gpu",
            "gpu-cnt1-sm50-memmax-0123456789",
            "gpu-h100-cnt1-sm50-memmax-012345678",
            "gpu-h100-cnt1-sm50-memmax-012345678g",
            "gpu-h100-cnt1-sm-memmax-0123456789",
            "my-gpu-h100-cnt1-sm50-memmax-0123456789",
            "big-gpu",
        ] {
            assert!(!is_platform_template(name), "{name}");
        }
    }
}
