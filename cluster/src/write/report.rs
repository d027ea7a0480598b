//! Events: what people read in `kubectl describe`.

use std::fmt;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::ResourceExt;
use kube::runtime::events::{Event, EventType};
use tokio::time::{Instant, timeout_at};

use super::{DEADLINE, WriteFailed, Writer, shortened};
use records::{GROUP, Kind, VERSION};

/// The API server's limit, in bytes.
const LONGEST_NOTE: usize = 1024;

/// The object that an Event is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum About {
    /// A Namespace, by name.
    Namespace(String),
    /// A record, by kind and name.
    Record(Kind, String),
    /// A ResourceClaim, with the UID of the one that was seen.
    Claim {
        /// Its Namespace.
        namespace: String,
        /// Its name there.
        name: String,
        /// Its UID.
        uid: String,
    },
    /// A workload, with the UID of the one that was seen.
    Workload {
        /// Its API group and version.
        api_version: String,
        /// Its kind.
        kind: String,
        /// Its Namespace.
        namespace: String,
        /// Its name there.
        name: String,
        /// Its UID.
        uid: String,
    },
    /// A Pod, with the UID of the one that was seen.
    Pod {
        /// Its Namespace.
        namespace: String,
        /// Its name there.
        name: String,
        /// Its UID.
        uid: String,
    },
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Namespace(name) => write!(f, "Namespace {name}"),
            Self::Record(kind, name) => write!(f, "{kind} {name}"),
            Self::Pod { namespace, name, .. } => write!(f, "Pod {namespace}/{name}"),
            Self::Claim { namespace, name, .. } => write!(f, "ResourceClaim {namespace}/{name}"),
            Self::Workload { kind, namespace, name, .. } => write!(f, "{kind} {namespace}/{name}"),
        }
    }
}

/// Something to tell people.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct News {
    /// Whether it is good.
    pub tone: Tone,
    /// The object that it is about.
    pub about: About,
    /// Another object that it concerns; news of one object, reason and related object count up as one Event.
    pub related: Option<About>,
    /// One word for programs.
    pub reason: &'static str,
    /// The sentence.
    pub note: String,
}

/// Whether an Event is good news.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tone {
    /// Something was done.
    Normal,
    /// Something could not be done.
    Warning,
}

impl Writer {
    /// Writes an Event about an object; `related` is another that it concerns. The same news again only counts up.
    ///
    /// Without a word where the object is not known: nobody can describe it.
    ///
    /// # Errors
    /// Where the API server refuses or does not answer.
    pub async fn tell(&self, news: &News) -> Result<(), WriteFailed> {
        let Some(regarding) = self.reference(&news.about) else { return Ok(()) };
        let event = Event {
            type_: match news.tone {
                Tone::Normal => EventType::Normal,
                Tone::Warning => EventType::Warning,
            },
            reason: news.reason.into(),
            note: Some(shortened(&news.note, LONGEST_NOTE)),
            action: news.reason.into(),
            secondary: news.related.as_ref().and_then(|about| self.reference(about)),
        };
        let what = || format!("an event about {}", regarding.name.as_deref().unwrap_or_default());
        match timeout_at(Instant::now() + DEADLINE, self.recorder.publish(&event, &regarding)).await {
            Ok(published) => published.map_err(|source| WriteFailed::Api { what: what(), source: Box::new(source) }),
            Err(_elapsed) => Err(WriteFailed::Deadline { what: what() }),
        }
    }

    /// With the UID: `kubectl describe` looks for it.
    fn reference(&self, about: &About) -> Option<ObjectReference> {
        let mut within = None;
        let (api_version, kind, name, uid) = match about {
            About::Namespace(name) => ("v1".into(), "Namespace", name, self.world.namespace(name)?.uid()),
            About::Pod { namespace, name, uid } => {
                within = Some(namespace.clone());
                ("v1".into(), "Pod", name, Some(uid.clone()))
            }
            About::Workload { api_version, kind, namespace, name, uid } => {
                within = Some(namespace.clone());
                (api_version.clone(), kind.as_str(), name, Some(uid.clone()))
            }
            About::Claim { namespace, name, uid } => {
                within = Some(namespace.clone());
                ("resource.k8s.io/v1".into(), "ResourceClaim", name, Some(uid.clone()))
            }
            About::Record(kind, name) => {
                let record = self.world.records(*kind).into_iter().find(|record| record.name_any() == *name)?;
                (format!("{GROUP}/{VERSION}"), kind.name(), name, record.uid())
            }
        };
        Some(ObjectReference {
            api_version: Some(api_version),
            kind: Some(kind.into()),
            namespace: within,
            name: Some(name.clone()),
            uid,
            ..ObjectReference::default()
        })
    }
}
