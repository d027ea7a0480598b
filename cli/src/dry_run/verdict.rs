//! What is said about an object.

use anyhow::Error;
use json_patch::Patch;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use serde::Serialize;
use serde_json::Value;

use super::object::ObjectRef;
use crate::ending::Ending;

/// The answer about one object: the contract of `-o json`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Verdict {
    pub(super) object: ObjectRef,
    pub(super) allowed: bool,
    pub(super) denials: Vec<Denial>,
    /// What Sluice says beside the verdict.
    pub(super) warnings: Vec<String>,
    /// What Sluice writes, one operation for each field.
    pub(super) patch: Patch,
    pub(super) policy_version: Option<String>,
    /// What others say, and what is good to know: for people.
    #[serde(skip)]
    pub(super) notes: Vec<String>,
    /// The object as it was submitted.
    #[serde(skip)]
    pub(super) submitted: Value,
}

/// One reason why an object is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Denial {
    pub(super) rule: String,
    pub(super) field: String,
    pub(super) message: String,
}

/// The reasons that a refusal carries for programs.
pub(super) fn denials(status: Status) -> Vec<Denial> {
    let causes = status.details.and_then(|details| details.causes).unwrap_or_default();
    let denial = |cause: k8s_openapi::apimachinery::pkg::apis::meta::v1::StatusCause| Denial {
        rule: cause.reason.unwrap_or_default(),
        field: cause.field.unwrap_or_default(),
        message: cause.message.unwrap_or_default(),
    };
    causes.into_iter().map(denial).collect()
}

/// Why there is no verdict on an object.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// The object cannot be.
    Invalid(Error),
    /// Nobody could be asked.
    Unasked(Error),
}

/// What the verdicts come to.
pub(super) fn ending(verdicts: &[Verdict], strict: bool) -> Ending {
    if verdicts.iter().any(|verdict| !verdict.allowed) {
        Ending::Denied
    } else if strict && verdicts.iter().any(|verdict| !verdict.warnings.is_empty()) {
        Ending::Warned
    } else {
        Ending::Fine
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(allowed: bool, warnings: &[&str]) -> Verdict {
        let object = ObjectRef { api_version: "v1".into(), kind: "Pod".into(), namespace: None, name: "a".into() };
        Verdict {
            object,
            allowed,
            denials: Vec::new(),
            warnings: warnings.iter().map(|&text| text.to_owned()).collect(),
            patch: Patch(Vec::new()),
            policy_version: None,
            notes: Vec::new(),
            submitted: Value::Null,
        }
    }

    #[test]
    fn a_denial_counts_before_a_warning_and_a_warning_only_if_asked() {
        let (good, warned, denied) = (verdict(true, &[]), verdict(true, &["sluice: x"]), verdict(false, &[]));
        assert_eq!(ending(&[good.clone(), warned.clone()], false), Ending::Fine);
        assert_eq!(ending(&[good.clone(), warned.clone()], true), Ending::Warned);
        assert_eq!(ending(&[good, warned, denied], true), Ending::Denied);
        assert_eq!(ending(&[], true), Ending::Fine);
    }
}
