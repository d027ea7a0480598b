//! What is broken, from what was seen.

use cluster::standing::{Entry, Part, Troubled};
use records::{Kind, POLICY_NAME};
use serde::Serialize;

use super::daemons::{self, Row};
use super::entries::{self, Usual};
use super::finding::{Area, Finding, What, few, line};
use super::seen::{Policy, Seen};
use super::static_policies;
use crate::question::Heard;

/// Entries that always let through what cannot be asked: an upgrade must not wait for the Sluice that it repairs, nor a
/// deletion for anybody; and of workloads elsewhere people are only warned.
const ALWAYS_OPEN: [&str; 3] = ["policy.sluice.dev", "deletes.sluice.dev", "elsewhere-workloads.sluice.dev"];
/// Devices outside of projects; closed only where the policy refuses them there.
const ELSEWHERE: &str = "elsewhere.sluice.dev";
/// Questions; always closed.
const REVIEWS: &str = "reviews.sluice.dev";

const INSTALL: &str = "run helm upgrade with the values that you installed with";
const BREAK_GLASS: &str = "if that was break-glass and it is over, run helm upgrade with the values that you installed with, then sluice audit";

/// Something that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Unseen {
    /// What.
    pub(super) what: String,
    /// Why not.
    pub(super) why: String,
}

/// Everything that is wrong, the worst first, and how each daemon is.
pub(super) fn findings(seen: &Seen) -> (Vec<Finding>, Vec<Row>) {
    let mut findings = webhooks(seen);
    findings.extend(answer(seen, findings.is_empty()));
    findings.extend(static_policies::judge(seen));
    findings.extend(policy(seen));
    let (of_daemons, rows) = daemons::judge(seen);
    findings.extend(of_daemons);
    findings.extend(records(&seen.records));
    findings.sort_by_key(|finding| finding.area);
    (findings, rows)
}

/// The verdict, in a sentence.
pub(super) fn sentence(findings: &[Finding], is_partial: bool) -> String {
    let as_far = if is_partial { ", as far as you may see" } else { "" };
    let Some(first) = findings.first() else { return format!("Sluice works{as_far}.") };
    let begins = match first.area {
        Area::Deciding => "Sluice does not decide",
        Area::Gaps => "Sluice does not decide everything as it should",
        Area::Acting => "Sluice decides, and its daemons do not do all of their work",
        Area::Attention => {
            let wants = if findings.len() == 1 { "thing wants" } else { "things want" };
            return format!("Sluice works{as_far}; {} {wants} attention.", findings.len());
        }
    };
    format!("{begins}: {}.", first.says)
}

/// What could not be read.
pub(super) fn unread(seen: &Seen) -> Vec<Unseen> {
    let Seen { place, policy, heard, mutating, validating, static_policies, bindings, leases, records, .. } = seen;
    let configuration = &place.configuration;
    let mut unread = Vec::new();
    let mut add = |what: String, why: Option<String>| unread.extend(why.map(|why| Unseen { what, why }));
    add(format!("the PlatformPolicy {POLICY_NAME}, and what the daemons say in it"), why_not(policy));
    add(format!("the MutatingWebhookConfiguration {configuration}"), why_not(mutating));
    add(format!("the ValidatingWebhookConfiguration {configuration}"), why_not(validating));
    add("the ValidatingAdmissionPolicies".to_owned(), why_not(static_policies));
    add("the ValidatingAdmissionPolicyBindings".to_owned(), why_not(bindings));
    let unasked = match heard {
        Heard::Unasked(why) => Some(why.clone()),
        Heard::Answered | Heard::Retry(_) | Heard::Silent(_) | Heard::Unheard | Heard::NotServed => None,
    };
    add("whether a question is answered".to_owned(), unasked);
    for (name, lease) in leases {
        add(format!("the Lease {name} in namespace {}", place.namespace), why_not(lease));
    }
    for (kind, found) in records {
        add(format!("the records of kind {kind}"), why_not(found));
    }
    unread
}

fn why_not<T>(part: &Part<T>) -> Option<String> {
    part.as_ref().err().map(ToString::to_string)
}

fn webhooks(seen: &Seen) -> Vec<Finding> {
    let name = &seen.place.configuration;
    let parts = seen.configurations();
    let is_missing = |part: &Part<Option<Vec<Entry>>>| matches!(part, Ok(found) if found.iter().all(Vec::is_empty));
    if parts.iter().all(|(_, part)| is_missing(part)) {
        let says = format!(
            "both webhook configurations {name} are gone, so that nobody is asked (break-glass, or never installed)"
        );
        return vec![Finding::new(What::WebhooksRemoved, says, bring_back(name))];
    }
    let (usual, mut findings) = (Usual::of(seen), Vec::new());
    for (kind, part) in parts {
        if is_missing(part) {
            let says = format!("the {kind} {name} is gone or empty, so that not everything is asked");
            findings.push(Finding::new(What::WebhooksMissing, says, bring_back(name)));
        }
        let Ok(Some(entries)) = part else { continue };
        if entries.is_empty() {
            continue;
        }
        findings.extend(without_ca(kind, name, entries));
        findings.extend(entries::judge(kind, entries, seen, &usual));
        if let Ok(Some(policy)) = &seen.policy {
            findings.extend(open(kind, name, entries, policy));
        }
    }
    findings
}

/// What to do about configurations of this name that are not there.
fn bring_back(name: &str) -> String {
    if name == super::CONFIGURATION {
        return BREAK_GLASS.to_owned();
    }
    format!(
        "see that --webhook-configuration names what is there: the chart calls both {}; {BREAK_GLASS}",
        super::CONFIGURATION
    )
}

/// Entries that the API server cannot call: it refuses what they would be asked, or lets it through.
fn without_ca(kind: &str, name: &str, entries: &[Entry]) -> Option<Finding> {
    let without: Vec<_> =
        entries.iter().filter(|entry| entry.ca_bundle.is_none()).map(|entry| entry.name.as_str()).collect();
    let says = format!(
        "{} of {} entries of the {kind} {name} have no caBundle: {}",
        without.len(),
        entries.len(),
        few(&without)
    );
    let what_to_do = "Sluice writes it within seconds while it runs; look at its log, and at sluice certs show";
    (!without.is_empty()).then(|| {
        let finding = Finding::new(What::NoCa, says, what_to_do);
        if without.len() == entries.len() { finding } else { finding.of(Area::Gaps) }
    })
}

/// Entries that let through what cannot be asked, though the policy enforces what they are for.
fn open(kind: &str, name: &str, entries: &[Entry], policy: &Policy) -> Option<Finding> {
    let should_be_closed = |entry: &&Entry| match entry.name.as_str() {
        REVIEWS => true,
        ELSEWHERE => policy.enforces_elsewhere,
        name => policy.enforces && !ALWAYS_OPEN.contains(&name),
    };
    let open = entries.iter().filter(|entry| entry.fails_open).filter(should_be_closed);
    let open: Vec<_> = open.map(|entry| entry.name.as_str()).collect();
    let says = format!(
        "{} of {} entries of the {kind} {name} let everything through while Sluice is away, though the policy enforces rules: {}",
        open.len(),
        entries.len(),
        few(&open)
    );
    let what_to_do = format!("{INSTALL}: webhooks and policy are rendered from the same values");
    (!open.is_empty()).then(|| Finding::new(What::FailsOpen, says, what_to_do))
}

/// What came of the question. Where webhooks are known to be gone it is clear why nobody answered.
fn answer(seen: &Seen, webhooks_are_well: bool) -> Option<Finding> {
    let logs = format!("look at kubectl -n {0} get pods, and kubectl -n {0} logs deploy/sluice", seen.place.namespace);
    match &seen.heard {
        Heard::Answered | Heard::Unasked(_) => None,
        Heard::NotServed => {
            let says = "the cluster does not know the kind PlatformReview";
            Some(Finding::new(What::NotInstalled, says, format!("apply manifests/sluice/crds, then {INSTALL}")))
        }
        Heard::Unheard => webhooks_are_well.then(|| {
            let says = "the API server took a question and asked nobody";
            Finding::new(What::NoAnswer, says, format!("the entry {REVIEWS} is missing or not heard of yet; {INSTALL}"))
        }),
        Heard::Silent(why) => {
            Some(Finding::new(What::NoAnswer, format!("nobody answers the API server's webhook: {}", line(why)), logs))
        }
        Heard::Retry(why) => {
            let says = format!("Sluice answers that it cannot decide now: {}", line(why));
            Some(Finding::new(What::Retry, says, format!("look again in a moment; if it lasts, {logs}")))
        }
    }
}

fn policy(seen: &Seen) -> Option<Finding> {
    let found = seen.policy.as_ref().ok()?;
    let Some(policy) = found else {
        let says = format!("there is no PlatformPolicy {POLICY_NAME}, which says what holds for the platform");
        return Some(Finding::new(What::NoPolicy, says, INSTALL));
    };
    let (first, more) = policy.problems.split_first()?;
    let more = if more.is_empty() { String::new() } else { format!(", and {} more", more.len()) };
    let says = format!("the PlatformPolicy {POLICY_NAME} cannot be used as it is: {}{more}", line(first));
    let what_to_do = "mend the chart's values under policy and run helm upgrade; kubectl get platformpolicy default -o yaml shows all of it";
    Some(Finding::new(What::PolicyUnreadable, says, what_to_do))
}

/// Records of a kind that are not in order, and all that is said of the first of them.
fn records(records: &[(Kind, Part<Vec<Troubled>>)]) -> impl Iterator<Item = Finding> {
    let troubled = records.iter().filter_map(|(kind, found)| Some((kind, found.as_ref().ok()?)));
    troubled.filter_map(|(kind, found)| {
        let (first, others) = found.split_first()?;
        let said: Vec<_> = first.says.iter().map(|it| it.trim_end_matches('.')).collect();
        let count = are(found.len(), kind.name());
        let names: Vec<_> = others.iter().map(|it| it.name.as_str()).collect();
        let others = if names.is_empty() { String::new() } else { format!("; and so are {}", few(&names)) };
        let says = format!("{count} not in order: {}: {}{others}", first.name, said.join("; "));
        let more = if names.is_empty() { "" } else { ", and at those of the others" };
        let what_to_do = format!(
            "mend the record: kubectl edit {} {}; its conditions say the same{more}",
            kind.name().to_lowercase(),
            first.name
        );
        Some(Finding::new(What::Records, says, what_to_do))
    })
}

/// `1 Project is`, `2 Projects are`.
fn are(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what} is") } else { format!("{count} {what}s are") }
}
