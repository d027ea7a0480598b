//! What is asked, and what is known about it.

pub mod case;
pub mod compute;
pub mod counted;
pub mod deputy;
pub mod device_claim;
pub mod devices;
pub mod facts;
pub(crate) mod found;
pub mod identity;
pub mod inventory;
pub mod pod;
pub(crate) mod remembered;
pub mod slots;
pub use case::switch;
pub mod volume_claim;
pub mod volumes;

use serde_json::Value;

use crate::object::Object;
use crate::object::kinds::GroupResource;

/// What the API server asks about.
#[derive(Clone, Debug)]
pub struct Submission<'a> {
    /// What is done.
    pub act: Act,
    /// The resource that it is done to.
    pub resource: GroupResource,
    /// The subresource, empty for the object itself.
    pub subresource: &'a str,
    /// Kind of the resource, for sentences.
    pub kind: &'a str,
    /// Namespace of the request.
    pub namespace: &'a str,
    /// Name of the object; empty while the API server has not generated it.
    pub name: &'a str,
    /// Who sends it.
    pub requester: Requester<'a>,
    /// The object as it would be.
    pub object: Option<&'a Value>,
    /// The object as it is.
    pub old: Option<&'a Value>,
}

impl<'a> Submission<'a> {
    /// The object of a creation, or of a change of more than metadata and status.
    pub(crate) fn changed_object(&self) -> Option<&'a Value> {
        let object = self.object.filter(|_| matches!(self.act, Act::Create | Act::Update))?;
        let is_same = self.old.is_some_and(|old| Object(old).same_content(&Object(object)));
        (!is_same).then_some(object)
    }
}

/// What is done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// It is made.
    Create,
    /// It is changed, in whole or through a subresource that carries all of it.
    Update,
    /// It is changed through a subresource that carries something else: scale, and whatever Kubernetes may add.
    Touch,
    /// Its status is written.
    Status,
    /// A Pod is put on a node.
    Bind,
    /// It is deleted or evicted.
    Delete,
    /// Someone speaks to what runs in it.
    Connect,
}

impl Act {
    /// The act that an operation on a subresource is. `whole` says whether the review carries the object itself.
    pub fn of(operation: &str, subresource: &str, whole: bool) -> Self {
        match (operation, subresource) {
            ("DELETE", _) | (_, "eviction") => Self::Delete,
            ("CONNECT", _) => Self::Connect,
            ("CREATE", "") => Self::Create,
            (_, "binding") => Self::Bind,
            (_, "status") => Self::Status,
            (_, _) if whole => Self::Update,
            (_, _) => Self::Touch,
        }
    }
}

/// Who sent the request, as the API server says.
#[derive(Clone, Copy, Debug)]
pub struct Requester<'a> {
    /// `userInfo.username`.
    pub username: &'a str,
    /// `userInfo.groups`.
    pub groups: &'a [String],
}

impl Requester<'_> {
    pub(crate) fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|it| it == group)
    }
}
