//! Ids of projects, users and groups: what labels and the ledger carry. One is made by `new` alone, where a text is known
//! to be an id, and never becomes a [name](super::names): most records have the same text as both, and some do not.

use std::borrow::Borrow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::names::texts;

texts! {
    /// Id of a `Project`: the label `platform-go/project-id`. The empty one is no project's.
    #[derive(Default, Deserialize)]
    #[serde(transparent)]
    ProjectId;
    /// Id of a `User`: the label `platform-go/user-id`. The empty one is no user's.
    #[derive(Default, Deserialize)]
    #[serde(transparent)]
    UserId;
    /// Id of a `Group`: the label `platform-go/group-id`, and what is before the dot in `platform-go/group-storage`. The
    /// empty one is no group's.
    #[derive(Default, Deserialize)]
    #[serde(transparent)]
    GroupId;
}
