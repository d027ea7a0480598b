//! What is answered when a decision cannot be made. One documented answer for each cause; never through `?`.

use cluster::causes::chain;
use cluster::world::{Unfit, Unusable};
use decide::entry::Mismatch;
use decide::facts::GatherFailed;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Status, StatusDetails};
use policy_engine::object::Unreadable;
use policy_engine::object::kinds::GroupResource;

use crate::answer::Response;

/// Clients of the API server that honour `Retry-After` try again after this.
const RETRY_AFTER_SECONDS: i32 = 1;

/// Why a request was neither allowed nor denied.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Outage {
    /// The caches have not seen the whole cluster yet, or not for long.
    #[error(transparent)]
    Caches(#[from] Unusable),
    /// They have not seen what this answer rests on.
    #[error(transparent)]
    Unfit(Unfit),
    /// What the decision rests on could not be looked up.
    #[error("the API server could not be asked")]
    Lookup(#[source] cluster::client::LookupFailed),
    /// Whether there is room could not be asked.
    #[error("whether there is room could not be asked")]
    Ledger(#[source] store::Unavailable),
    /// What is used and what was spent could not be read.
    #[error("what is used could not be read")]
    Unread(#[source] store::Unavailable),
    /// The ledger is not known to hold what runs.
    #[error("the ledger does not know yet what runs")]
    Unreconciled,
    /// The API server would have given up before the answer.
    #[error("there was no time left to decide")]
    Deadline,
    /// As many other calls as there are places for.
    #[error("other calls take all the room there is")]
    Busy,
    /// Deciding ended without a decision, which is a defect; the process goes on.
    #[error("deciding ended early")]
    Defect,
    /// The object is not what its kind says.
    #[error("the object cannot be read")]
    Unreadable(#[source] Unreadable),
    /// The API server would not send it.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    /// The webhook configuration sends a kind that the policy does not list.
    #[error(
        "{resource} is sent here and not listed under PlatformPolicy.spec.workloadKinds; render both from the same values of the chart"
    )]
    Unlisted {
        /// The resource.
        resource: GroupResource,
    },
}

impl From<GatherFailed> for Outage {
    fn from(failed: GatherFailed) -> Self {
        match failed {
            GatherFailed::Lookup(failed) => Self::Lookup(failed),
            GatherFailed::Unreadable(unreadable) => Self::Unreadable(unreadable),
        }
    }
}

impl Outage {
    /// Every cause.
    pub(crate) const CAUSES: [&str; 12] = [
        "cold",
        "old",
        "lookup",
        "ledger",
        "unreconciled",
        "deadline",
        "busy",
        "defect",
        "unreadable",
        "no-object",
        "other-kind",
        "unlisted-kind",
    ];

    /// The cause, as metrics name it.
    pub(crate) fn cause(&self) -> &'static str {
        match self {
            Self::Caches(Unusable::Cold) | Self::Unfit(Unfit::Cold(_) | Unfit::Policy) => "cold",
            Self::Caches(Unusable::Old(_)) | Self::Unfit(Unfit::Old(_)) => "old",
            Self::Lookup(_) => "lookup",
            Self::Ledger(_) | Self::Unread(_) => "ledger",
            Self::Unreconciled => "unreconciled",
            Self::Deadline => "deadline",
            Self::Busy => "busy",
            Self::Defect => "defect",
            Self::Unreadable(_) => "unreadable",
            Self::Mismatch(Mismatch::NoObject) => "no-object",
            Self::Mismatch(Mismatch::OtherKind { .. }) => "other-kind",
            Self::Unlisted { .. } => "unlisted-kind",
        }
    }

    /// The answer: *retry* where time heals it, *bad request* where the request itself is at fault.
    pub(crate) fn answer(&self, uid: &str) -> Response {
        let sentence = chain(self);
        let status = match self {
            Self::Caches(_)
            | Self::Unfit(_)
            | Self::Lookup(_)
            | Self::Ledger(_)
            | Self::Unread(_)
            | Self::Unreconciled
            | Self::Deadline
            | Self::Busy
            | Self::Defect => Status {
                code: Some(503),
                reason: Some("ServiceUnavailable".into()),
                message: Some(format!("sluice: retry: {sentence}; nothing was decided, try again in a moment")),
                details: Some(StatusDetails {
                    retry_after_seconds: Some(RETRY_AFTER_SECONDS),
                    ..StatusDetails::default()
                }),
                ..failure()
            },
            Self::Unreadable(_) | Self::Mismatch(_) | Self::Unlisted { .. } => Status {
                code: Some(400),
                reason: Some("BadRequest".into()),
                message: Some(format!("sluice: {sentence}")),
                ..failure()
            },
        };
        Response::refuse(uid, status)
    }
}

fn failure() -> Status {
    Status { status: Some("Failure".into()), ..Status::default() }
}
