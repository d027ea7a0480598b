//! Taints of devices, and who tolerates them.

use std::collections::HashMap;
use std::sync::Arc;

use k8s_openapi::api::resource::v1::{Device, DeviceTaint, DeviceTaintRule, DeviceTaintSelector, DeviceToleration};
use policy_engine::daemons::preemption::view::places::{Effect, Taint, Toleration};

use super::Key;

/// The taints of rules.
#[derive(Default)]
pub(super) struct Taints<'w> {
    /// Of rules that name one device; there may be as many as devices.
    exact: HashMap<Key<'w>, Vec<Taint>>,
    others: Vec<(&'w DeviceTaintSelector, Taint)>,
}

impl<'w> Taints<'w> {
    pub(super) fn of(rules: &'w [Arc<DeviceTaintRule>]) -> Self {
        let mut taints = Self::default();
        // Without a selector nothing is selected.
        let selecting = rules.iter().filter_map(|it| Some((it.spec.device_selector.as_ref()?, taint(&it.spec.taint)?)));
        for (selector, taint) in selecting {
            match (&selector.driver, &selector.pool, &selector.device) {
                (Some(driver), Some(pool), Some(device)) => {
                    taints.exact.entry((driver, pool, device)).or_default().push(taint);
                }
                _ => taints.others.push((selector, taint)),
            }
        }
        taints
    }

    /// The taints that rules give to a device.
    pub(super) fn of_rules(&self, device: Key<'_>) -> Vec<Taint> {
        let (driver, pool, name) = device;
        let is = |asked: &Option<String>, it: &str| asked.as_ref().is_none_or(|asked| asked == it);
        let selects = |it: &DeviceTaintSelector| is(&it.driver, driver) && is(&it.pool, pool) && is(&it.device, name);
        let others = self.others.iter().filter(|(selector, _)| selects(selector)).map(|(_, taint)| taint);
        self.exact.get(&device).into_iter().flatten().chain(others).cloned().collect()
    }
}

/// The taints that a driver publishes.
pub(super) fn own(device: &Device) -> impl Iterator<Item = Taint> {
    device.taints.iter().flatten().filter_map(taint)
}

fn taint(taint: &DeviceTaint) -> Option<Taint> {
    let value = taint.value.clone().unwrap_or_default();
    Some(Taint { key: taint.key.clone(), value, effect: effect(&taint.effect)? })
}

/// `None` where it does nothing. Kubernetes says the same of effects that are not known.
fn effect(effect: &str) -> Option<Effect> {
    match effect {
        "NoSchedule" => Some(Effect::NoSchedule),
        "NoExecute" => Some(Effect::NoExecute),
        _ => None,
    }
}

/// What a request tolerates; `None` where that is nothing.
pub(super) fn toleration(toleration: &DeviceToleration) -> Option<Toleration> {
    let said = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let value = match toleration.operator.as_deref() {
        Some("Exists") => None,
        Some("Equal" | "") | None => Some(toleration.value.clone().unwrap_or_default()),
        Some(_) => return None,
    };
    let effect = match said(&toleration.effect) {
        Some(text) => Some(effect(&text)?),
        None => None,
    };
    Some(Toleration { key: said(&toleration.key), value, effect })
}
