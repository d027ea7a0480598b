//! What people see, on a real control plane. One binary, so that one control plane serves every test.

mod outage;
