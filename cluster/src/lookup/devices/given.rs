//! The devices that the scheduler gives by itself.

use policy_engine::Submission;
use policy_engine::submission::devices::{DeviceId, GivenDevice, newly_given};

use super::Devices;
use crate::world::{current, product, profile};

impl Devices {
    /// What drivers say of the devices that are being given. Of one that no slice names any more nobody says anything.
    pub(super) fn given(&self, submission: &Submission<'_>) -> Vec<GivenDevice> {
        let asked = newly_given(submission);
        let Some(world) = self.world.as_ref().filter(|_| !asked.is_empty()) else { return Vec::new() };
        let slices = world.slices();
        let slices: Vec<_> = current(slices.iter().map(AsRef::as_ref)).collect();
        let given = |(index, id): (usize, DeviceId)| {
            let mut of_pool = slices.iter().filter(|it| it.spec.driver == id.driver && it.spec.pool.name == id.pool);
            let (slice, device) = of_pool.find_map(|slice| {
                let mut devices = slice.spec.devices.iter().flatten();
                Some((slice, devices.find(|it| it.name == id.device)?))
            })?;
            let product = product(slice, device).unwrap_or_default().to_owned();
            Some(GivenDevice { index, product, profile: profile(slice, device).map(str::to_owned), id })
        };
        asked.into_iter().filter_map(given).collect()
    }
}
