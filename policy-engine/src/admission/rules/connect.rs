//! # connect: exec, attach and port-forward into one's own Pods
//!
//! A shell in a Pod reads its volumes, its memory and its environment, and a forwarded port reaches its notebook. So a
//! Member connects to their own Pods only. A Manager or Admin of the project and a platform Admin connect to
//! everyone's. The rule judges `kubectl exec`, `attach`, `cp` and `port-forward`, and connections through the API
//! server's own proxy (`pods/proxy`, and `services/proxy` of a Service: whose that is counts).
//!
//! A Pod from before the platform has no recorded user. Only Managers and Admins connect to it.
//!
//! A dashboard cannot say for whom it connects, because a connection carries no labels. The dashboard must impersonate
//! its user.

use crate::admission::findings::Findings;
use crate::object::place::Place;
use crate::submission::Act;
use crate::submission::case::Case;
use crate::submission::identity::Caller;

use super::project::{own_or_managed, stranger};

pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    if case.submission.act != Act::Connect {
        return;
    }
    let name = Place::of(["metadata", "name"]);
    let asked = case.submission.name;
    match case.caller {
        Caller::Stranger => stranger(case, say),
        // Judged before the API server looks for the Pod; it must not come to be between the two.
        Caller::Person(_) | Caller::Deputy(_) if case.target_missing => {
            let namespace = case.submission.namespace;
            let plural = &case.submission.resource.resource;
            say.deny(
                name,
                format_args!("asked {asked}, and there is none in namespace {namespace}; see kubectl get {plural}"),
            );
        }
        Caller::Person(user) | Caller::Deputy(user) => own_or_managed(case, user, "connects only to", say),
        Caller::Client => {
            let who = case.submission.requester.username;
            say.deny(
                name,
                format_args!(
                    "{who} acts for others, and a connection cannot say for whom; impersonate the user, as kubectl --as does"
                ),
            );
        }
        Caller::Admin | Caller::Controller | Caller::Node(_) | Caller::ControlPlane => {}
    }
}
