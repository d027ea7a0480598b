//! How many Pods need each other.

use std::fmt;
use std::ops::RangeInclusive;

use crate::admission::findings::Findings;
use crate::contract;
use crate::submission::case::Case;

/// One Pod needs nobody, and more than this nobody can make room for at once.
const SIZES: RangeInclusive<u32> = 2..=1000;

pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    for pod in &case.pods {
        let Some(asked) = pod.object().annotation(contract::GANG) else { continue };
        if asked.parse().ok().filter(|size| SIZES.contains(size)).is_none() {
            say.deny(pod.annotation_at(contract::GANG), NoGang { asked });
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
