//! What a question is about, once it is known that the asker may know.

use ::records::review::{About, Subject};
use decide::viewer::Viewer;
use policy_engine::Denial;

use super::denied;

/// What is asked about.
pub(super) enum Target {
    /// What happened, by its id.
    Id(String),
    /// An object.
    Object { kind: Subject, namespace: String, name: String },
}

/// Reads what is asked about; an object must be in a Namespace where the asker may work.
pub(super) fn target(about: About, viewer: &Viewer<'_>) -> Result<Target, Denial> {
    let About { id, kind, namespace, name } = about;
    if let Some(id) = id {
        return Ok(Target::Id(id));
    }
    let (Some(namespace), Some(name)) = (namespace, name) else {
        let said = "asked about nothing; write about.namespace and about.name, or about.id".to_owned();
        return Err(denied("spec.about", said));
    };
    if !viewer.sees(&namespace) {
        return Err(denied(
            "spec.about.namespace",
            format!(
                "asked about {namespace}, which is no namespace of a project that you are a member of; ask about one that \
                 sluice me lists, or ask a platform Admin"
            ),
        ));
    }
    Ok(Target::Object { kind, namespace, name })
}
