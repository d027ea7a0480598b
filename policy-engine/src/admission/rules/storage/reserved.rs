//! A new claim under a name for which a volume of the cluster is reserved.

use std::fmt;

use super::owner;
use crate::admission::findings::Findings;
use crate::contract::RESERVED_FOR;
use crate::object::place::Place;
use crate::policy::names::ProjectName;
use crate::submission::case::Case;
use crate::submission::identity::Owner;
use crate::submission::volumes::Reserved;

/// Whether the claim could be bound to the volume is not asked: its class and its size are the maker's to choose.
pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    let party = owner(case);
    if party.manages_project(case) {
        return;
    }
    for Reserved { volume, user_id } in &case.volumes.reserved {
        let user_id = user_id.as_ref();
        if user_id.is_none() || !party.owner.is(user_id) {
            let whom = user_id.map(|id| Owner::stamped(Some(id), case.policy));
            let why = Taken { volume, whom, project: &case.project.name };
            say.deny(Place::of(["metadata", "name"]), format_args!("{party} asked a name for which {why}"));
        }
    }
}

struct Taken<'a> {
    volume: &'a str,
    whom: Option<Owner<'a>>,
    project: &'a ProjectName,
}

impl fmt::Display for Taken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { volume, whom, project } = self;
        write!(f, "PersistentVolume {volume} is reserved; only ")?;
        if let Some(whom) = whom {
            write!(f, "{whom} and ")?;
        }
        let ask = "choose another name, ask one, or ask a platform admin to name you in the volume's annotation";
        write!(f, "Managers of project {project} make this claim; {ask} {RESERVED_FOR}")
    }
}
