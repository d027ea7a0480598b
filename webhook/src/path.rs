//! The entries of the webhook.

/// A path of the webhook: what the chart renders as the entries of its configurations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// Governed objects, mutating.
    Mutate,
    /// Governed objects, validating.
    Validate,
    /// Deletions and evictions by people.
    Deletes,
    /// Connections to what runs in a Pod.
    Connect,
    /// Namespaces whose binding changes.
    Binding,
    /// Devices that are asked for where no project is.
    Elsewhere,
    /// Our own records.
    Records,
    /// Questions that people ask the platform.
    Reviews,
}

impl Path {
    /// Every path.
    pub const ALL: [Self; 8] = [
        Self::Mutate,
        Self::Validate,
        Self::Deletes,
        Self::Connect,
        Self::Binding,
        Self::Elsewhere,
        Self::Records,
        Self::Reviews,
    ];

    /// The entry that has this path, as metrics and logs name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mutate => "mutate",
            Self::Validate => "validate",
            Self::Deletes => "deletes",
            Self::Connect => "connect",
            Self::Binding => "binding",
            Self::Elsewhere => "elsewhere",
            Self::Records => "records",
            Self::Reviews => "reviews",
        }
    }
}
