//! Who was refused tries again when there is room.

use std::collections::BTreeSet;

use cluster::write::WriteFailed;
use policy_engine::charge::payers;
use policy_engine::contract;
use policy_engine::ledger::Account;
use policy_engine::policy::Policy;

use super::Reconciler;

/// At most so many objects are nudged in a turn; the next room nudges others.
const MOST: usize = 200;

/// Nudges what has fewer Pods than it wants in the Namespaces of those whose accounts have more room, or in all.
pub(super) async fn owners(of: &Reconciler, policy: &Policy, lowered: Option<&BTreeSet<Account>>) {
    let mut left = MOST;
    for namespace in of.stage.governed.caches().namespaces() {
        let meta = &namespace.metadata;
        let project = meta.labels.as_ref().and_then(|labels| labels.get(contract::PROJECT_ID));
        let project = project.and_then(|id| policy.project_by_id(id));
        let Some((name, project)) = meta.name.as_deref().zip(project) else { continue };
        let concerned = |lowered: &BTreeSet<Account>| {
            // With a project's own room goes that of its users.
            let mine = payers(policy, project, None, jiff::Timestamp::now());
            lowered.iter().any(|account| match account {
                Account::Project(_) => mine.0.contains_key(account),
                Account::User { project: of, .. } => *of == project.id,
            })
        };
        if lowered.is_none_or(concerned) {
            match in_namespace(of, name, left).await {
                Ok(nudged) => left -= nudged.min(left),
                Err(failed) => {
                    let error: &dyn std::error::Error = &failed;
                    tracing::warn!(
                        daemon = "ledger",
                        namespace = name,
                        error,
                        "could not nudge; tried at the next room"
                    );
                }
            }
        }
    }
}

async fn in_namespace(of: &Reconciler, namespace: &str, most: usize) -> Result<usize, WriteFailed> {
    let short = of.stage.writer.short_of_pods(namespace, most).await?;
    for short in &short {
        let outcome = of.stage.writer.nudge(short).await?;
        of.metrics.nudged();
        tracing::info!(target: "journal", daemon = "ledger", about = %short, ?outcome, "nudged: there is room again");
    }
    Ok(short.len())
}
