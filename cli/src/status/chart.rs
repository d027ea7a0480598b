//! What the chart of this version renders: the entries of the webhook configurations, and the static policies.

use serde::Deserialize as _;
use serde_json::Value;

/// With the chart's own values. What follows from others is compared with the PlatformPolicy, which is rendered from them too.
const RENDERED: &str = include_str!("../../../manifests/rendered/sluice.yaml");

/// The entries of the configuration of this kind.
pub(super) fn entries(kind: &str) -> Vec<Value> {
    let configurations = documents(kind).into_iter();
    configurations.flat_map(|it| it["webhooks"].as_array().cloned().unwrap_or_default()).collect()
}

/// All objects of a kind.
pub(super) fn documents(kind: &str) -> Vec<Value> {
    // Most of the file are definitions of records, which are not read.
    let of_kind = |text: &&str| text.lines().any(|line| line.strip_prefix("kind: ") == Some(kind));
    let texts = RENDERED.split("\n---\n").filter(of_kind);
    let read = |text: &str| Value::deserialize(serde_norway::Deserializer::from_str(text));
    texts.map(|text| read(text).unwrap_or_else(|error| unreachable!("the chart as it is rendered: {error}"))).collect()
}
