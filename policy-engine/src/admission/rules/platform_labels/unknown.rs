//! Keys with the platform's prefix that say nothing to it: mistyped, or a label where an annotation is read.

use std::fmt;

use serde_json::{Map, Value};

use crate::admission::decision::MOST_KEPT;
use crate::admission::findings::Findings;
use crate::contract::{self, KEYS, Key, KeyKind, Writer};
use crate::object::place::Place;
use crate::submission::Act;
use crate::submission::case::Case;

/// Two names that are so alike, from 0 to 1, that one may be meant by the other.
const ALIKE: f64 = 0.8;
/// Kubernetes takes no longer name after the prefix.
const LONGEST: usize = 63;

/// Tells people of the keys that they add. Nobody is refused for one: an older or newer client may know it.
pub(super) fn tell(case: &Case<'_>, say: &mut Findings) {
    if !case.is_read_by_people() || !matches!(case.submission.act, Act::Create | Act::Update) {
        return;
    }
    let mut places = Vec::new();
    places.extend(case.object().map(|object| (Place::root(), object)));
    if !case.is_pod() {
        places.extend(case.pods.iter().filter_map(|pod| Some((pod.at([]), pod.template()?))));
    }
    if case.is_claim_template() {
        places.extend(case.device_claims.iter().map(|claim| (claim.at([]), claim.object)));
    }
    if !case.is_volume_claim() {
        places.extend(case.volume_claims.iter().map(|claim| (claim.at([]), claim.object)));
    }
    let maps = places.iter().flat_map(|(place, object)| {
        let labels = (place, "labels", KeyKind::Label, object.labels());
        [labels, (place, "annotations", KeyKind::Annotation, object.annotations())]
    });
    let added = maps.flat_map(|(place, map, kind, keys)| {
        let place = place.clone().key("metadata").key(map);
        let old = case.submission.old.and_then(|old| place.resolve(old)).and_then(Value::as_object);
        new_keys(keys, old).map(move |key| (place.clone().key(key.clone()), key, kind)).collect::<Vec<_>>()
    });
    for (place, key, kind) in added.take(MOST_KEPT) {
        if let Some(advice) = advice(key, kind) {
            say.warn(format_args!("{place}: {advice}"));
        }
    }
}

/// The keys with the platform's prefix that were not there before.
fn new_keys<'k>(
    keys: Option<&'k Map<String, Value>>,
    old: Option<&'k Map<String, Value>>,
) -> impl Iterator<Item = &'k String> {
    let keys = keys.into_iter().flat_map(Map::keys).filter(|key| key.starts_with(contract::PREFIX));
    keys.filter(move |key| old.is_none_or(|old| !old.contains_key(*key)))
}

/// What to say of a key. What the platform itself writes is put right, or kept, elsewhere.
fn advice(key: &str, kind: KeyKind) -> Option<Advice<'_>> {
    let name = key.strip_prefix(contract::PREFIX).filter(|_| !contract::OF_CLIENTS.contains(&key))?;
    match KEYS.iter().find(|it| it.name == name) {
        Some(known) if known.kind == kind || known.by == Writer::Platform || key == contract::CLAIM_NAME => None,
        Some(known) => Some(Advice::OtherKind { known, kind }),
        None => Some(Advice::Unknown { name, nearest: nearest(name) }),
    }
}

/// The key that may be meant, of the labels and annotations that there are.
fn nearest(name: &str) -> Option<&'static Key> {
    if name.len() > LONGEST {
        return None;
    }
    let alike = |key: &'static Key| (strsim::jaro_winkler(name, key.name), key);
    let written = KEYS.iter().filter(|it| matches!(it.kind, KeyKind::Label | KeyKind::Annotation));
    let best = written.map(alike).max_by(|(one, _), (other, _)| one.total_cmp(other));
    best.filter(|(alike, _)| *alike >= ALIKE).map(|(_, key)| key)
}

enum Advice<'a> {
    Unknown { name: &'a str, nearest: Option<&'static Key> },
    OtherKind { known: &'static Key, kind: KeyKind },
}

impl fmt::Display for Advice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = contract::PREFIX;
        match self {
            Self::Unknown { name, nearest } => {
                write!(f, "asked {prefix}{name}, which is no key of the platform: it stays, and says nothing; ")?;
                match nearest {
                    Some(Key { name, by: Writer::Platform, .. }) => {
                        write!(f, "did you mean {prefix}{name}, which the platform itself writes? Leave it out")
                    }
                    Some(Key { name, kind, .. }) => write!(f, "did you mean the {kind} {prefix}{name}?"),
                    None => f.write_str("leave it out, or give it a prefix of your own"),
                }
            }
            Self::OtherKind { known: Key { name, kind: is, .. }, kind } => write!(
                f,
                "asked the {kind} {prefix}{name}: it stays, and says nothing; {prefix}{name} is read as {is}: did you mean that?"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(name: &str, kind: KeyKind) -> String {
        let key = format!("{}{name}", contract::PREFIX);
        advice(&key, kind).map(|advice| advice.to_string()).unwrap_or_default()
    }

    #[test]
    fn the_nearest_key_is_named_if_one_is_near() {
        for (asked, meant) in [
            ("dra-gpu-modle", "the label platform-go/dra-gpu-model?"),
            ("queue", "the label platform-go/queue-name?"),
            ("gpu-model", "the label platform-go/dra-gpu-model?"),
            ("queuename", "the label platform-go/queue-name?"),
            ("claim-slot", "the annotation platform-go/claim-slots?"),
            ("root-shel", "the annotation platform-go/root-shell?"),
            ("sm-pct", "the label platform-go/dra-sm-pct?"),
            ("project", "platform-go/project-id, which the platform itself writes? Leave it out"),
        ] {
            let said = said(asked, KeyKind::Label);
            assert!(said.ends_with(&format!("did you mean {meant}")), "{asked}: {said}");
        }
        for far in ["colour", "zzz", "team-budget"] {
            assert!(said(far, KeyKind::Label).ends_with("leave it out, or give it a prefix of your own"), "{far}");
        }
        assert!(said(&"x".repeat(LONGEST + 1), KeyKind::Label).ends_with("of your own"));
        assert_eq!(said("resource-type", KeyKind::Label), "", "dashboards know it");
    }

    #[test]
    fn keys_of_the_contract_say_nothing_but_where_they_are_not_read() {
        for key in KEYS {
            for kind in [KeyKind::Label, KeyKind::Annotation] {
                let is_read = key.kind == kind || key.by == Writer::Platform || key.name == "dra-claim-name";
                assert_eq!(said(key.name, kind).is_empty(), is_read, "{} as {kind}", key.name);
            }
        }
        let of_label = "asked the annotation platform-go/queue-name: it stays, and says nothing; platform-go/queue-name is read as label: did you mean that?";
        assert_eq!(said("queue-name", KeyKind::Annotation), of_label);
    }
}
