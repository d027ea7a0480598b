//! `sluice certs show`: what is kept, and what API servers are told to trust.

use std::fmt::Write as _;

use ::certs::{CaBundle, Described, KeyMaterial};
use clap::Args;
use jiff::Timestamp;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use super::Place;
use crate::ending::{Ending, Failure};
use crate::output::{self, Format};
use crate::table::aligned;

const DAY: i64 = 24 * 3600;

/// Show the certificates that are kept, the CAs that are published, and where a rotation stands
///
/// Exit codes: 0 fine, 2 a certificate has ended or a CA is not published, 3 bad input, 4 no answer.
#[derive(Args, Debug)]
pub(super) struct Show {
    #[command(flatten)]
    place: Place,
    /// How the answer is written
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

/// Everything that was found: the contract of `-o json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    place: String,
    phase: String,
    serving: Option<Certificate>,
    authorities: Vec<Certificate>,
    published: Vec<Published>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Certificate {
    role: &'static str,
    subject: String,
    issuer: String,
    names: Vec<String>,
    not_before: Timestamp,
    not_after: Timestamp,
    days_left: i64,
    sha256: String,
}

/// One webhook configuration.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Published {
    configuration: String,
    entries: usize,
    /// Entries that have every CA of the bundle that is kept.
    trusting: usize,
    /// SHA-256 of the CAs of all entries.
    authorities: Vec<String>,
}

impl Certificate {
    fn new(role: &'static str, found: Described, now: Timestamp) -> Self {
        let Described { subject, issuer, names, life, fingerprint } = found;
        let days_left = (life.ends.as_second() - now.as_second()).div_euclid(DAY);
        let (not_before, not_after) = (life.starts, life.ends);
        Self { role, subject, issuer, names, not_before, not_after, days_left, sha256: fingerprint }
    }
}

impl Show {
    pub(super) async fn run(self) -> Result<Ending, Failure> {
        let Self { place, output } = self;
        let keep = place.keep().await?;
        let material = super::kept(&keep).await?;
        let publication = place.publication().await?;
        let bundles = publication.bundles().await.map_err(|error| Failure::Unanswered(error.into()))?;
        let published = bundles
            .into_iter()
            .map(|(configuration, bundles)| published(&material, configuration.to_string(), &bundles));
        let found = found(keep.to_string(), &material, published.collect(), Timestamp::now());
        match output {
            Format::Text => output::print(&text(&found))?,
            Format::Json => output::print(&output::json(&found)?)?,
        }
        let ended = found.serving.iter().chain(&found.authorities).any(|it| it.days_left < 0);
        let untold = found.published.iter().any(|it| it.trusting < it.entries);
        Ok(if ended || untold { Ending::Warned } else { Ending::Fine })
    }
}

fn published(material: &KeyMaterial, configuration: String, bundles: &[String]) -> Published {
    let prints = |bundle: &CaBundle| bundle.described().into_iter().map(|it| it.fingerprint).collect::<Vec<_>>();
    let wanted = prints(&material.bundle);
    let entries: Vec<Vec<String>> =
        bundles.iter().map(|pem| pem.parse().map(|bundle: CaBundle| prints(&bundle)).unwrap_or_default()).collect();
    let trusting = entries.iter().filter(|found| wanted.iter().all(|it| found.contains(it))).count();
    let mut authorities = entries.concat();
    authorities.sort();
    authorities.dedup();
    Published { configuration, entries: bundles.len(), trusting, authorities }
}

fn found(place: String, material: &KeyMaterial, published: Vec<Published>, now: Timestamp) -> Found {
    let issuing = material.authority.as_ref().map(::certs::Authority::fingerprint);
    let next = material.next.as_ref().map(::certs::Authority::fingerprint);
    let role = |print: &String| match Some(print) {
        it if it == issuing.as_ref() => "issues",
        it if it == next.as_ref() => "next",
        _ if issuing.is_none() => "trusted",
        _ => "former",
    };
    let authorities = material.bundle.described().into_iter();
    Found {
        place,
        phase: material.phase().to_string(),
        serving: material.leaf.described().map(|it| Certificate::new("serving", it, now)),
        authorities: authorities.map(|it| Certificate::new(role(&it.fingerprint), it, now)).collect(),
        published,
    }
}

fn text(found: &Found) -> String {
    let mut text = format!("{}  rotation: {}\n", found.place.bold(), found.phase.bold());
    let mut rows = Vec::new();
    for it in found.serving.iter().chain(&found.authorities) {
        let until = format!("until {:.0} ({} days)", it.not_after, it.days_left);
        let until = if it.days_left < 0 { until.red().to_string() } else { until };
        rows.push(vec![it.role.to_owned(), format!("{}  {until}", it.subject)]);
        rows.push(vec![String::new(), format!("sha256 {}", it.sha256)]);
        if it.role == "serving" {
            rows.push(vec![String::new(), format!("issued by {}, for {}", it.issuer, it.names.join(", "))]);
        }
    }
    text.extend(aligned(&rows).iter().map(|line| format!("  {line}\n")));
    for Published { configuration, entries, trusting, .. } in &found.published {
        let said = match entries {
            0 => "is not there, or has no entry".yellow().to_string(),
            all if trusting < all => format!("{trusting} of {all} entries trust all of these CAs").red().to_string(),
            all => format!("{all} entries trust these CAs"),
        };
        let _infallible = writeln!(text, "{configuration}: {said}");
    }
    text
}
