//! Where the API server calls Sluice: the webhook configurations.

use anyhow::{Context, Result};
use ground::Ground;
use serde_json::{Value, json};

/// The one command of break-glass, as the runbook has it.
pub const BREAK_GLASS: &str = "kubectl delete mutatingwebhookconfiguration,validatingwebhookconfiguration sluice";
pub(crate) const MUTATING: &str = "mutatingwebhookconfiguration/sluice";
pub(crate) const VALIDATING: &str = "validatingwebhookconfiguration/sluice";

/// Lets every entry of a configuration call another port of loopback.
pub(crate) fn point(ground: &Ground, configuration: &str, port: u16) -> Result<()> {
    let text = ground.admin(&["get", configuration, "-o=json"])?;
    let object: Value = serde_json::from_str(&text)?;
    let entries = object["webhooks"].as_array().context("a configuration without entries")?;
    let patch = entries.iter().enumerate().map(|(at, entry)| {
        let url = entry["clientConfig"]["url"].as_str().context("an entry without a URL")?;
        let path = url.splitn(4, '/').nth(3).context("a URL without a path")?;
        let url = format!("https://127.0.0.1:{port}/{path}");
        Ok(json!({"op": "replace", "path": format!("/webhooks/{at}/clientConfig/url"), "value": url}))
    });
    let patch = Value::from(patch.collect::<Result<Vec<_>>>()?).to_string();
    ground.admin(&["patch", configuration, "--type=json", "-p", &patch])?;
    Ok(())
}

/// Takes Sluice out of every path, by the runbook's own line.
pub(crate) fn remove(ground: &Ground) -> Result<()> {
    let args: Vec<&str> = BREAK_GLASS.split(' ').skip(1).collect();
    ground.admin(&args)?;
    Ok(())
}

/// How many calls with these labels a page of metrics has counted.
pub(crate) fn calls(page: &str, labels: &[&str]) -> u64 {
    let counts = page.lines().filter(|line| line.starts_with("sluice_webhook_call_duration_seconds_count{"));
    let counts = counts.filter(|line| labels.iter().all(|label| line.contains(label)));
    counts.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}
