//! Who asks, as the API server has proven it.

use decide::facts::BoundPod;
use serde::Deserialize;

/// Who asks.
#[derive(Debug, Deserialize)]
pub struct UserInfo {
    /// What Kubernetes calls them.
    #[serde(default)]
    pub username: String,
    /// The groups that were proven.
    #[serde(default)]
    pub groups: Vec<String>,
    /// What else was proven.
    #[serde(default)]
    pub extra: Option<Extra>,
}

/// What a token proves beside who asks. The API server lets no authenticator but its own write such keys, and whoever
/// impersonates needs a right for each.
#[derive(Debug, Default, Deserialize)]
pub struct Extra {
    /// The name of the Pod that the token is bound to.
    #[serde(default, rename = "authentication.kubernetes.io/pod-name")]
    pub pod_name: Option<Vec<String>>,
    /// The UID of that Pod.
    #[serde(default, rename = "authentication.kubernetes.io/pod-uid")]
    pub pod_uid: Option<Vec<String>>,
}

impl UserInfo {
    /// The Pod that the requester's token is bound to: one name and one UID, or none.
    pub fn bound_pod(&self) -> Option<BoundPod<'_>> {
        let Extra { pod_name, pod_uid } = self.extra.as_ref()?;
        match (pod_name.as_deref()?, pod_uid.as_deref()?) {
            ([name], [uid]) if !name.is_empty() && !uid.is_empty() => Some(BoundPod { name, uid }),
            (_, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn user_info(of: &Value) -> UserInfo {
        UserInfo::deserialize(of).expect("a user")
    }

    #[test]
    fn a_token_is_of_one_pod_or_of_none() {
        let by = |extra: Value| user_info(&json!({"username": "x", "extra": extra}));
        let (name, uid) = ("authentication.kubernetes.io/pod-name", "authentication.kubernetes.io/pod-uid");
        let bound = by(json!({name: ["driver"], uid: ["u-1"], "example.com/x": ["a", "b"]}));
        assert_eq!(bound.bound_pod(), Some(BoundPod { name: "driver", uid: "u-1" }));
        for other in [
            json!({name: ["driver"]}),
            json!({uid: ["u-1"]}),
            json!({name: ["driver", "other"], uid: ["u-1"]}),
            json!({name: ["driver"], uid: ["u-1", "u-2"]}),
            json!({name: [""], uid: ["u-1"]}),
            json!({name: [], uid: null}),
            json!({}),
            Value::Null,
        ] {
            assert_eq!(by(other.clone()).bound_pod(), None, "{other}");
        }
        assert_eq!(user_info(&json!({"username": "x"})).bound_pod(), None);
    }
}
