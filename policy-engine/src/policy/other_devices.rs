//! What an admin says of devices that are no GPU model's.

use std::collections::BTreeMap;

use serde::Serialize;

/// What is done with what asks for such devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Treatment {
    /// It is left alone, and costs nothing.
    Ignore,
    /// Each device costs so much, in thousandths of a GPU.
    Price(u64),
    /// It is refused.
    Refuse,
}

impl Treatment {
    /// What each device costs, in thousandths of a GPU.
    pub fn milli_gpu(self) -> u64 {
        match self {
            Self::Price(milli) => milli,
            Self::Ignore | Self::Refuse => 0,
        }
    }
}

/// Extended resources, by name or by how their names begin.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ResourceNames(BTreeMap<String, Treatment>);

/// A pattern that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// It has a star elsewhere than at its end.
    #[error("{0:?} has a * that is not its end; write a name such as rdma/hca, or how names begin, such as rdma/*")]
    Star(String),
    /// Extended resources have a prefix.
    #[error("{0:?} names no extended resource: those have a / in their names; write for example rdma/hca, or rdma/*")]
    NoPrefix(String),
    /// It is a GPU's, whatever is listed.
    #[error(
        "{0:?} stands for GPUs, and is judged as such; list it in the resourceNames of a GpuModel, or remove this line"
    )]
    Gpu(String),
}

/// What stands for GPUs of every model, or of a class that has its own list.
const ALWAYS_GPUS: [&str; 2] = [crate::object::extended::NVIDIA_GPU, crate::object::extended::OF_CLASS];

impl ResourceNames {
    /// Adds a line.
    ///
    /// # Errors
    /// Where the pattern is none.
    pub fn add(&mut self, pattern: &str, treatment: Treatment) -> Result<(), InvalidPattern> {
        let begins = pattern.strip_suffix('*').unwrap_or(pattern);
        if begins.contains('*') {
            return Err(InvalidPattern::Star(pattern.into()));
        }
        if !begins.contains('/') {
            return Err(InvalidPattern::NoPrefix(pattern.into()));
        }
        if pattern == ALWAYS_GPUS[0] || pattern.starts_with(ALWAYS_GPUS[1]) {
            return Err(InvalidPattern::Gpu(pattern.into()));
        }
        self.0.insert(pattern.into(), treatment);
        Ok(())
    }

    /// What is said of a name: by the line that is the name itself, else by the longest that it begins with.
    pub fn of(&self, name: &str) -> Option<(&str, Treatment)> {
        if let Some((pattern, treatment)) = self.0.get_key_value(name) {
            return Some((pattern, *treatment));
        }
        let begin = |pattern: &str| pattern.strip_suffix('*').is_some_and(|begins| name.starts_with(begins));
        let longest = self.0.iter().filter(|(pattern, _)| begin(pattern)).max_by_key(|(pattern, _)| pattern.len())?;
        Some((longest.0, *longest.1))
    }

    /// Whether any line prices what it names.
    pub fn has_prices(&self) -> bool {
        self.0.values().any(|it| matches!(it, Treatment::Price(_)))
    }
}
