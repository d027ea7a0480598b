//! What can be wrong.

use std::fmt::Display;

use serde::Serialize;

/// So many names are shown of what is many.
const SHOWN: usize = 3;

/// Something that is broken or wants attention.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Finding {
    /// How bad it is.
    pub(super) area: Area,
    /// What it is, in a word.
    pub(super) what: What,
    /// What it is, in a sentence.
    pub(super) says: String,
    /// What to do.
    pub(super) what_to_do: String,
}

impl Finding {
    pub(super) fn new(what: What, says: impl Into<String>, what_to_do: impl Into<String>) -> Self {
        Self { area: what.area(), what, says: says.into(), what_to_do: what_to_do.into() }
    }

    /// The same, which is as bad as this.
    pub(super) fn of(self, area: Area) -> Self {
        Self { area, ..self }
    }
}

/// How bad something is; the worst comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) enum Area {
    /// Nobody decides.
    Deciding,
    /// Not everything is decided as it should be.
    Gaps,
    /// Daemons do not do all of their work.
    Acting,
    /// Everything works, and somebody should look.
    Attention,
}

/// What it is, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) enum What {
    /// The kinds of Sluice are not there.
    NotInstalled,
    /// Both webhook configurations are gone.
    WebhooksRemoved,
    /// One of them is, or has no entries.
    WebhooksMissing,
    /// Entries that the chart renders are not there.
    EntriesMissing,
    /// An entry hears of less than the chart's, or is called elsewhere.
    EntryDiffers,
    /// A static policy is gone, bound to nothing, or looks at less than the chart's.
    StaticPolicies,
    /// Entries do not say which CA to trust.
    NoCa,
    /// Entries trust another CA than the others do.
    ForeignCa,
    /// Nobody answers a webhook.
    NoAnswer,
    /// Sluice answers that it cannot decide now.
    Retry,
    /// There is no PlatformPolicy.
    NoPolicy,
    /// It cannot be read.
    PolicyUnreadable,
    /// Entries let everything through while nobody answers, though rules are enforced.
    FailsOpen,
    /// Nobody holds the Lease.
    Unled,
    /// Who holds it does not renew it.
    LeaseExpired,
    /// Nothing was told of daemons yet.
    Untold,
    /// Nothing was told of them lately.
    Silent,
    /// Daemons wait.
    Waits,
    /// Their last cycles failed.
    CyclesFail,
    /// They have not ended a cycle lately.
    Stuck,
    /// Records have problems.
    Records,
    /// Pods wait for what will not come, because of a plan or for want of one.
    WaitInVain,
    /// A daemon cannot do all of its work until somebody acts.
    DaemonAsks,
    /// The ledger has raised an alarm lately.
    LedgerAlarm,
}

impl What {
    fn area(self) -> Area {
        match self {
            Self::NotInstalled | Self::WebhooksRemoved | Self::NoCa | Self::NoAnswer | Self::Retry => Area::Deciding,
            Self::WebhooksMissing
            | Self::EntriesMissing
            | Self::EntryDiffers
            | Self::StaticPolicies
            | Self::ForeignCa
            | Self::NoPolicy
            | Self::PolicyUnreadable
            | Self::FailsOpen => Area::Gaps,
            Self::Unled
            | Self::LeaseExpired
            | Self::Untold
            | Self::Silent
            | Self::Waits
            | Self::CyclesFail
            | Self::Stuck => Area::Acting,
            Self::Records | Self::WaitInVain | Self::DaemonAsks | Self::LedgerAlarm => Area::Attention,
        }
    }
}

/// The first of many names, and how many more there are.
pub(super) fn few<T: Display>(names: &[T]) -> String {
    let shown: Vec<_> = names.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = if names.len() > SHOWN { format!(" and {} more", names.len() - SHOWN) } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

/// The first line of what others say, without a full stop.
pub(super) fn line(text: &str) -> &str {
    text.lines().next().unwrap_or_default().trim_end_matches('.')
}
