//! The records that platform Admins write, as Kubernetes sees them, and what the platform makes of them. No client.
//!
//! The doc comments of fields are what `kubectl explain` prints: they are the manual. The types read leniently, since
//! the API server has checked the schema; what the platform makes of a record is in `convert`.

#![expect(unreachable_pub, reason = "KubeSchema repeats each struct inside a function")]

pub mod convert;
pub mod daemon;
pub mod files;
pub mod group;
pub mod model;
pub mod plan;
pub mod platform;
pub mod project;
pub mod queue;
pub mod review;
pub mod schema;
#[cfg(test)]
mod tests;
pub mod text;
pub mod user;
pub mod window;
pub mod workspace;

use std::fmt;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

use group::Group;
use model::GpuModel;
use plan::ResourcePlan;
use platform::PlatformPolicy;
use project::Project;
use queue::PlatformQueue;
use review::PlatformReview;
use text::ZoneName;
use user::User;
use workspace::Workspace;

/// The API group of the records.
pub const GROUP: &str = "sluice.dev";

/// The version of the records.
pub const VERSION: &str = "v1alpha1";

/// The name of the one `PlatformPolicy`.
pub const POLICY_NAME: &str = "default";

/// A kind of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// People.
    User,
    /// Teams.
    Group,
    /// What a project gets.
    ResourcePlan,
    /// Priority and preemption.
    PlatformQueue,
    /// GPUs by name.
    GpuModel,
    /// The unit of allocation.
    Project,
    /// The platform as a whole.
    PlatformPolicy,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::User,
        Self::Group,
        Self::ResourcePlan,
        Self::PlatformQueue,
        Self::GpuModel,
        Self::Project,
        Self::PlatformPolicy,
    ];

    /// The kind that objects call by this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// What objects call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
            Self::ResourcePlan => "ResourcePlan",
            Self::PlatformQueue => "PlatformQueue",
            Self::GpuModel => "GpuModel",
            Self::Project => "Project",
            Self::PlatformPolicy => "PlatformPolicy",
        }
    }

    fn definition(self) -> CustomResourceDefinition {
        match self {
            Self::User => User::crd(),
            Self::Group => Group::crd(),
            Self::ResourcePlan => ResourcePlan::crd(),
            Self::PlatformQueue => PlatformQueue::crd(),
            Self::GpuModel => GpuModel::crd(),
            Self::Project => Project::crd(),
            Self::PlatformPolicy => PlatformPolicy::crd(),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The definitions to install.
pub fn crds() -> Vec<CustomResourceDefinition> {
    Kind::ALL.into_iter().map(crd).chain([review(), workspace()]).collect()
}

/// The definition of `Workspace`, which people write and no admin: the policy is made of the others.
pub fn workspace() -> CustomResourceDefinition {
    tidied(Workspace::crd())
}

/// The definition of one kind.
pub fn crd(kind: Kind) -> CustomResourceDefinition {
    tidied(kind.definition())
}

/// The definition of `PlatformReview`. Of a kind with a status of its own the API server takes away what is written there
/// at creation, and nothing of a review is ever updated.
fn review() -> CustomResourceDefinition {
    let mut definition = PlatformReview::crd();
    definition.spec.versions.iter_mut().for_each(|version| version.subresources = None);
    tidied(definition)
}

fn tidied(mut definition: CustomResourceDefinition) -> CustomResourceDefinition {
    for version in &mut definition.spec.versions {
        if let Some(root) = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut()) {
            schema::tidy(root);
        }
    }
    definition
}

/// The definitions as files: `<plural>.yaml` and its text.
///
/// # Errors
/// Never for these types, which have string keys only.
pub fn crds_yaml() -> Result<Vec<(String, String)>, serde_norway::Error> {
    let file = |definition: CustomResourceDefinition| {
        let text = serde_norway::to_string(&definition)?;
        Ok((format!("{}.yaml", definition.spec.names.plural), quote_words(&text)))
    };
    crds().into_iter().map(file).collect()
}

/// kubectl and Helm read YAML 1.1, where these are booleans: an enum's bare `off` would come to mean `false`.
const WORDS: [&str; 6] = ["off", "on", "yes", "no", "y", "n"];

/// Quotes the words of lists that only YAML 1.2 reads as text.
fn quote_words(yaml: &str) -> String {
    let quote = |line: &str| match line.rsplit_once("- ") {
        Some((indent, word)) if indent.trim().is_empty() && WORDS.contains(&word.to_lowercase().as_str()) => {
            format!("{indent}- '{word}'\n")
        }
        _ => format!("{line}\n"),
    };
    yaml.lines().map(quote).collect()
}

fn utc() -> ZoneName {
    "UTC".into()
}
