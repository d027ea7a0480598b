//! Types of volumes.

use serde_json::Value;

use crate::admission::findings::Findings;
use crate::sentence;
use crate::submission::case::Case;
use crate::submission::pod::Pod;

pub(super) fn judge(case: &Case<'_>, pod: &Pod<'_>, say: &mut Findings) {
    let platform = case.policy.platform();
    let volumes = pod.object().at(&["spec", "volumes"]).and_then(Value::as_array);
    for (index, volume) in volumes.into_iter().flatten().enumerate() {
        let here = pod.at(["spec", "volumes"]).index(index);
        // The type is the key beside the name: one that this build does not know is no type that is listed.
        let types = volume.as_object().into_iter().flatten().filter(|(key, value)| *key != "name" && !value.is_null());
        for (kind, source) in types {
            if kind == "hostPath" {
                continue;
            }
            if !platform.volume_types.contains(kind) {
                let listed: Vec<_> = platform.volume_types.iter().collect();
                say.deny(
                    here.clone().key(kind.clone()),
                    NotListed { asked: format_args!("a volume of type {kind}"), listed },
                );
            } else if kind == "csi" {
                let driver = source.get("driver").and_then(Value::as_str).unwrap_or_default();
                if !platform.csi_drivers.contains(driver) {
                    let listed: Vec<_> = platform.csi_drivers.iter().collect();
                    let asked = format_args!("inline CSI driver {driver}");
                    say.deny(here.clone().key("csi").key("driver"), NotListed { asked, listed });
                }
            }
        }
    }
}

struct NotListed<'a> {
    asked: std::fmt::Arguments<'a>,
    listed: Vec<&'a String>,
}

impl std::fmt::Display for NotListed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "asked {}; this platform allows ", self.asked)?;
        if self.listed.is_empty() {
            f.write_str("none")?;
        }
        sentence::list(f, &self.listed)?;
        f.write_str("; use a PersistentVolumeClaim, or ask an admin")
    }
}
