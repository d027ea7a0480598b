//! Sluice on the real node, as people install it: the chart by Helm, from an image.

use crate::{ADMIN, kubectl, must};
use ground::real_node::NODE;
use ground::{Ground, SYSTEM_NAMESPACE, built_sluice, image};
use serde_json::json;

const REPOSITORY: &str = "registry.example.com/platform/sluice";
const IMAGE: &str = "registry.example.com/platform/sluice:test";

/// Installs the chart with these values besides the usual ones.
pub fn install(p: &Ground, values: &[(&str, &str)]) {
    let usual =
        [("image.repository", REPOSITORY), ("image.tag", "test"), ("nodeSelector.kubernetes\\.io/hostname", NODE)];
    let all: Vec<_> = usual.iter().chain(values).copied().collect();
    must(p.install_chart_as_it_is(&all));
}

/// Returns when all of Sluice is there, and is what was installed last.
pub fn rolled_out(p: &Ground) {
    let status = ["-n", SYSTEM_NAMESPACE, "rollout", "status", "deployment/sluice", "--timeout=120s"];
    let output = kubectl(p, ADMIN, &status);
    let pods = || kubectl(p, ADMIN, &["-n", SYSTEM_NAMESPACE, "describe", "pods"]).stdout;
    let logs = || kubectl(p, ADMIN, &["-n", SYSTEM_NAMESPACE, "logs", "deployment/sluice", "--tail=40"]).stdout;
    assert!(output.success, "{}\n{}\n{}", output.stderr, pods(), logs());
}

/// Sluice as the README installs it, with its ledger in a file, and the sample organisation.
pub fn with_sqlite(p: &Ground) {
    // An earlier test may have failed while it was drained.
    must(p.admin(&["uncordon", NODE]));
    let archive = p.layout().dir().join("sluice.tar");
    must(must(image::of_program(IMAGE, &built_sluice(), &json!({}), &[])).write(&archive));
    must(p.import_image(&archive));
    install(p, &[]);
    rolled_out(p);
    must(p.make_users());
    must(p.apply_organisation());
    must(p.wait_bound());
}
