//! How many Pods need each other.

use std::fmt;
use std::ops::RangeInclusive;

use crate::admission::findings::Findings;
use crate::contract;
use crate::object::at_once::pods_at_once;
use crate::submission::case::Case;

/// One Pod needs nobody, and more than this nobody can make room for at once.
const SIZES: RangeInclusive<u32> = 2..=1000;

pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    for pod in &case.pods {
        let Some(asked) = pod.object().annotation(contract::GANG) else { continue };
        let at = pod.annotation_at(contract::GANG);
        let Some(size) = asked.parse().ok().filter(|size| SIZES.contains(size)) else {
            say.deny(at, NoGang { asked });
            continue;
        };
        let kind = case.submission.kind;
        if let Some(there_are) = there_are(case).filter(|there_are| *there_are < u64::from(size)) {
            say.warn(format_args!("{at}: {}", TooLarge { size, kind, there_are }));
        }
    }
}

/// How many Pods a workload of a person's has at once, where it says so; none makes a Pod that a person makes.
fn there_are(case: &Case<'_>) -> Option<u64> {
    if !case.is_read_by_people() {
        return None;
    }
    if case.is_pod() {
        return (case.new_pod().is_some() && case.named_controller.is_none()).then_some(0);
    }
    // Of other kinds it is not known what a number of theirs counts.
    let spec = match (case.submission.resource.group.as_str(), case.submission.resource.resource.as_str()) {
        ("batch", "cronjobs") => case.object()?.at(&["spec", "jobTemplate", "spec"])?,
        ("batch", "jobs")
        | ("apps", "deployments" | "replicasets" | "statefulsets")
        | ("", "replicationcontrollers") => case.object()?.at(&["spec"])?,
        (_, _) => return None,
    };
    pods_at_once(spec)
}

/// Asked of what has fewer Pods.
struct TooLarge<'a> {
    size: u32,
    kind: &'a str,
    there_are: u64,
}

impl fmt::Display for TooLarge<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { size, kind, there_are } = self;
        write!(f, "asked {size}; so many Pods of a workload run together or not at all, and ")?;
        match there_are {
            0 if *kind == "Pod" => f.write_str("no workload makes this one")?,
            _ => write!(f, "this {kind} has {there_are} at once")?,
        }
        f.write_str(", for which room is never made; ")?;
        match there_are {
            0 if *kind == "Pod" => f.write_str("take the annotation away, or have a workload make the Pods"),
            0 | 1 => f.write_str("take the annotation away, or have more Pods"),
            most => write!(f, "write a number from {} to {most}, or have more Pods", SIZES.start()),
        }
    }
}

struct NoGang<'a> {
    asked: &'a str,
}

impl fmt::Display for NoGang<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (least, most) = (SIZES.start(), SIZES.end());
        write!(
            f,
            "asked {:?}; so many pods run together or not at all: a number from {least} to {most}; write one, or take the annotation away",
            self.asked
        )
    }
}
