//! What a process does next, from what it reads and what it remembers. No I/O: the property tests drive it through time.
//!
//! A pass reads the webhook configurations first, then what is kept, and writes a configuration only in the version that it read. So
//! whoever publishes an outdated bundle has read the configuration before the new one was kept, and fails if the new one was published.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;

use crate::issue::carry_out;
use crate::material::CaBundle;
use crate::plan::{MAX_AUTHORITIES, Pace, Reason, Situation, plan};
use crate::{Action, IssueError, KeyMaterial, Leaf, Request, ServingName, trust};

/// What the webhook configurations said when they were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Observed {
    /// Every bundle that some entry has, in PEM. Empty text where an entry has none.
    pub(crate) bundles: BTreeSet<String>,
    /// The generation of each configuration: one that was changed and changed back is another one.
    pub(crate) generations: Vec<Option<i64>>,
}

impl Observed {
    fn is(&self, bundle: &CaBundle) -> bool {
        self.bundles.iter().all(|pem| pem == bundle.pem())
    }

    fn parsed(&self) -> impl Iterator<Item = Vec<CertificateDer<'static>>> {
        let read = |pem: &String| CaBundle::read(pem.as_bytes()).map(|it| it.certificates().to_vec());
        self.bundles.iter().map(move |pem| read(pem).unwrap_or_default())
    }

    /// Whether every entry has all of these.
    fn hold(&self, authorities: &[CertificateDer<'static>]) -> bool {
        self.parsed().all(|found| authorities.iter().all(|it| found.contains(it)))
    }

    /// Whether whoever acts on any entry accepts this certificate.
    fn vouch(&self, leaf: &Leaf) -> bool {
        self.parsed().all(|found| trust::vouched(leaf, &found))
    }

    fn authorities(&self) -> Vec<CertificateDer<'static>> {
        self.parsed().flatten().take(MAX_AUTHORITIES).collect()
    }
}

/// What does not change while the process runs.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) names: Vec<ServingName>,
    /// Whether we issue where nothing is kept.
    pub(crate) issues: bool,
    /// Whether we write into the configurations, or only look.
    pub(crate) publishes: bool,
    pub(crate) pace: Pace,
}

/// What was read in one pass.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Read<'a> {
    pub(crate) observed: &'a Observed,
    pub(crate) material: Option<&'a KeyMaterial>,
    pub(crate) request: Option<&'a Request>,
    /// The clock on the wall.
    pub(crate) now: Timestamp,
    /// How long the process runs.
    pub(crate) uptime: Duration,
}

/// What to do next. All but the last are followed by reading again.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Store(Action, Box<KeyMaterial>),
    Publish(CaBundle),
    Rest(Rest),
}

/// Nothing more is to be done now.
#[derive(Clone, Debug)]
pub(crate) struct Rest {
    pub(crate) action: Action,
    /// What is kept is not fit to be served, and what was served before goes on.
    pub(crate) refused: Option<Reason>,
    /// When to look again, if before the usual interval.
    pub(crate) again: Option<Duration>,
}

/// Since when something is as it is.
#[derive(Clone, Debug, Default)]
struct Since<K> {
    seen: Option<(K, Duration)>,
}

impl<K: PartialEq> Since<K> {
    fn held(&mut self, key: K, uptime: Duration) -> Duration {
        match &self.seen {
            Some((seen, since)) if *seen == key => uptime.saturating_sub(*since),
            Some(_) | None => {
                self.seen = Some((key, uptime));
                Duration::ZERO
            }
        }
    }
}

/// What a process remembers from pass to pass.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    observed: Since<Observed>,
    kept: Since<(String, Option<String>)>,
    /// Whether API servers may know only CAs that do not vouch for what is kept.
    news: bool,
    /// What is served, and the bundle that was to vouch for it.
    pub(crate) served: Option<(Leaf, CaBundle)>,
}

impl Memory {
    pub(crate) fn step(&mut self, terms: &Terms, read: Read<'_>) -> Result<Step, IssueError> {
        let Read { observed, material, request, now, uptime } = read;
        let stable = self.observed.held(observed.clone(), uptime);
        let kept_for = material.map_or(Duration::ZERO, |material| {
            let authority = material.authority.as_ref().map(crate::Authority::fingerprint);
            self.kept.held((material.bundle.pem().to_owned(), authority), uptime)
        });
        let known = self.known(observed, material);
        let published = material.is_some_and(|material| observed.hold(material.bundle.certificates()));
        let situation = Situation {
            material,
            request,
            issues: terms.issues,
            names: &terms.names,
            now,
            published_for: published.then_some(stable),
            kept_for,
            taken_up: self.served.as_ref().map(|(leaf, _)| leaf) == material.map(|material| &material.leaf),
            orphaned: material.is_some() && !known.is_empty(),
            pace: terms.pace,
        };
        let action = plan(&situation);
        if let Some(new) = carry_out(&action, material, &known, now)? {
            return Ok(Step::Store(action, Box::new(new)));
        }
        let refused = self.refused(&action, material);
        let Some(material) = material.filter(|_| refused.is_none()) else {
            // Others may have taken up what this process refuses: nothing that they need is taken away.
            if let Some((leaf, bundle)) =
                self.served.as_ref().filter(|(leaf, _)| terms.publishes && !observed.vouch(leaf))
            {
                let former = observed.authorities();
                let own = bundle.certificates().iter().filter(|it| trust::signed(leaf, it));
                return crate::issue::bundle(own.chain(&former).take(MAX_AUTHORITIES)).map(Step::Publish);
            }
            return Ok(Step::Rest(Rest { action, refused, again: None }));
        };
        let left = |wait: Duration, waited: Duration| wait.checked_sub(waited).filter(|left| !left.is_zero());
        let mut again = match action {
            Action::Settle => left(terms.pace.settle, stable),
            Action::Overlap => left(terms.pace.overlap, kept_for),
            _ => None,
        };
        let mut bundle = material.bundle.clone();
        // Whoever issues elsewhere knows nothing of an overlap: what is published now stays beside it for one.
        if material.authority.is_none() && kept_for < terms.pace.overlap {
            let former = observed.authorities();
            if former.iter().any(|it| !bundle.certificates().contains(it)) {
                bundle = crate::issue::bundle(bundle.certificates().iter().chain(&former).take(MAX_AUTHORITIES))?;
                again = left(terms.pace.overlap, kept_for);
                self.news = true;
            }
        }
        let leaf = &material.leaf;
        if terms.publishes && !observed.is(&bundle) {
            self.news |= !observed.authorities().is_empty() && !observed.vouch(leaf);
            return Ok(Step::Publish(bundle));
        }
        let serves = match &self.served {
            Some((old, _)) if old != leaf => match (observed.vouch(old), observed.vouch(leaf)) {
                (true, true) => stable >= terms.pace.settle,
                (old, new) => new || !old,
            },
            Some(_) => true,
            // Nothing was served by this process yet: others that do go on, until everybody knows the CA of the new one.
            None => !self.news || stable >= terms.pace.settle,
        };
        match &mut self.served {
            served if serves => *served = Some((leaf.clone(), bundle)),
            Some((_, published)) => {
                *published = bundle;
                again = again.into_iter().chain(left(terms.pace.settle, stable)).min();
            }
            None => again = left(terms.pace.settle, stable),
        }
        Ok(Step::Rest(Rest { action, refused: None, again }))
    }

    /// CAs that stay trusted although what is kept does not know them: all that are published where nothing is kept, and otherwise the one
    /// that vouches for what this process serves.
    fn known(&self, observed: &Observed, material: Option<&KeyMaterial>) -> Vec<CertificateDer<'static>> {
        let Some(material) = material else {
            return observed.authorities().into_iter().take(MAX_AUTHORITIES - 1).collect();
        };
        match &self.served {
            Some((leaf, bundle)) if !trust::vouched(leaf, material.bundle.certificates()) => {
                bundle.certificates().iter().filter(|it| trust::signed(leaf, it)).cloned().collect()
            }
            Some(_) | None => Vec::new(),
        }
    }

    /// Why what is kept is not served, where somebody else has issued it.
    fn refused(&self, action: &Action, material: Option<&KeyMaterial>) -> Option<Reason> {
        let Action::Await(why) = action else { return None };
        let served = self.served.as_ref().map(|(leaf, _)| leaf);
        let unfit = match (why, material) {
            (_, None) => true,
            (_, Some(material)) if served == Some(&material.leaf) => false,
            (Reason::LeafNearEnd { .. } | Reason::AuthorityNearEnd { .. } | Reason::Asked, Some(_)) => false,
            (Reason::NothingKept | Reason::NameMissing(_), Some(_)) => true,
            // By a clock that is wrong everything is at its end, also what is served.
            (Reason::LeafEnded { .. } | Reason::LeafUntrusted, Some(material)) => {
                let signed = trust::vouched(&material.leaf, material.bundle.certificates());
                !signed || served.is_none_or(|served| material.leaf.life().ends < served.life().ends)
            }
        };
        unfit.then(|| why.clone())
    }
}

#[cfg(test)]
mod tests;
