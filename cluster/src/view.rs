//! What the daemons see: each a function of the [`World`](crate::world::World), named as the daemon that it is for; and what people are shown.

pub mod counts;
pub mod devices;
pub mod follow;
pub mod ledger;
pub mod plan_window;
pub mod preemption;
pub mod switch_queue;
pub mod templates;
pub mod window_close;
pub mod workspaces;

use kube::core::ObjectMeta;
use policy_engine::daemons::common::Seen;
use policy_engine::daemons::common::{MANAGED_BY, MANAGER};

/// Which state of an object was seen.
fn seen(meta: &ObjectMeta) -> Option<Seen> {
    Some(Seen { uid: meta.uid.clone()?, resource_version: meta.resource_version.clone()? })
}

/// Whether an object carries the platform's mark.
fn is_managed(meta: &ObjectMeta) -> bool {
    label(meta, MANAGED_BY).is_some_and(|by| by == MANAGER)
}

fn label<'a>(meta: &'a ObjectMeta, key: &str) -> Option<&'a str> {
    meta.labels.as_ref()?.get(key).map(String::as_str)
}

fn annotation<'a>(meta: &'a ObjectMeta, key: &str) -> Option<&'a str> {
    meta.annotations.as_ref()?.get(key).map(String::as_str)
}
