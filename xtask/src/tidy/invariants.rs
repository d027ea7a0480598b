//! What the architecture says is *not* there, kept true.

use super::tree::{File, Finding, Tree};
use anyhow::{Context, Result};

/// Dependencies that a crate may not have, whatever it would do with them.
const PURE: &[&str] = &[
    "anyhow",
    "async-trait",
    "axum",
    "chrono",
    "fastrand",
    "futures",
    "hyper",
    "kube",
    "kube-client",
    "kube-runtime",
    "rand",
    "reqwest",
    "sqlx",
    "tokio",
    "tokio-util",
    "tower",
    "tracing",
    "uuid",
];

/// Which crates of ours each crate may lean on. Arrows go one way, and webhook, reapers and proxy never meet.
const LEANS_ON: &[(&str, &[&str])] = &[
    ("policy-engine", &[]),
    ("records", &["policy-engine"]),
    ("cluster", &["policy-engine", "records"]),
    ("store", &["policy-engine"]),
    ("decide", &["policy-engine", "records", "cluster", "store"]),
    ("certs", &[]),
    ("webhook", &["policy-engine", "records", "cluster", "store", "decide", "certs"]),
    ("reapers", &["policy-engine", "records", "cluster", "store", "decide"]),
    ("proxy", &["policy-engine", "records", "cluster", "store", "decide", "certs"]),
    ("cli", &["policy-engine", "records", "cluster", "store", "decide", "certs", "webhook", "reapers", "proxy"]),
];

/// A name that only some crates' sources may speak. `path` matches itself and everything below it.
struct Reserved {
    path: &'static str,
    to: &'static [&'static str],
    why: &'static str,
}

const RESERVED: &[Reserved] = &[
    Reserved { path: "sqlx", to: &["store"], why: "only `store` knows SQL" },
    Reserved { path: "kube::Client::try_default", to: &["cluster"], why: MAKES },
    Reserved { path: "kube::Client::try_from", to: &["cluster"], why: MAKES },
    Reserved { path: "Client::try_default", to: &["cluster"], why: MAKES },
    Reserved { path: "Client::try_from", to: &["cluster"], why: MAKES },
    Reserved { path: "kube::Config", to: &["cluster"], why: MAKES },
    Reserved { path: "kube::Client", to: &["cluster", "certs", "cli"], why: HOLDS },
    Reserved { path: "kube::client::Client", to: &["cluster", "certs", "cli"], why: HOLDS },
    Reserved { path: "json_patch", to: &["decide", "webhook", "cli"], why: "only `decide` writes JSON Patch" },
];
const MAKES: &str = "only `cluster` makes clients of the API server";
const HOLDS: &str = "only `cluster` speaks to the API server; `cli` hands its client on, to `certs` for the Secret";

/// Names that policy-engine may not speak: clocks, dice and the outside world. `async` is a word, not a path.
const IMPURE: &[&str] = &[
    "SystemTime",
    "std::time::SystemTime",
    "std::time::Instant",
    "Instant::now",
    "Timestamp::now",
    "jiff::Timestamp::now",
    "Zoned::now",
    "jiff::Zoned::now",
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "async",
];

/// Our crates, without their tests' own directories.
pub(crate) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (package, allowed) in LEANS_ON {
        let Some(manifest) = tree.get(&format!("{package}/Cargo.toml")) else { continue };
        findings.extend(manifest_findings(manifest, package, allowed)?);
    }
    for (file, code) in tree.code() {
        let Some((package, _)) = file.path.split_once("/src/") else { continue };
        if !LEANS_ON.iter().any(|(ours, _)| *ours == package) {
            continue;
        }
        for named in code.paths() {
            if let Some(why) = forbidden(package, &named.path, is_test(&file.path)) {
                findings.push(file.finding(named.line, format!("`{package}` names `{}`: {why}", named.path)));
            }
        }
    }
    Ok(findings)
}

fn manifest_findings(manifest: &File, package: &str, allowed: &[&str]) -> Result<Vec<Finding>> {
    let table: toml::Table = manifest.text.parse().with_context(|| manifest.path.clone())?;
    let dependencies = table.get("dependencies").and_then(toml::Value::as_table);
    let names = dependencies.into_iter().flatten().map(|(name, _)| name.as_str());
    let line = |name: &str| manifest.text.lines().position(|line| line.starts_with(name)).map_or(1, |at| at + 1);
    Ok(names
        .filter_map(|name| {
            let ours = LEANS_ON.iter().any(|(package, _)| *package == name);
            let why = if ours && !allowed.contains(&name) {
                "arrows point the other way"
            } else if package == "policy-engine" && PURE.contains(&name) {
                "policy-engine performs no I/O, reads no clock, rolls no dice"
            } else if name == "sqlx" && package != "store" {
                "only `store` knows SQL"
            } else {
                return None;
            };
            Some(manifest.finding(line(name), format!("`{package}` depends on `{name}`: {why}")))
        })
        .collect())
}

/// A file of unit tests: it may build what its subject is handed. The engine's tests stay as pure as the engine.
fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/") || path.ends_with("/testing.rs")
}

fn forbidden(package: &str, path: &str, test: bool) -> Option<&'static str> {
    let below = |name: &str| path == name || path.strip_prefix(name).is_some_and(|rest| rest.starts_with("::"));
    if package == "policy-engine" && IMPURE.iter().any(|name| below(name)) {
        return Some("policy-engine performs no I/O, reads no clock, rolls no dice");
    }
    let mut reserved = RESERVED.iter().filter(|reserved| !test && below(reserved.path));
    reserved.find(|reserved| !reserved.to.contains(&package)).map(|reserved| reserved.why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tree::tree;

    fn says(path: &str, text: &str) -> Vec<String> {
        check(&tree(&[(path, text)])).unwrap().into_iter().map(|finding| finding.says).collect()
    }

    #[test]
    fn a_dependency_against_the_arrows_is_found() {
        let found = says("webhook/Cargo.toml", "[dependencies]\ncluster.workspace = true\nreapers.workspace = true\n");
        assert_eq!(found, ["`webhook` depends on `reapers`: arrows point the other way"]);
        let found =
            says("policy-engine/Cargo.toml", "[dependencies]\ntokio = \"1\"\n[dev-dependencies]\nwalkdir = \"2\"\n");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("`policy-engine` depends on `tokio`"), "{found:?}");
    }

    #[test]
    fn a_clock_in_the_engine_is_found_but_not_a_timestamp() {
        assert_eq!(says("policy-engine/src/a.rs", "fn a() { jiff::Timestamp::now(); }").len(), 1);
        assert_eq!(says("policy-engine/src/a.rs", "use std::{fs, fmt};").len(), 1);
        assert!(says("policy-engine/src/a.rs", "fn a(now: jiff::Timestamp) { later(now) }").is_empty());
    }

    #[test]
    fn a_client_elsewhere_is_found() {
        let text = "use kube::{Api, Client};";
        assert_eq!(says("webhook/src/a.rs", text).len(), 1);
        assert!(says("cluster/src/a.rs", text).is_empty());
        assert!(says("webhook/src/a/tests.rs", text).is_empty());
        assert!(says("cli/src/a.rs", text).is_empty());
        assert_eq!(says("cli/src/a.rs", "fn a() { kube::Client::try_default() }").len(), 1);
    }
}
