//! Ids of the rules: what people call a rule in denials, metrics and `ruleModes`.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

macro_rules! rule_ids {
    ($($variant:ident = $id:literal,)*) => {
        /// Names a rule. The order is the one in which people meet the rules.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum RuleId {
            $(#[doc = concat!("`", $id, "`")] $variant,)*
            /// `record`: no rule with a mode, but what denials of a record's own content carry.
            Record,
        }

        impl RuleId {
            /// Every rule that has a mode, in the order in which people meet them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The id as people write it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $id,)*
                    Self::Record => "record",
                }
            }
        }
    };
}

rule_ids! {
    Project = "project",
    Queue = "queue",
    PlanWindow = "plan-window",
    Placement = "placement",
    Affinity = "affinity",
    RootShell = "root-shell",
    Privilege = "privilege",
    ServiceAccountToken = "service-account-token",
    Image = "image",
    Storage = "storage",
    StorageLane = "storage-lane",
    Service = "service",
    Selector = "selector",
    ClaimOrigin = "claim-origin",
    InlineClaim = "inline-claim",
    ExtendedResource = "extended-resource",
    Slot = "slot",
    GpuModel = "gpu-model",
    SmShare = "sm-share",
    Vram = "vram",
    ClaimShape = "claim-shape",
    VisibleDevices = "visible-devices",
    TerminationGrace = "termination-grace",
    Resources = "resources",
    Quota = "quota",
    Connect = "connect",
    PlatformLabels = "platform-labels",
}

/// Ids with commas between them, as people read them.
pub fn list(ids: impl IntoIterator<Item = RuleId>) -> String {
    ids.into_iter().map(RuleId::as_str).collect::<Vec<_>>().join(", ")
}

/// No rule has this id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no rule has this id")]
pub struct UnknownRule;

impl FromStr for RuleId {
    type Err = UnknownRule;

    /// Reads the id of a rule that has a mode.
    fn from_str(text: &str) -> Result<Self, UnknownRule> {
        Self::ALL.iter().copied().find(|id| id.as_str() == text).ok_or(UnknownRule)
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for RuleId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_written_and_record_is_no_rule() {
        for id in RuleId::ALL {
            assert_eq!(id.as_str().parse(), Ok(*id));
        }
        assert_eq!("record".parse::<RuleId>(), Err(UnknownRule));
        assert_eq!("Image".parse::<RuleId>(), Err(UnknownRule));
    }
}
