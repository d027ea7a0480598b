//! What people see, on a real control plane. One binary, so that one control plane serves every test.

mod adoption;
mod autoscaling;
mod bypass;
mod bypass_objects;
mod certificates;
mod connect;
mod device_claims;
mod drills;
mod dry_run;
mod follow;
mod hostile;
mod identity;
mod manual;
mod members;
mod modes;
mod outage;
mod process;
mod records;
mod show_apply;
mod show_forged;
mod show_refusals;
mod storage;
mod storage_made;
mod storage_snapshots;
mod tour;
mod windows;
