//! What `/metrics` shows, as a page: the registry of the process itself, asked once.

use std::collections::{BTreeMap, BTreeSet};

use cluster::world::World;
use manual::{Page, sentence, table};
use reapers::{Choice, Reapers};
use tokio_util::sync::CancellationToken;

use crate::run::{registry, topics};

/// A metric, as the registry describes it.
#[derive(Default)]
struct Metric {
    kind: String,
    help: String,
    /// Label to the values that are there before anything has happened.
    labels: BTreeMap<String, BTreeSet<String>>,
}

#[tokio::test]
async fn reference_of_the_metrics() {
    // Nothing listens there, so nothing happens.
    let client =
        kube::Client::try_from(kube::Config::new("http://127.0.0.1:1".parse().expect("a URL"))).expect("a client");
    let shutdown = CancellationToken::new();
    let world = World::start(client, topics(true, Some(&Choice::default())), shutdown.clone());
    let directory = tempfile::tempdir().expect("a directory");
    let url = format!("sqlite://{}/ledger.db", directory.path().display());
    let ledger = store::Store::open(&url).await.expect("a ledger").ledger();
    let reapers = Reapers::new(world.clone(), "sluice-system", ledger, Choice::default(), shutdown.clone());
    let registry = registry(&world, &webhook::Metrics::default(), Some(&certs::Metrics::default()), Some(&reapers));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).expect("text");
    shutdown.cancel();

    let metrics = read(&text);
    assert!(metrics.contains_key("sluice_webhook_denials"), "{text}");
    let rows = metrics.iter().map(|(name, Metric { kind, help, labels })| {
        let shown = if kind == "counter" { format!("{name}_total") } else { name.clone() };
        let labels = labels.iter().map(|(label, values)| {
            let values: Vec<_> = values.iter().map(|value| format!("`{value}`")).collect();
            format!("`{label}`: {}", values.join(", "))
        });
        [format!("`{shown}`"), kind.clone(), sentence(help), labels.collect::<Vec<_>>().join("; ")]
    });
    let text = format!("{INTRODUCTION}\n\n{}", table(["metric", "type", "meaning", "labels"], rows));
    let sources = ["webhook/src/metrics.rs", "reapers/src/metrics.rs", "cli/src/run/health.rs"];
    let page = Page::new("metrics.md", &text, &sources);
    manual::assert_made(None, &[page]);
}

const INTRODUCTION: &str = "\
# Metrics

What `/metrics` on `--metrics-listen` shows, in the OpenMetrics text format. Every label has a fixed set of values, and \
series whose labels are known exist from the start, at zero. A histogram has `_bucket`, `_sum` and `_count`.";

/// Reads the text format: `# HELP`, `# TYPE`, and series.
fn read(text: &str) -> BTreeMap<String, Metric> {
    let mut metrics: BTreeMap<String, Metric> = BTreeMap::new();
    for line in text.lines() {
        match line.split_once(' ') {
            Some(("#", comment)) => {
                let mut words = comment.splitn(3, ' ');
                let (Some(word), Some(name)) = (words.next(), words.next()) else { continue };
                let rest = words.next().unwrap_or_default().to_owned();
                let metric = metrics.entry(name.to_owned()).or_default();
                match word {
                    "HELP" => metric.help = rest,
                    "TYPE" => metric.kind = rest,
                    _ => {}
                }
            }
            Some(_) | None => {
                let Some((series, rest)) = line.split_once('{') else { continue };
                let of = metrics.iter_mut().rev().find(|(name, _)| series.starts_with(name.as_str()));
                let (Some((_, metric)), Some((labels, _))) = (of, rest.split_once('}')) else { continue };
                for (label, value) in labels.split("\",").filter_map(|pair| pair.split_once("=\"")) {
                    if label != "le" {
                        metric.labels.entry(label.into()).or_default().insert(value.trim_end_matches('"').into());
                    }
                }
            }
        }
    }
    metrics.retain(|_, metric| !metric.help.is_empty());
    metrics
}
