//! AdmissionReview out: the decision in the API server's words.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use json_patch::Patch;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Status, StatusCause, StatusDetails};
use policy_engine::Decision;
use policy_engine::admission::decision::MOST_SHOWN;
use policy_engine::policy::rule_id;
use serde::Serialize;

use crate::review::{API_VERSION, KIND};

/// The answer to a review.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    api_version: &'static str,
    kind: &'static str,
    response: Response,
}

/// The decision, in the API server's words.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    /// The uid of the request.
    pub uid: String,
    /// Whether the request goes on.
    pub allowed: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// What changes, as JSON Patch in Base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch: Option<String>,
    /// Always `JSONPatch` where there is a patch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch_type: Option<&'static str>,
    /// What kubectl prints.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// What the API server's audit log keeps.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub audit_annotations: BTreeMap<&'static str, String>,
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Self { api_version: API_VERSION, kind: KIND, response }
    }
}

impl Response {
    /// Nothing stands in the way.
    pub fn allow(uid: &str) -> Self {
        Self {
            uid: uid.into(),
            allowed: true,
            status: None,
            patch: None,
            patch_type: None,
            warnings: Vec::new(),
            audit_annotations: BTreeMap::new(),
        }
    }

    /// The request is refused with this status.
    pub fn refuse(uid: &str, status: Status) -> Self {
        Self { allowed: false, status: Some(status), ..Self::allow(uid) }
    }

    /// A decision that changes nothing.
    pub fn decided(uid: &str, decision: &Decision) -> Self {
        let mut response =
            if decision.allowed() { Self::allow(uid) } else { Self::refuse(uid, forbidden(uid, decision)) };
        response.warnings = warnings(&decision.warnings);
        response
    }

    /// Says a refusal in the way that people read of it in a controller's Event: `kubectl get events` shows the first line.
    #[must_use]
    pub fn in_an_event(mut self, decision: &Decision) -> Self {
        if let (Some(status), [first, ..]) = (&mut self.status, &decision.denials[..]) {
            let rules = rule_id::list(decision.denying_rules());
            let (head, short) = (format!("denied: {rules}\n{first}"), format!("denied: {first}"));
            status.message = status.message.as_ref().map(|message| message.replacen(&head, &short, 1));
        }
        self
    }

    /// Says a refusal in the way that controllers understand of an adoption: they leave alone an object that is not there
    /// and go on, where another error stops all that they do for its owner.
    #[must_use]
    pub fn adoption(mut self) -> Self {
        if let Some(status) = &mut self.status {
            status.code = Some(404);
            status.reason = Some("NotFound".into());
        }
        self
    }

    /// Adds what changes the object.
    #[must_use]
    pub fn with_patch(mut self, patch: &Patch) -> Self {
        if !patch.is_empty() {
            match serde_json::to_vec(patch) {
                Ok(bytes) => self.patch = Some(STANDARD.encode(bytes)),
                Err(error) => unreachable!("a patch has string keys only: {error}"),
            }
            self.patch_type = Some("JSONPatch");
        }
        self
    }

    /// Adds what the API server's audit log keeps.
    #[must_use]
    pub fn audited(mut self, decision_id: &str, policy_version: &str, decision: &Decision) -> Self {
        let verdicts = match decision.denying_rules().as_slice() {
            [] => "allowed".into(),
            rules => format!("denied: {}", rule_id::list(rules.iter().copied())),
        };
        self.audit_annotations = BTreeMap::from([
            ("decision-id", decision_id.to_owned()),
            ("policy-version", policy_version.to_owned()),
            ("verdicts", verdicts),
        ]);
        if !decision.unenforced.is_empty() {
            self.audit_annotations.insert("not-enforced", rule_id::list(decision.unenforced_rules()));
        }
        self
    }
}

/// The API server cuts each warning to so much where all of a request, of every webhook, exceed 4096 characters.
const LONGEST_WARNING: usize = 256;
/// So much in all leaves room for those of others: none is cut then.
const WHOLE: usize = 2048;
/// So many of the longest are what the API server passes on.
const MOST_WARNINGS: usize = 4096 / LONGEST_WARNING;

fn warnings(texts: &[String]) -> Vec<String> {
    let all: usize = texts.iter().map(|text| text.chars().count() + "sluice: ".len()).sum();
    if all <= WHOLE {
        return texts.iter().map(|text| format!("sluice: {text}")).collect();
    }
    let shown = if texts.len() > MOST_WARNINGS { MOST_WARNINGS - 1 } else { texts.len() };
    let mut lines: Vec<_> = texts.iter().take(shown).map(|text| warning(text)).collect();
    if texts.len() > shown {
        lines.push(warning(&format!("and {} more warnings", texts.len() - shown)));
    }
    lines
}

fn warning(text: &str) -> String {
    let mut line = format!("sluice: {text}");
    if let Some((cut, _)) = line.char_indices().nth(LONGEST_WARNING) {
        line.truncate(cut);
    }
    line
}

/// A refusal as kubectl shows it, with one cause per denial for programs. Its last line says by which id the log knows it.
fn forbidden(uid: &str, decision: &Decision) -> Status {
    let causes = decision.denials.iter().take(MOST_SHOWN).map(|denial| StatusCause {
        field: Some(denial.field.clone()),
        message: Some(denial.message.clone()),
        reason: Some(denial.rule.as_str().into()),
    });
    Status {
        code: Some(403),
        message: Some(with_id(decision.to_string(), uid)),
        reason: Some("Forbidden".into()),
        status: Some("Failure".into()),
        details: Some(StatusDetails { causes: Some(causes.collect()), ..StatusDetails::default() }),
        ..Status::default()
    }
}

/// A dry run in a process of its own has no id that anybody could look for.
fn with_id(message: String, uid: &str) -> String {
    if uid.is_empty() { message } else { format!("{message}\n(decision {uid})") }
}

#[cfg(test)]
mod tests {
    use policy_engine::Denial;
    use policy_engine::admission::decision::MOST_KEPT;
    use policy_engine::policy::rule_id::RuleId;

    use super::*;

    #[test]
    fn class_exhaustion_an_answer_has_a_size_whatever_was_asked() {
        let denial = Denial { rule: RuleId::Image, field: "spec".into(), message: "asked x".into() };
        let warnings: Vec<_> = (0..1000).map(|index| format!("{index} {}", "w".repeat(10_000))).collect();
        let decision = Decision { denials: vec![denial; 10 * MOST_KEPT], more: 9000, warnings, ..Decision::default() };
        let response = Response::decided("1", &decision);
        assert_eq!(response.warnings.len(), 16);
        assert!(response.warnings.iter().map(|line| line.chars().count()).sum::<usize>() <= 4096);
        assert_eq!(response.warnings[15], "sluice: and 985 more warnings");
        let status = response.status.expect("a status");
        let message = status.message.expect("a message");
        assert!(message.starts_with("sluice: 10000 denied: image\n"), "{message}");
        assert!(message.ends_with("\nand 9900 more\n(decision 1)"), "{message}");
        assert_eq!(status.details.and_then(|it| it.causes).expect("causes").len(), MOST_SHOWN);
    }

    #[test]
    fn an_event_begins_with_the_first_reason() {
        let denial = |rule| Denial { rule, field: "spec".into(), message: "asked x".into() };
        let denials = vec![denial(RuleId::Image), denial(RuleId::Quota)];
        let decision = Decision { denials, ..Decision::default() };
        let message = |response: Response| response.status.and_then(|status| status.message).expect("a message");
        let people = message(Response::decided("7", &decision));
        assert_eq!(people, "sluice: 2 denied: image, quota\nimage: spec: asked x\nquota: spec: asked x\n(decision 7)");
        let event = message(Response::decided("7", &decision).in_an_event(&decision));
        assert_eq!(event, "sluice: 2 denied: image: spec: asked x\nquota: spec: asked x\n(decision 7)");
    }
}
