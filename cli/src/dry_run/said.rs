//! What the API server's answer to a creation means.

use cluster::dry_run::Answer;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use serde::Deserialize as _;
use serde_json::Value;

use super::verdict::{Denial, denials};

/// The meaning of an answer.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    /// It would be created so.
    Created(Value),
    /// Someone refuses it.
    Denied(Vec<Denial>),
    /// The name is taken, which is found out after admission.
    Taken,
    /// The object cannot be, whoever asks.
    Invalid(String),
    /// Nothing was decided.
    Undecided(String),
}

/// RBAC refuses before admission; there is no field at fault.
const RBAC: &str = "rbac";
/// Another part of the API server refuses: Pod security, quotas, other webhooks.
const OTHERS: &str = "api-server";

/// Reads an answer.
pub(super) fn read(answer: Answer) -> Said {
    if answer.created() {
        return Said::Created(answer.body);
    }
    let status = Status::deserialize(&answer.body).unwrap_or_default();
    let reason = status.reason.clone().unwrap_or_default();
    let message = status.message.clone().unwrap_or_default();
    match answer.status {
        403 if is_sluices(&message) => Said::Denied(denials(status)),
        // It is the one who impersonates who may not: nothing is known about the other.
        403 if message.contains(" cannot impersonate") => Said::Undecided(message),
        403 => {
            let rule = if message.contains(" cannot create resource ") { RBAC } else { OTHERS };
            Said::Denied(vec![Denial { rule: rule.into(), field: String::new(), message }])
        }
        409 if reason == "AlreadyExists" => Said::Taken,
        400 | 404 | 405 | 413 | 415 | 422 => Said::Invalid(message),
        code if message.is_empty() => Said::Undecided(format!("the API server answered {code}")),
        _ => Said::Undecided(message),
    }
}

/// `sluice: <n> denied:`, behind the name of the webhook.
fn is_sluices(message: &str) -> bool {
    let counted = message.split("sluice: ").skip(1).filter_map(|rest| rest.split_once(" denied:"));
    counted.into_iter().any(|(count, _)| count.parse::<usize>().is_ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(status: u16, body: Value) -> Said {
        read(Answer { status, warnings: Vec::new(), body })
    }

    #[test]
    fn a_denial_is_read_from_its_causes() {
        let message =
            "admission webhook \"governed.sluice.dev\" denied the request: sluice: 1 denied: image\nimage: spec: no";
        let cause = json!({"reason": "image", "field": "spec.containers[0].image", "message": "asked x"});
        let denial =
            Denial { rule: "image".into(), field: "spec.containers[0].image".into(), message: "asked x".into() };
        let body = json!({"code": 403, "reason": "Forbidden", "message": message, "details": {"causes": [cause]}});
        assert_eq!(said(403, body), Said::Denied(vec![denial]));
    }

    #[test]
    fn other_refusals_are_named_after_who_refuses() {
        let rule = |message: &str| match said(403, json!({"message": message})) {
            Said::Denied(denials) => denials[0].rule.clone(),
            other => format!("{other:?}"),
        };
        let rbac =
            r#"pods is forbidden: User "dave" cannot create resource "pods" in API group "" in the namespace "x""#;
        assert_eq!(rule(rbac), "rbac");
        assert_eq!(rule(r#"pods "x" is forbidden: violates PodSecurity "baseline:latest""#), "api-server");
        // Before Kubernetes 1.35, and since.
        for impersonation in [
            r#"users "bob" is forbidden: User "alice" cannot impersonate resource "users""#,
            r#"pods is forbidden: User "alice" cannot impersonate-on:user-info:create resource "pods""#,
        ] {
            assert_eq!(said(403, json!({"message": impersonation})), Said::Undecided(impersonation.into()));
        }
    }

    #[test]
    fn what_is_no_verdict_is_bad_input_or_no_answer() {
        let object = json!({"kind": "Pod"});
        assert_eq!(said(201, object.clone()), Said::Created(object));
        assert_eq!(said(409, json!({"reason": "AlreadyExists"})), Said::Taken);
        assert_eq!(said(422, json!({"message": "spec: required"})), Said::Invalid("spec: required".into()));
        assert_eq!(said(400, json!({"message": "unknown field"})), Said::Invalid("unknown field".into()));
        let retry = "admission webhook \"x\" denied the request: sluice: retry: the caches are not filled yet";
        assert_eq!(said(503, json!({"message": retry})), Said::Undecided(retry.into()));
        assert_eq!(
            said(500, json!({"message": "failed calling webhook"})),
            Said::Undecided("failed calling webhook".into())
        );
        assert_eq!(said(409, json!({"reason": "Conflict", "message": "again"})), Said::Undecided("again".into()));
        assert_eq!(said(502, Value::Null), Said::Undecided("the API server answered 502".into()));
    }
}
