//! How the daemons are, and who leads them.

use std::collections::BTreeMap;

use cluster::standing::{Lease, Part};
use jiff::{SignedDuration, Timestamp};
use records::daemon::{CycleEnd, DaemonStatus, WaitsFor};
use serde::Serialize;

use super::finding::{Finding, What, few, line};
use super::seen::{Seen, lease_of};

/// Daemons say how they are about every thirty seconds: who has said nothing for so long does not.
const LONGEST_SILENCE: SignedDuration = SignedDuration::from_secs(90);
/// A daemon turns every ten seconds at the least. One that has not ended a cycle for so long does not.
const LONGEST_CYCLE: SignedDuration = SignedDuration::from_secs(90);
/// One cycle may fail for a reason that is gone by the next.
const MOST_IN_VAIN: i64 = 3;
/// For so long an alarm wants attention.
const ALARM_LASTS: SignedDuration = SignedDuration::from_hours(24);

/// A daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row {
    /// Its name.
    pub(super) name: String,
    /// Who leads it, as the Lease says; as the daemon says, where the Lease could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) led_by: Option<String>,
    /// How it is, in a word.
    pub(super) state: State,
    /// What it said last of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) told: Option<DaemonStatus>,
}

/// How a daemon is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) enum State {
    /// It works.
    Works,
    /// It waits for something.
    Waits,
    /// Its last cycles failed.
    Fails,
    /// It has not ended a cycle lately.
    Stuck,
    /// It has not said anything lately.
    Silent,
    /// Nobody leads it.
    Unled,
    /// Nothing is known of it.
    Unknown,
}

/// What is wrong with daemons, and how each is.
pub(super) fn judge(seen: &Seen) -> (Vec<Finding>, Vec<Row>) {
    let policy = seen.policy.as_ref().ok().and_then(Option::as_ref);
    let rows: Vec<_> =
        reapers::names().map(|name| row(seen, name, policy.and_then(|policy| policy.told(name)))).collect();
    let mut findings: Vec<_> = seen.leases.iter().filter_map(|(name, lease)| unled(seen, name, lease)).collect();
    let of = |state: State| rows.iter().filter(move |row| row.state == state);
    let names = |state: State| of(state).map(|row| row.name.as_str()).collect::<Vec<_>>();

    let untold = names(State::Unknown);
    if policy.is_some() && !untold.is_empty() {
        let says =
            format!("nothing is known of {}: no process has said in the PlatformPolicy how they are", few(&untold));
        let what_to_do = "look again in half a minute; if it lasts, look in the log for `could not tell how the daemons are`, and whether all daemons run somewhere (--only)";
        findings.push(Finding::new(What::Untold, says, what_to_do));
    }
    if let Some(first) = of(State::Silent).filter_map(|row| row.told.as_ref()).next() {
        let says = format!("{} last said at {} how they are", few(&names(State::Silent)), first.observed_at);
        let what_to_do = format!(
            "look whether {} can write the status of the PlatformPolicy: its log says `could not tell how the daemons are`",
            first.holder
        );
        findings.push(Finding::new(What::Silent, says, what_to_do));
    }
    findings.extend(waiting(&rows));
    for row in of(State::Fails) {
        let Some(told) = &row.told else { continue };
        let says = format!(
            "the last {} cycles of {} failed ({:?})",
            told.cycles_in_vain,
            row.name,
            told.last_end.unwrap_or(CycleEnd::Failed)
        );
        findings.push(Finding::new(What::CyclesFail, says, log(seen, &told.holder)));
    }
    for row in of(State::Stuck) {
        let Some(told) = &row.told else { continue };
        let last = told
            .last_cycle
            .as_deref()
            .map_or("none since its process began".to_owned(), |at| format!("the last at {at}"));
        let says = format!("{} has not ended a cycle for more than {} s: {last}", row.name, LONGEST_CYCLE.as_secs());
        findings.push(Finding::new(What::Stuck, says, log(seen, &told.holder)));
    }
    findings.extend(rows.iter().filter_map(|row| alarm(row, seen.now)));
    findings.extend(rows.iter().flat_map(attention));
    (findings, rows)
}

fn row(seen: &Seen, name: &str, told: Option<&DaemonStatus>) -> Row {
    let lease = seen.leases.get(lease_of(told)).and_then(|lease| lease.as_ref().ok());
    let is_led =
        lease.map(|lease| lease.as_ref().is_some_and(|lease| lease.holder.is_some() && !has_ended(lease, seen.now)));
    let state = match (is_led, told) {
        (Some(false), _) => State::Unled,
        (_, None) => State::Unknown,
        (_, Some(told)) => state(told, seen.now),
    };
    let led_by = match lease {
        Some(lease) => lease.as_ref().and_then(|lease| lease.holder.clone()).filter(|_| is_led == Some(true)),
        None => told.map(|told| told.holder.clone()).filter(|holder| !holder.is_empty()),
    };
    Row { name: name.to_owned(), led_by, state, told: told.cloned() }
}

fn state(told: &DaemonStatus, now: Timestamp) -> State {
    let Some(observed) = instant(&told.observed_at) else { return State::Unknown };
    let is_stuck = || match told.last_cycle.as_deref().and_then(instant) {
        Some(last) => observed.duration_since(last) > LONGEST_CYCLE,
        // It is told of in its first seconds; the next time it has had its first cycle.
        None => false,
    };
    if now.duration_since(observed) > LONGEST_SILENCE {
        State::Silent
    } else if told.waits_for.is_some() {
        State::Waits
    } else if told.cycles_in_vain >= MOST_IN_VAIN {
        State::Fails
    } else if is_stuck() {
        State::Stuck
    } else {
        State::Works
    }
}

pub(super) fn instant(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

fn has_ended(lease: &Lease, now: Timestamp) -> bool {
    let lasts = SignedDuration::try_from(lease.lasts).unwrap_or(SignedDuration::MAX);
    lease.renewed.is_none_or(|renewed| now.duration_since(renewed) > lasts)
}

/// Why nobody leads by a Lease.
fn unled(seen: &Seen, name: &str, lease: &Part<Option<Lease>>) -> Option<Finding> {
    let namespace = &seen.place.namespace;
    let runs = format!(
        "see that a process with daemons runs (kubectl -n {namespace} get pods); one with --observe leads nobody; if Sluice runs elsewhere, say --namespace"
    );
    match lease {
        Err(_) => None,
        Ok(None) => {
            let says = format!("nobody leads the daemons: there is no Lease {name} in namespace {namespace}");
            Some(Finding::new(What::Unled, says, runs))
        }
        Ok(Some(Lease { holder: None, .. })) => {
            let says = format!("nobody leads the daemons: nobody holds the Lease {name} in namespace {namespace}");
            Some(Finding::new(What::Unled, says, runs))
        }
        Ok(Some(lease @ Lease { holder: Some(holder), renewed, lasts })) => has_ended(lease, seen.now).then(|| {
            let renewed = renewed.map_or("never".to_owned(), |at| format!("last at {at}"));
            let says = format!(
                "nobody leads the daemons: {holder} holds the Lease {name} and has not renewed it for its {} s ({renewed})",
                lasts.as_secs()
            );
            Finding::new(What::LeaseExpired, says, runs)
        }),
    }
}

/// Daemons that wait, those together that wait for the same.
fn waiting(rows: &[Row]) -> impl Iterator<Item = Finding> {
    let mut together: BTreeMap<(WaitsFor, &str), Vec<&str>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.state == State::Waits) {
        if let Some(waits) = row.told.as_ref().and_then(|told| told.waits_for.as_ref()) {
            together.entry((waits.because, &waits.says)).or_default().push(&row.name);
        }
    }
    together.into_iter().map(|((because, says), names)| {
        let what_to_do = match because {
            WaitsFor::Caches => "if it lasts, look for `watch failed` in the log: usually rights or CRDs are missing; apply the CRDs, then run helm upgrade",
            WaitsFor::View => "see that Sluice can reach the API server: networks, and the API server's own load",
            WaitsFor::Policy => "mend the PlatformPolicy: kubectl get platformpolicy default -o yaml, its conditions say what is wrong",
            WaitsFor::Database => "see that the database answers: its address is in the Secret or flag that names it; what is charged is made up for when it does",
            WaitsFor::ApiServer => "see that the API server answers; the log says what it was asked",
            WaitsFor::Audit => "this is a defect: nothing is carried out; report what the log says of the audit, with sluice status -o json",
        };
        let verb = if names.len() == 1 { "waits" } else { "wait" };
        Finding::new(What::Waits, format!("{} {verb}: {}", names.join(", "), line(says)), what_to_do)
    })
}

/// What a daemon sees that somebody should look at.
fn attention(row: &Row) -> impl Iterator<Item = Finding> {
    let sentences = row.told.iter().flat_map(|told| &told.attention);
    sentences.map(|sentence| {
        let (says, what_to_do) = sentence.rsplit_once("; ").unwrap_or((sentence, "look at the records that it names"));
        let what = if row.name == "plan-window" { What::WaitInVain } else { What::DaemonAsks };
        Finding::new(what, says, what_to_do)
    })
}

fn alarm(row: &Row, now: Timestamp) -> Option<Finding> {
    let alarms = row.told.as_ref()?.alarms.as_ref()?;
    let is_new = instant(&alarms.last_at).is_some_and(|at| now.duration_since(at) < ALARM_LASTS);
    let says = format!(
        "the {} has raised {} alarms, the last ({}) at {}",
        row.name, alarms.count, alarms.last, alarms.last_at
    );
    let what_to_do =
        "look at kubectl get events -A for QuotaExceeded, HeldClaimGone and DeviceHeldTwice, and at sluice audit";
    is_new.then(|| Finding::new(What::LedgerAlarm, says, what_to_do))
}

fn log(seen: &Seen, holder: &str) -> String {
    format!("look at the log of {holder}, e.g. kubectl -n {} logs {holder}", seen.place.namespace)
}
