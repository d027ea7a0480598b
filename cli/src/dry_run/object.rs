//! What is submitted, and by whom.

use serde::Serialize;
use serde_json::Value;

/// An object as it was found in a file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Submitted {
    /// File and place in it, for sentences.
    pub(super) origin: String,
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) object: Value,
}

/// Which object an answer is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ObjectRef {
    pub(super) api_version: String,
    pub(super) kind: String,
    /// Absent for a cluster-scoped object.
    pub(super) namespace: Option<String>,
    /// The name, or the prefix that a name is generated from.
    pub(super) name: String,
}

impl std::fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

impl Submitted {
    /// Reads what every object has.
    pub(super) fn read(object: Value, origin: String) -> anyhow::Result<Self> {
        let text =
            |key: &str| object.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
        let (api_version, kind) = match (text("apiVersion"), text("kind")) {
            (Some(api_version), Some(kind)) => (api_version, kind),
            (None, _) => anyhow::bail!("{origin}: it has no apiVersion; write for example apiVersion: v1"),
            (_, None) => anyhow::bail!("{origin}: it has no kind; write for example kind: Pod"),
        };
        let submitted = Self { origin, api_version, kind, object };
        anyhow::ensure!(
            !submitted.name().is_empty(),
            "{}: the {} has no metadata.name; name it, or write a metadata.generateName",
            submitted.origin,
            submitted.kind
        );
        Ok(submitted)
    }

    pub(super) fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }

    /// The name, or what one is generated from.
    pub(super) fn name(&self) -> &str {
        [self.meta("name"), self.meta("generateName")].into_iter().flatten().next().unwrap_or_default()
    }

    pub(super) fn meta(&self, key: &str) -> Option<&str> {
        self.object.get("metadata")?.get(key)?.as_str().filter(|text| !text.is_empty())
    }

    /// The namespace to submit to: the object's, or what was asked, or the context's.
    pub(super) fn namespace(
        &self,
        namespaced: bool,
        asked: Option<&str>,
        context: Option<&str>,
    ) -> anyhow::Result<Option<String>> {
        const LAST_RESORT: &str = "default";
        const LONGEST: usize = 63;
        if !namespaced {
            return Ok(None);
        }
        let namespace = self.meta("namespace").or(asked).or(context).unwrap_or(LAST_RESORT);
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        anyhow::ensure!(
            namespace.len() <= LONGEST && namespace.bytes().all(plain),
            "{}: {namespace:?} is no name of a namespace; use a-z, 0-9 and -, {LONGEST} at most",
            self.origin
        );
        Ok(Some(namespace.to_owned()))
    }

    pub(super) fn reference(&self, namespace: Option<String>) -> ObjectRef {
        ObjectRef {
            api_version: self.api_version.clone(),
            kind: self.kind.clone(),
            namespace,
            name: self.name().to_owned(),
        }
    }
}

/// Who submits, with the groups that the API server would add to an impersonated user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asker {
    pub(super) username: String,
    pub(super) groups: Vec<String>,
    /// The groups as they were given.
    pub(super) asked: Vec<String>,
}

impl Asker {
    /// The user of `--as`; `None` where it is whoever the kubeconfig says.
    pub(super) fn new(user: Option<String>, asked: Vec<String>) -> Option<Self> {
        const AUTHENTICATED: &str = "system:authenticated";
        const UNAUTHENTICATED: &str = "system:unauthenticated";
        let username = user?;
        let mut groups = asked.clone();
        if let Some((namespace, _)) = username.strip_prefix("system:serviceaccount:").and_then(|it| it.split_once(':'))
            && asked.is_empty()
        {
            groups.extend(["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")]);
        }
        let proven = if username == "system:anonymous" { UNAUTHENTICATED } else { AUTHENTICATED };
        if !groups.iter().any(|group| group == AUTHENTICATED || group == UNAUTHENTICATED) {
            groups.push(proven.to_owned());
        }
        Some(Self { username, groups, asked })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(metadata: Value) -> anyhow::Result<Submitted> {
        Submitted::read(json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata}), "pod.yaml".into())
    }

    #[test]
    fn the_object_names_its_namespace_then_the_flag_then_the_context() {
        let (with, without) = (pod(json!({"name": "a", "namespace": "own"})), pod(json!({"name": "a"})));
        let (with, without) = (with.expect("a Pod"), without.expect("a Pod"));
        let namespace = |it: &Submitted, asked, context| it.namespace(true, asked, context).expect("a name");
        assert_eq!(namespace(&with, Some("flag"), Some("context")).as_deref(), Some("own"));
        assert_eq!(namespace(&without, Some("flag"), Some("context")).as_deref(), Some("flag"));
        assert_eq!(namespace(&without, None, Some("context")).as_deref(), Some("context"));
        assert_eq!(namespace(&without, None, None).as_deref(), Some("default"));
        assert_eq!(with.namespace(false, Some("flag"), None).ok(), Some(None));
        let elsewhere = without.namespace(true, Some("../../nodes"), None).err().map(|error| error.to_string());
        let expected = "pod.yaml: \"../../nodes\" is no name of a namespace; use a-z, 0-9 and -, 63 at most";
        assert_eq!(elsewhere.as_deref(), Some(expected));
    }

    #[test]
    fn an_object_without_a_name_is_refused_by_a_sentence() {
        let said = pod(json!({})).err().map(|error| error.to_string());
        let expected = "pod.yaml: the Pod has no metadata.name; name it, or write a metadata.generateName";
        assert_eq!(said.as_deref(), Some(expected));
        assert_eq!(
            pod(json!({"generateName": "train-"})).ok().map(|it| it.name().to_owned()).as_deref(),
            Some("train-")
        );
    }

    #[test]
    fn an_impersonated_user_has_the_groups_that_the_api_server_adds() {
        let groups = |user: &str, asked: &[&str]| {
            let asked = asked.iter().map(|&group| group.to_owned()).collect();
            Asker::new(Some(user.into()), asked).map(|asker| asker.groups).unwrap_or_default()
        };
        assert_eq!(groups("alice", &["dev"]), ["dev", "system:authenticated"]);
        assert_eq!(
            groups("system:serviceaccount:ci:bot", &[]),
            ["system:serviceaccounts", "system:serviceaccounts:ci", "system:authenticated"]
        );
        assert_eq!(groups("system:anonymous", &[]), ["system:unauthenticated"]);
        assert_eq!(Asker::new(None, Vec::new()), None);
    }
}
