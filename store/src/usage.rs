//! Resource-hours: what bound claims spent, from the intervals that the ledger opened and closed.

use jiff::Timestamp;
use policy_engine::ledger::Tags;

/// Which hours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageQuery {
    /// From here on.
    pub since: Timestamp,
    /// Up to here, which is not later than now. Intervals that are open count up to here.
    pub until: Timestamp,
    /// Only of this project.
    pub project: Option<String>,
    /// Only of this user.
    pub user: Option<String>,
}

/// What was spent under one set of tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    /// Whose.
    pub tags: Tags,
    /// Effective GPU, in thousandths, times seconds.
    pub milli_gpu_seconds: u64,
    /// Devices times seconds.
    pub device_seconds: u64,
}

impl Hours {
    pub(crate) fn of_row(row: (String, String, String, String, String, i64, i64)) -> Self {
        let (project, user, group, queue, model, milli_gpu, devices) = row;
        Self {
            tags: Tags { project, user, group, queue, model },
            milli_gpu_seconds: milli_gpu.unsigned_abs(),
            device_seconds: devices.unsigned_abs(),
        }
    }
}
