//! The page of `docs/reference` about the chart's values, which explain themselves.

use std::path::Path;

use manual::Page;

const VALUES: &str = "manifests/sluice/values.yaml";

#[test]
fn reference_of_the_chart_values() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(VALUES);
    let values = std::fs::read_to_string(path).expect("the values of the chart");
    let text = format!("{INTRODUCTION}\n\n```yaml\n{}\n```\n", values.trim_end());
    manual::assert_made(None, &[Page::new("chart.md", &text, &[VALUES])]);
}

const INTRODUCTION: &str = "\
# The chart's values

All values of the chart with their defaults, for `helm upgrade --install sluice manifests/sluice -f my-values.yaml`. \
A value that the chart does not know is refused. What stands under `policy` becomes the record \
[PlatformPolicy](records/platformpolicies.md), where each field is explained.";
