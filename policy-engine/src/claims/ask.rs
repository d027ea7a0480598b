//! What labels ask.

use crate::contract;
use crate::object::Object;
use crate::policy::Policy;
use crate::policy::model::{Model, WHOLE};
use crate::policy::plan::VramPolicy;
use crate::policy::quantity::{self, Unit};

use super::MOST_DEVICES;
use super::price::Price;

/// The least that the driver takes as a ceiling of device memory.
pub(crate) const LEAST_PINNED: u64 = 1 << 20;

/// Devices that somebody asks for by labels.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The model; any that is allowed where none is asked.
    pub model: Option<&'a Model>,
    /// How many devices.
    pub count: u64,
    /// The share of each device's compute, 1 to 100.
    pub sm_percent: u64,
    /// How each device's memory is used.
    pub vram: Vram,
}

/// How a device's memory is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vram {
    /// Shared with whoever else uses the device.
    Elastic,
    /// Up to so many bytes.
    HardCap(u64),
}

impl Vram {
    /// The policy that a plan lists.
    pub fn policy(self) -> VramPolicy {
        match self {
            Self::Elastic => VramPolicy::Elastic,
            Self::HardCap(_) => VramPolicy::HardCap,
        }
    }
}

/// A label that does not say what it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misread {
    /// The label.
    pub key: &'static str,
    /// What was asked, what is allowed, what to do.
    pub why: String,
}

impl Misread {
    fn new(key: &'static str, why: impl Into<String>) -> Self {
        Self { key, why: why.into() }
    }
}

/// The labels by which devices are asked for.
const KEYS: [&str; 5] =
    [contract::GPU_MODEL, contract::GPU_COUNT, contract::SM_PERCENT, contract::VRAM_POLICY, contract::PINNED_MEMORY];

impl<'a> Ask<'a> {
    /// What the labels of an object ask; `None` where they ask for no device.
    ///
    /// # Errors
    /// Every label that cannot be read.
    pub fn of_labels(object: Object<'_>, policy: &'a Policy) -> Result<Option<Self>, Vec<Misread>> {
        match Self::read(object, policy) {
            None => Ok(None),
            Some((ask, misread)) if misread.is_empty() => Ok(Some(ask)),
            Some((_, misread)) => Err(misread),
        }
    }

    /// The same, and every label that cannot be read: for those it asks as if the label were absent, which is never for less.
    pub(crate) fn read(object: Object<'_>, policy: &'a Policy) -> Option<(Self, Vec<Misread>)> {
        // A mode that says nothing is no reason to ask for nothing.
        let own = object.label(contract::SHARING_MODE).is_some_and(|mode| mode != SHARED);
        let asked = KEYS.iter().any(|key| object.labels().is_some_and(|labels| labels.contains_key(*key)));
        if !asked && !own {
            return None;
        }
        let mut misread = Vec::new();
        let mut keep = |problem| misread.push(problem);
        let model = object.label(contract::GPU_MODEL).and_then(|asked| {
            policy.model_asked(asked).or_else(|| {
                keep(Misread::new(contract::GPU_MODEL, no_such_model(asked, policy)));
                None
            })
        });
        let count = whole(object, contract::GPU_COUNT, 1, MOST_DEVICES, "devices", &mut keep);
        let sm_percent = whole(object, contract::SM_PERCENT, 100, 100, "percent", &mut keep);
        let vram = vram(object).map_err(&mut keep).unwrap_or(Vram::Elastic);
        Some((Self { model, count, sm_percent, vram }, misread))
    }

    /// What it costs; of a model that is not named, as much as the dearest.
    pub fn price(&self, policy: &Policy) -> Price {
        let dearest = || policy.records().models.values().map(|model| model.milli_gpu).max().unwrap_or(WHOLE);
        let each = self.model.map_or_else(dearest, |model| model.milli_gpu);
        Price::of_each(each, self.count, self.sm_percent)
    }
}

/// The value of `dra-sharing-mode` that asks for a claim of one's own.
pub(crate) const INLINE: &str = "inline";
/// The value that asks for none.
pub(crate) const SHARED: &str = "shared-claim";

fn no_such_model(asked: &str, policy: &Policy) -> String {
    let models: Vec<_> = policy.records().models.values().map(|model| model.id.as_str()).collect();
    let models = if models.is_empty() { "none".into() } else { models.join(", ") };
    format!("asked model {asked:?}, which does not exist; the models are {models}; name one of them")
}

fn whole(
    object: Object<'_>,
    key: &'static str,
    absent: u64,
    most: u64,
    what: &str,
    keep: &mut impl FnMut(Misread),
) -> u64 {
    let Some(asked) = object.label(key) else { return absent };
    // Digits alone: a sign or a leading zero would be another spelling of an ask that is compared.
    let plain = asked.bytes().all(|byte| byte.is_ascii_digit()) && !asked.starts_with('0');
    match asked.parse() {
        Ok(number) if plain && (1..=most).contains(&number) => number,
        Ok(_) | Err(_) => {
            let why =
                format!("asked {asked:?}; a whole number of {what} from 1 to {most} is allowed, written in digits");
            keep(Misread::new(key, why));
            absent
        }
    }
}

fn vram(object: Object<'_>) -> Result<Vram, Misread> {
    let policy = object.label(contract::VRAM_POLICY);
    let size = object.label(contract::PINNED_MEMORY).filter(|size| *size != "none");
    match (policy, size) {
        (None | Some("elastic"), None) => Ok(Vram::Elastic),
        (None | Some("elastic"), Some(size)) => Err(Misread::new(
            contract::PINNED_MEMORY,
            format!(
                "asked {size:?} beside vram-policy elastic, which sets no ceiling; \
                 ask vram-policy hard_cap, or leave out the size"
            ),
        )),
        (Some("hard_cap"), None) => Err(Misread::new(
            contract::VRAM_POLICY,
            "asked hard_cap without a size; a ceiling needs one; add the label platform-go/dra-pinned-mem, e.g. 20Gi",
        )),
        (Some("hard_cap"), Some(size)) => match quantity::parse(size, Unit::One) {
            Ok(bytes) if bytes >= LEAST_PINNED => Ok(Vram::HardCap(bytes)),
            Ok(_) => Err(Misread::new(
                contract::PINNED_MEMORY,
                format!("asked {size:?}; the driver takes no ceiling below 1Mi; ask for more, e.g. 20Gi"),
            )),
            Err(why) => {
                Err(Misread::new(contract::PINNED_MEMORY, format!("asked {size:?}; {why}; write for example 20Gi")))
            }
        },
        (Some(policy), _) => Err(Misread::new(
            contract::VRAM_POLICY,
            format!("asked {policy:?}; elastic and hard_cap are allowed; name one of them"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::policy::Records;

    fn misread(labels: serde_json::Value) -> Vec<Misread> {
        let policy = Policy::from(Records::default());
        Ask::of_labels(Object(&json!({"metadata": {"labels": labels}})), &policy)
            .expect_err("a label that says nothing")
    }

    #[test]
    fn nothing_asked_is_no_ask_and_one_label_is() {
        let policy = Policy::from(Records::default());
        let of = |labels| {
            let object = json!({"metadata": {"labels": labels}});
            let ask = Ask::of_labels(Object(&object), &policy).expect("labels that can be read");
            ask.map(|ask| (ask.count, ask.sm_percent, ask.vram))
        };
        assert_eq!(of(json!({"app": "web"})), None);
        assert_eq!(of(json!({"platform-go/dra-sharing-mode": "shared-claim"})), None);
        assert_eq!(of(json!({"platform-go/dra-sharing-mode": "inline"})), Some((1, 100, Vram::Elastic)));
        let capped = json!({"platform-go/dra-gpu-count": "2", "platform-go/dra-sm-pct": "25",
            "platform-go/vram-policy": "hard_cap", "platform-go/dra-pinned-mem": "20Gi"});
        assert_eq!(of(capped), Some((2, 25, Vram::HardCap(20 << 30))));
    }

    #[test]
    fn every_label_that_cannot_be_read_is_named() {
        let all = misread(json!({"platform-go/dra-gpu-model": "h200", "platform-go/dra-gpu-count": "0",
            "platform-go/dra-sm-pct": "101", "platform-go/vram-policy": "soft"}));
        let keys: Vec<_> = all.iter().map(|it| it.key).collect();
        assert_eq!(keys, KEYS[..4]);
        for asked in ["0", "-1", "+5", "05", "1.5", "50%", "", "99999999999999999999"] {
            let [only] = &misread(json!({"platform-go/dra-sm-pct": asked}))[..] else {
                panic!("one problem of {asked}")
            };
            assert!(only.why.contains("a whole number of percent from 1 to 100 is allowed"), "{}", only.why);
        }
        let [only] = &misread(json!({"platform-go/vram-policy": "hard_cap"}))[..] else { panic!("one problem") };
        assert!(only.why.contains("without a size"), "{}", only.why);
    }
}
