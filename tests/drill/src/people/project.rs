//! The project in which people work, and who they are.

use super::sums::Amounts;

/// The namespace, the project and its plan.
pub(super) const NAMESPACE: &str = "people";
/// Two Members, and one who may intervene.
pub(super) const PEOPLE: [&str; 3] = ["alice", "bob", "carol"];
pub(super) const PROJECT_LIMIT: Amounts = Amounts { gpu: 5000, devices: 6, cpu: 12000, memory: 24 << 30 };
pub(super) const USER_LIMIT: Amounts = Amounts { gpu: 3000, devices: 4, cpu: 6000, memory: 12 << 30 };
