//! What people see, on a real control plane. One binary, so that one control plane serves every test.

mod adoption;
mod autoscaling;
mod bypass;
mod bypass_objects;
mod certificates;
mod connect;
mod debt;
mod drills;
mod dry_run;
mod follow;
mod gpu;
mod hostile;
mod identity;
mod manual;
mod members;
mod modes;
mod outage;
mod process;
mod quota;
mod records;
mod shows;
mod storage;
mod storage_made;
mod storage_snapshots;
mod tour;
mod windows;
