//! What can be done with kept material, and why.

use std::fmt;

use jiff::Timestamp;

use crate::{Part, ServingName};

/// What to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing, until then.
    Keep {
        /// When this answer changes by itself.
        until: Timestamp,
    },
    /// Make a CA and a serving certificate.
    IssueAll {
        /// Why.
        why: Reason,
        /// What the serving certificate is to cover.
        names: Vec<ServingName>,
    },
    /// Make a serving certificate of the CA that is there.
    IssueLeaf {
        /// Why.
        why: Reason,
        /// What it is to cover.
        names: Vec<ServingName>,
    },
    /// Make a CA and add it to the bundle. It issues nothing yet. The first step of a rotation.
    Announce {
        /// Why.
        why: Reason,
    },
    /// Nothing, until API servers have had time to hear of the CA that was announced.
    Settle,
    /// Make a serving certificate of the CA that was announced, which issues from now on. The second step.
    Switch {
        /// What it is to cover.
        names: Vec<ServingName>,
    },
    /// Nothing, until nobody serves a certificate of the old CA any more.
    Overlap,
    /// Take CAs that issue nothing any more out of the bundle. The last step.
    Retire,
    /// Add the CA of the certificate that this process serves to a bundle that somebody put there without it.
    Readmit,
    /// Someone else issues and has yet to renew; go on with what is there.
    Await(Reason),
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keep { until } => write!(f, "keep what is there until {until}"),
            Self::IssueAll { why, .. } => write!(f, "issue a CA and a serving certificate: {why}"),
            Self::IssueLeaf { why, .. } => write!(f, "issue a serving certificate: {why}"),
            Self::Announce { why } => write!(f, "issue a CA and announce it beside the present one: {why}"),
            Self::Settle => write!(f, "wait until every API server has heard of the CA that was announced"),
            Self::Switch { .. } => write!(f, "issue a serving certificate of the CA that was announced"),
            Self::Overlap => write!(f, "wait until nobody serves a certificate of a former CA any more"),
            Self::Retire => write!(f, "take former CAs out of the bundle"),
            Self::Readmit => write!(f, "keep trusting the CA of the certificate that is served, which was taken away"),
            Self::Await(why) => write!(f, "wait for whoever issues it, because there is no {}: {why}", Part::CaKey),
        }
    }
}

/// Why something is to be issued, or refused. Its `Display` is the sentence that is logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Nothing is kept yet.
    NothingKept,
    /// The CA has lived two thirds of its life.
    AuthorityNearEnd {
        /// Its end.
        at: Timestamp,
    },
    /// Somebody asked for it.
    Asked,
    /// The serving certificate does not cover a wanted name.
    NameMissing(ServingName),
    /// The serving certificate has lived two thirds of its life.
    LeafNearEnd {
        /// Its end.
        at: Timestamp,
    },
    /// The serving certificate is no longer valid.
    LeafEnded {
        /// Its end.
        at: Timestamp,
    },
    /// No CA of the bundle vouches for the serving certificate.
    LeafUntrusted,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingKept => write!(f, "nothing is kept yet"),
            Self::AuthorityNearEnd { at } => write!(f, "the CA ends at {at}"),
            Self::Asked => write!(f, "somebody asked for it"),
            Self::NameMissing(name) => {
                write!(f, "the serving certificate does not cover {name}")
            }
            Self::LeafNearEnd { at } => write!(f, "the serving certificate ends at {at}"),
            Self::LeafEnded { at } => write!(f, "the serving certificate ended at {at}"),
            Self::LeafUntrusted => {
                write!(f, "no CA of the bundle vouches for the serving certificate now")
            }
        }
    }
}
