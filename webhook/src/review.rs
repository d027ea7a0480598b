//! AdmissionReview in: what the API server asks.
//!
//! The submitted object stays raw JSON: a typed copy would lose fields that this build does not know. This, and what
//! answers need (the code 404 upon which controllers leave an adoption alone, audit annotations, causes), is why the types are
//! ours and not those of `kube::core::admission`.

mod submitted;
mod user_info;

use policy_engine::object::kinds::GroupResource;
use policy_engine::submission::Requester;
use policy_engine::{Act, Submission};
use serde::Deserialize;
use serde_json::Value;

pub use user_info::{Extra, UserInfo};

/// The version of the review protocol that we speak.
pub const API_VERSION: &str = "admission.k8s.io/v1";
/// The kind of a review.
pub const KIND: &str = "AdmissionReview";

/// What the API server sends.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Review {
    api_version: String,
    kind: String,
    request: Option<Request>,
}

/// What must be known to answer at all.
#[derive(Deserialize)]
struct Named {
    request: Option<Uid>,
}

#[derive(Deserialize)]
struct Uid {
    uid: String,
}

/// What is to be decided.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// Names this call, not the object: a retry has another.
    pub uid: String,
    /// The kind of the object that is submitted.
    pub kind: GroupVersionKind,
    /// The resource that is submitted to.
    pub resource: GroupVersionResource,
    /// The subresource, e.g. `scale`.
    #[serde(default)]
    pub sub_resource: String,
    /// The object's name; empty while it is not generated yet.
    #[serde(default)]
    pub name: String,
    /// The namespace; empty for cluster-scoped objects.
    #[serde(default)]
    pub namespace: String,
    /// CREATE, UPDATE, DELETE or CONNECT.
    pub operation: String,
    /// Who asks.
    pub user_info: UserInfo,
    /// The object as it would be.
    #[serde(default, deserialize_with = "submitted::read")]
    pub object: Option<Value>,
    /// The object as it is.
    #[serde(default, deserialize_with = "submitted::read")]
    pub old_object: Option<Value>,
    /// Whether nothing will be stored.
    #[serde(default)]
    pub dry_run: Option<bool>,
}

/// A kind, fully named.
#[derive(Debug, Deserialize)]
pub struct GroupVersionKind {
    /// API group; empty for the core group.
    #[serde(default)]
    pub group: String,
    /// Version.
    pub version: String,
    /// Kind.
    pub kind: String,
}

/// A resource, fully named.
#[derive(Debug, Deserialize)]
pub struct GroupVersionResource {
    /// API group; empty for the core group.
    #[serde(default)]
    pub group: String,
    /// Version.
    pub version: String,
    /// Plural name.
    pub resource: String,
}

/// Why a body is no review. Answered with a 400, since there is nothing to decide.
#[derive(Debug, thiserror::Error)]
pub enum NoReview {
    /// The body is not JSON, or not of this shape.
    #[error("the body is no AdmissionReview")]
    Malformed(#[source] serde_json::Error),
    /// The body is something else.
    #[error("the body is a {kind} of {api_version}; send an AdmissionReview of {API_VERSION}")]
    OtherKind {
        /// Its `apiVersion`.
        api_version: String,
        /// Its `kind`.
        kind: String,
    },
    /// The review asks nothing.
    #[error("the AdmissionReview has no request")]
    NoRequest,
}

impl Request {
    /// Reads a review.
    ///
    /// # Errors
    /// Where the body is none.
    pub fn read(body: &[u8]) -> Result<Self, NoReview> {
        let Review { api_version, kind, request } = serde_json::from_slice(body).map_err(NoReview::Malformed)?;
        if api_version != API_VERSION || kind != KIND {
            return Err(NoReview::OtherKind { api_version, kind });
        }
        request.ok_or(NoReview::NoRequest)
    }

    /// Reads under which uid a review is answered, and keeps nothing else of it.
    ///
    /// # Errors
    /// Where the body is no review.
    pub fn read_uid(body: &[u8]) -> Result<String, NoReview> {
        let Named { request } = serde_json::from_slice(body).map_err(NoReview::Malformed)?;
        request.map(|request| request.uid).ok_or(NoReview::NoRequest)
    }

    /// Who asks.
    pub fn requester(&self) -> Requester<'_> {
        Requester { username: &self.user_info.username, groups: &self.user_info.groups }
    }

    /// Whether a Pod is bound through the old resource `bindings`, which names the Pod and not itself.
    fn is_old_binding(&self) -> bool {
        self.resource.group.is_empty() && self.resource.resource == "bindings"
    }

    /// The request as the engine reads it: without the version, since with `matchPolicy: Equivalent` every one means the same.
    pub fn submission(&self) -> Submission<'_> {
        if self.is_old_binding() {
            return Submission {
                act: Act::Bind,
                resource: GroupResource::new("", "pods"),
                subresource: "binding",
                ..self.as_sent()
            };
        }
        self.as_sent()
    }

    fn as_sent(&self) -> Submission<'_> {
        let resource = GroupResource::new(&self.resource.group, &self.resource.resource);
        let is_pod = resource.is_core("pods");
        let whole = self.sub_resource.is_empty() || (is_pod && self.kind.kind == "Pod");
        Submission {
            act: Act::of(&self.operation, &self.sub_resource, whole),
            resource,
            subresource: &self.sub_resource,
            kind: match self.sub_resource.as_str() {
                "" => &self.kind.kind,
                _ if is_pod => "Pod",
                _ => singular(&self.resource.resource),
            },
            namespace: &self.namespace,
            name: if self.sub_resource == "proxy" { proxied(&self.name) } else { &self.name },
            requester: self.requester(),
            object: self.object.as_ref(),
            old: self.old_object.as_ref(),
        }
    }
}

/// The name in `[scheme:]name[:port]`, which is what a request for a proxy carries where others carry a name.
fn proxied(name: &str) -> &str {
    let parts: Vec<_> = name.split(':').collect();
    match parts.as_slice() {
        [name] | [name, _] | [_, name, _] => name,
        _ => name,
    }
}

/// What people call one of these. A review of a subresource names the subresource's kind and the parent's plural only.
fn singular(resource: &str) -> &str {
    resource.strip_suffix('s').unwrap_or(resource)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxys_target_is_found_between_scheme_and_port() {
        for name in ["web", "web:8888", "https:web:", "https:web:8888", ":web:"] {
            assert_eq!(proxied(name), "web", "{name}");
        }
        assert_eq!(proxied("a:b:c:d"), "a:b:c:d", "is no such name, and there is no such Pod");
    }
}
