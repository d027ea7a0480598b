//! Volumes that are submitted beside what names them: they count as made.

use std::collections::BTreeMap;

use policy_engine::Submission;
use policy_engine::object::Object;
use policy_engine::policy::Policy;
use policy_engine::submission::volumes::{Known, Named, Standing, Volumes};

use super::super::object::{Asker, Submitted};

/// Whose the submitted volumes are, by namespace and name.
#[derive(Default)]
pub(super) struct Submissions {
    claims: BTreeMap<(String, String), Standing>,
    snapshots: BTreeMap<(String, String), Standing>,
}

impl Submissions {
    /// The claims and snapshots among the objects. One that comes from a cluster is whose its labels say, a new one is the
    /// asker's.
    pub(super) fn among(
        objects: &[Submitted],
        namespace: Option<&str>,
        context: Option<&str>,
        policy: &Policy,
        asker: &Asker,
    ) -> Self {
        let mut all = Self::default();
        let user_id = policy.user_by_username(&asker.username).map(|user| user.id.clone());
        for submitted in objects {
            let volumes = match (submitted.group(), submitted.kind.as_str()) {
                ("", "PersistentVolumeClaim") => &mut all.claims,
                (policy_engine::object::kinds::SNAPSHOT_GROUP, "VolumeSnapshot") => &mut all.snapshots,
                (_, _) => continue,
            };
            let (Ok(Some(namespace)), Some(name)) =
                (submitted.namespace(true, namespace, context), submitted.meta("name"))
            else {
                continue;
            };
            let written = Standing::of(|key| Object(&submitted.object).label(key));
            let exists = submitted.meta("uid").is_some();
            let standing = if exists { written } else { Standing { user_id: user_id.clone(), ..written } };
            volumes.insert((namespace, name.to_owned()), standing);
        }
        all
    }

    /// What is known where no cluster can be asked.
    pub(super) fn alone(&self, submission: &Submission<'_>, policy: &Policy) -> Volumes {
        let Named { claims, snapshots } = Named::by(submission, policy);
        let untold =
            |names: std::collections::BTreeSet<String>| names.into_iter().map(|it| (it, Known::Untold)).collect();
        let known = Volumes { claims: untold(claims), snapshots: untold(snapshots), ..Volumes::default() };
        self.besides(submission.namespace, known)
    }

    /// What the cluster knows, and what would be there besides.
    pub(super) fn besides(&self, namespace: &str, mut known: Volumes) -> Volumes {
        for (volumes, submitted) in [(&mut known.claims, &self.claims), (&mut known.snapshots, &self.snapshots)] {
            for (name, known) in volumes {
                let standing = submitted.get(&(namespace.to_owned(), name.clone()));
                if let (Known::Missing | Known::Untold, Some(standing)) = (&*known, standing) {
                    *known = Known::There(standing.clone());
                }
            }
        }
        known
    }
}
