//! Whose an object is that nobody can say: why, and what helps.

use std::fmt;

use crate::contract;
use crate::object::place::Place;
use crate::policy::project::Project;
use crate::submission::case::{Case, NoOwner};
use crate::submission::deputy::{Deputy, ServiceAccount};

pub(super) fn fault(why: &NoOwner<'_>) -> Place {
    match why {
        NoOwner::Stranger => Place::of(["metadata", "namespace"]),
        NoOwner::Unasserted | NoOwner::Asserted(_) => Place::of(["metadata", "labels", contract::USER_ID]),
        NoOwner::Several(_) => Place::of(["metadata", "name"]),
        NoOwner::Uncontrolled | NoOwner::Unlisted { .. } | NoOwner::Gone { .. } => {
            Place::of(["metadata", "ownerReferences"])
        }
    }
}

pub(super) struct Unidentified<'a> {
    pub(super) case: &'a Case<'a>,
    pub(super) why: &'a NoOwner<'a>,
}

impl fmt::Display for Unidentified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let username = self.case.submission.requester.username;
        match self.why {
            NoOwner::Stranger => stranger(f, self.case),
            NoOwner::Unasserted => write!(
                f,
                "{username} creates for others and does not say for whom; set the label {} to the user's id",
                contract::USER_ID
            ),
            NoOwner::Asserted(id) => {
                write!(
                    f,
                    "{username} creates it for user {id:?}, who does not exist; set the label to an existing user's id"
                )
            }
            NoOwner::Uncontrolled => write!(
                f,
                "{username} creates for the controller owner, and the object names none; it cannot be known whose it is; have the operator set a controller reference"
            ),
            NoOwner::Unlisted { api_version, kind, resource } => {
                let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
                let resource = resource.unwrap_or("<its plural name>");
                write!(
                    f,
                    "it belongs to a {kind} ({api_version}), and nobody listed that kind, so its owner cannot be believed; ask an admin to add to PlatformPolicy.spec.workloadKinds: {{group: {group:?}, version: {version:?}, resource: {resource:?}, podTemplates: [<where its pod templates are>]}}"
                )
            }
            NoOwner::Several(claimants) => write!(
                f,
                "it is made for one of {}; whose it is cannot be told from its name; name one of them otherwise",
                claimants.join(", ")
            ),
            NoOwner::Gone { kind, name } => {
                write!(f, "its controller owner, {kind} {name}, does not exist any more; nothing is created for it")
            }
        }
    }
}

/// Nobody knows the requester. A project's own account is never to be trusted with whose things are: every Member may use it.
fn stranger(f: &mut fmt::Formatter<'_>, case: &Case<'_>) -> fmt::Result {
    const RECORD: &str = "ask an admin for a User record with this username";
    let username = case.submission.requester.username;
    write!(f, "{username} is no user of the platform; ")?;
    let Some(account) = ServiceAccount::of(username) else { return f.write_str(RECORD) };
    let here = &case.project.name;
    match project_of(&account, case) {
        None => write!(
            f,
            "{RECORD}, or, if it is an operator's account, to list it under PlatformPolicy.spec.trustedControllers"
        ),
        Some(project) if project.name != *here => write!(
            f,
            "an account of project {}, whose Pods act for their users in that project's namespaces; use an account of project {here}, or {RECORD}",
            project.name
        ),
        Some(_) if !case.project.allow_service_account_token => write!(
            f,
            "what the account of a Pod makes is its Pod's user's where tokens are allowed, and project {here} allows none; ask a platform Admin for Project.spec.allowServiceAccountToken, or for a User record with this username"
        ),
        Some(_) => match case.deputy {
            None => write!(
                f,
                "its request names no Pod for whose user it would act, since its token is bound to none; use the token that is mounted in a Pod of project {here}, or {RECORD}"
            ),
            Some(Deputy::Gone { pod }) => write!(
                f,
                "its token is that of Pod {pod}, and there is none of that name and UID any more; use the token of a Pod that is there, or {RECORD}"
            ),
            Some(Deputy::Of { pod, user_id: None }) => write!(
                f,
                "its token is that of Pod {pod}, which names no user; have a member make the Pod anew, or {RECORD}"
            ),
            Some(Deputy::Of { pod, user_id: Some(id) }) => write!(
                f,
                "its token is that of Pod {pod}, which is user {id}'s, who does not exist any more; have a member make the Pod anew, or {RECORD}"
            ),
        },
    }
}

/// The project whose account it is, as far as records say it.
fn project_of<'a>(account: &ServiceAccount<'_>, case: &Case<'a>) -> Option<&'a Project> {
    if account.namespace == case.submission.namespace {
        return Some(case.project);
    }
    let lists = |project: &&Project| project.namespaces.iter().any(|it| it == account.namespace);
    case.policy.records().projects.values().find(lists)
}
