//! The claims that a Pod is to have, of all rules that want some: rules and labels read the same list.

use k8s_openapi::api::core::v1::Container;

use crate::gpu::{own_claim, slots};
use crate::policy::modes::RuleMode;
use crate::policy::rule_id::RuleId;
use crate::submission::case::Case;
use crate::submission::found::{Attachment, Consumers, Source};
use crate::submission::pod::Pod;

/// Everything that a Pod or template is to have, in the order of the rules; nothing of a rule that is off.
pub(crate) fn attachments<'p>(case: &Case<'_>, pod: &'p Pod<'_>) -> &'p [Attachment] {
    pod.found.attachments.get_or_init(|| find(case, pod))
}

fn find(case: &Case<'_>, pod: &Pod<'_>) -> Vec<Attachment> {
    let made = own_claim::wanted(case, pod).map(|wanted| Attachment {
        rule: wanted.rule,
        source: Source::Template(wanted.template.name.clone()),
        consumers: wanted.consumers.clone(),
    });
    let of_slots = slots::wanted(case, pod).iter().map(|claim| Attachment {
        rule: RuleId::Slot,
        source: Source::Claim(claim.clone()),
        consumers: Consumers::Everybody,
    });
    let platform = case.policy.platform();
    let is_on = |it: &Attachment| platform.mode_of(it.rule, Some(case.project)) != RuleMode::Off;
    made.into_iter().chain(of_slots).filter(is_on).collect()
}

/// What the platform calls the claims that it adds to a Pod, as far as a name is free.
pub(crate) fn names_of_ours() -> impl Iterator<Item = String> {
    (1..).map(|count| if count == 1 { GPU.to_owned() } else { format!("{GPU}-{count}") })
}

/// Whether it may have called a claim so.
pub(crate) fn is_name_of_ours(name: &str) -> bool {
    let number = name.strip_prefix(GPU).and_then(|rest| rest.strip_prefix('-'));
    let is_count = |it: &str| !it.starts_with('0') && it != "1" && it.bytes().all(|byte| byte.is_ascii_digit());
    name == GPU || number.is_some_and(|number| !number.is_empty() && is_count(number))
}

const GPU: &str = "gpu";

/// Whether a container uses something of the claim that the Pod calls so.
pub(crate) fn uses(container: &Container, claim: &str) -> bool {
    let claims = container.resources.as_ref().and_then(|it| it.claims.as_ref());
    claims.is_some_and(|claims| claims.iter().any(|it| it.name == claim))
}
