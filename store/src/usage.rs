//! Resource-hours: what bound claims spent, from the intervals that the ledger opened and closed.

use jiff::Timestamp;
use policy_engine::ledger::{Hours, Tags};
use policy_engine::policy::ids::{GroupId, ProjectId, UserId};

/// Which hours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageQuery {
    /// From here on.
    pub since: Timestamp,
    /// Up to here, which is not later than now. Intervals that are open count up to here.
    pub until: Timestamp,
    /// Only of this project.
    pub project: Option<ProjectId>,
    /// Only of this user.
    pub user: Option<UserId>,
}

pub(crate) fn of_row(row: (String, String, String, String, String, i64, i64)) -> Hours {
    let (project, user, group, queue, model, milli_gpu, devices) = row;
    let (project, user, group) = (ProjectId::new(project), UserId::new(user), GroupId::new(group));
    Hours {
        tags: Tags { project, user, group, queue, model },
        milli_gpu_seconds: milli_gpu.unsigned_abs(),
        device_seconds: devices.unsigned_abs(),
    }
}
