//! Which Pod it is whose service account asks, and whose that Pod is.

use cluster::client::LookupFailed;
use policy_engine::Submission;
use policy_engine::policy::Policy;
use policy_engine::policy::ids::ProjectId;
use policy_engine::submission::deputy::{Deputy, ServiceAccount};
use policy_engine::submission::identity::Caller;
use tokio::time::Instant;

use super::{Lookups, Subject};

impl Lookups {
    /// The Pod that the token of a project's own account is bound to. Nobody is asked where somebody else is known to ask, where
    /// the project allows no tokens, or where the account lives outside of the project.
    pub(super) async fn deputy(
        &self,
        project_id: &ProjectId,
        submission: &Submission<'_>,
        subject: &Subject<'_>,
        policy: &Policy,
        deadline: Instant,
    ) -> Result<Option<Deputy>, LookupFailed> {
        let Subject::Request { version: _, pod: Some(pod) } = subject else { return Ok(None) };
        let Some(account) = ServiceAccount::of(submission.requester.username) else { return Ok(None) };
        let allows = policy.project_by_id(project_id).is_some_and(|project| project.allow_service_account_token);
        if !allows || !matches!(Caller::of_submission(submission, policy), Caller::Stranger) {
            return Ok(None);
        }
        let is_of_project = account.namespace == submission.namespace
            || self.namespaces.project_of(account.namespace, deadline).await?.as_ref() == Some(project_id);
        if !is_of_project {
            return Ok(None);
        }
        self.owners.pod(account.namespace, pod.name, pod.uid, deadline).await.map(Some)
    }
}
