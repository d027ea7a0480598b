//! Amounts, as this ledger reckons them: in thousandths of cores and of GPUs, bytes and devices.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::fmt;
use std::ops::{Add, AddAssign};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Amounts {
    pub(super) gpu: u64,
    pub(super) devices: u64,
    pub(super) cpu: u64,
    pub(super) memory: u64,
}

impl Amounts {
    /// The larger of each.
    pub(super) fn most(self, other: Self) -> Self {
        Self {
            gpu: self.gpu.max(other.gpu),
            devices: self.devices.max(other.devices),
            cpu: self.cpu.max(other.cpu),
            memory: self.memory.max(other.memory),
        }
    }

    pub(super) fn fits(self, limit: Self) -> bool {
        self.most(limit) == limit
    }

    /// From a line of `sluice usage`, each cell or the part of it with this name.
    pub(super) fn read(line: &Value, part: Option<&str>) -> Result<Self> {
        let amount = |resource: &str| {
            let cell = &line[resource];
            let cell = part.map_or(cell, |part| &cell[part]);
            thousandths(cell).with_context(|| format!("{resource} is {cell}"))
        };
        Ok(Self {
            gpu: amount("gpu")?,
            devices: amount("devices")? / 1000,
            cpu: amount("cpu")?,
            memory: amount("memory")? / 1000,
        })
    }
}

impl Add for Amounts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            gpu: self.gpu + other.gpu,
            devices: self.devices + other.devices,
            cpu: self.cpu + other.cpu,
            memory: self.memory + other.memory,
        }
    }
}

impl AddAssign for Amounts {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl fmt::Display for Amounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { gpu, devices, cpu, memory } = self;
        write!(f, "{gpu}m GPU, {devices} devices, {cpu}m CPU, {} MiB", memory >> 20)
    }
}

/// A quantity of Kubernetes, of those that appear here.
pub(super) fn thousandths(quantity: &Value) -> Result<u64> {
    let text = match quantity {
        Value::Null => return Ok(0),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        other => bail!("{other} is no quantity"),
    };
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let (whole, rest) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = format!("{rest:0<3}");
    let thousandths: u64 = format!("{whole}{}", fraction.get(..3).context("too fine")?).parse()?;
    Ok(match &text[digits.len()..] {
        "" => thousandths,
        "m" => thousandths / 1000,
        "Ki" => thousandths << 10,
        "Mi" => thousandths << 20,
        "Gi" => thousandths << 30,
        unit => bail!("the unit {unit} is not known"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn quantities_are_read_as_kubernetes_writes_them() {
        let read = |quantity: Value| thousandths(&quantity).expect("a quantity");
        assert_eq!([read(json!("250m")), read(json!("2")), read(json!("0.5")), read(json!(3))], [250, 2000, 500, 3000]);
        assert_eq!(read(json!("1Gi")), 1000 << 30);
        assert!(thousandths(&json!("1Ti")).is_err());
    }
}
