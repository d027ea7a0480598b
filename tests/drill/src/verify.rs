//! What is there afterwards, held against what the clients were told.

use crate::client::Person;
use crate::journal::Journal;
use crate::load::{Believed, FOREIGN, Life, MARK, PLACES, Place, Sort, TOUCHED};
use anyhow::Result;
use kube::core::DynamicObject;
use std::collections::{BTreeMap, BTreeSet};

/// Lists every namespace that was worked in, and writes down what is missing and what should not be there.
pub(crate) async fn verify(admin: &Person, run: &str, believed: &[Believed], journal: &Journal) -> Result<()> {
    let ungoverned = journal.ungoverned();
    let set_aside = believed.iter().filter(|pod| pod.life == Life::Unjudged).map(|pod| pod.name.as_str());
    let unjudged: BTreeSet<&str> =
        ungoverned.iter().filter_map(|name| Some(name.split_once('/')?.1)).chain(set_aside).collect();
    for place in PLACES {
        let there = admin.list(place.namespace, &format!("{MARK}={run}")).await?;
        for pod in &there.items {
            if place.sort == Sort::Governed && !unjudged.contains(pod.metadata.name.as_deref().unwrap_or_default()) {
                forbidden(place, pod, journal);
            }
        }
        let there: BTreeMap<&str, &DynamicObject> =
            there.items.iter().filter_map(|pod| Some((pod.metadata.name.as_deref()?, pod))).collect();
        for pod in believed.iter().filter(|pod| pod.place == place) {
            missing(pod, there.get(pod.name.as_str()).copied(), journal);
        }
    }
    Ok(())
}

fn forbidden(place: Place, pod: &DynamicObject, journal: &Journal) {
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let image = pod.data["spec"]["containers"][0]["image"].as_str().unwrap_or_default();
    if image == FOREIGN {
        journal.let_through(journal.glass(), place.namespace, name, &format!("it exists with image {image}"));
    }
    let stamp = pod.metadata.labels.as_ref().and_then(|labels| labels.get("platform-go/user-id"));
    if stamp.map(String::as_str) != Some(place.who) {
        let stamp = stamp.map_or("none", String::as_str);
        let what = format!("nobody judged it; made by {}, stamp: {stamp}", place.who);
        journal.let_through(journal.glass(), place.namespace, name, &what);
    }
}

fn missing(believed: &Believed, there: Option<&DynamicObject>, journal: &Journal) {
    let Believed { place, name, uid, touched, life } = believed;
    let found = there.filter(|pod| pod.metadata.uid.as_deref() == Some(uid));
    let subject = format!("{name} in {}", place.namespace);
    match (life, found) {
        (Life::Alive | Life::Unjudged, None) => journal.lost(format!("{subject}: was accepted, and is not there")),
        (Life::Deleted, Some(pod)) if pod.metadata.deletion_timestamp.is_none() => {
            journal.lost(format!("{subject}: its deletion was accepted, and it is there"));
        }
        (Life::Alive | Life::Unjudged, Some(pod)) => {
            let said = pod.metadata.annotations.as_ref().and_then(|annotations| annotations.get(TOUCHED));
            let said = said.and_then(|count| count.parse::<u64>().ok()).unwrap_or_default();
            // A later update may have been carried out although its answer did not arrive.
            if said < *touched {
                journal.lost(format!("{subject}: update {touched} was accepted, and it says {said}"));
            }
        }
        (Life::Deleted | Life::Unknown, _) => {}
    }
}
