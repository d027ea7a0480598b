//! Volumes that groups and projects share, and the lanes of new ones.

use std::collections::BTreeMap;

use policy_engine::policy::storage::{AccessMode, Lane, Permission, Storage};

use super::problem::{About, Report};
use crate::{group, platform};

/// The storage of a group or a project by name. A name is listed once: what a second line would grant is not read.
pub(super) fn storage(written: &[group::Storage], about: &About, report: &mut Report) -> BTreeMap<String, Storage> {
    let mut all = BTreeMap::new();
    for (index, group::Storage { name, default, users }) in written.iter().enumerate() {
        let name = name.as_str();
        if all.contains_key(name) {
            let message = format!("{name} is listed already; name each volume once");
            report.refuse(about, format!("spec.storage[{index}]"), message);
            continue;
        }
        let users = users.iter().map(|(user, may)| (user.as_str().into(), permission(*may)));
        let storage = Storage { default: permission(*default), users: users.collect() };
        all.insert(name.to_owned(), storage);
    }
    all
}

fn permission(written: group::Permission) -> Permission {
    match written {
        group::Permission::ReadOnly => Permission::ReadOnly,
        group::Permission::ReadWrite => Permission::ReadWrite,
        group::Permission::None => Permission::None,
    }
}

pub(super) fn lane(written: &platform::StorageLane) -> Lane {
    let platform::StorageLane { storage_class_name, access_mode } = written;
    Lane {
        storage_class: storage_class_name.0.clone(),
        access_mode: match access_mode {
            platform::AccessMode::ReadWriteOnce => AccessMode::ReadWriteOnce,
            platform::AccessMode::ReadWriteMany => AccessMode::ReadWriteMany,
            platform::AccessMode::ReadOnlyMany => AccessMode::ReadOnlyMany,
            platform::AccessMode::ReadWriteOncePod => AccessMode::ReadWriteOncePod,
        },
    }
}
