//! The devices that the scheduler gives by itself.

use policy_engine::Submission;
use policy_engine::submission::devices::{DeviceName, GivenDevice, newly_given};

use super::Devices;
use crate::world::{current, product, profile};

impl Devices {
    /// What drivers say of the devices that are being given. Of one that no slice names any more nobody says anything.
    pub(super) fn given(&self, submission: &Submission<'_>) -> Vec<GivenDevice> {
        let asked = newly_given(submission);
        let Some(world) = self.world.as_ref().filter(|_| !asked.is_empty()) else { return Vec::new() };
        let slices = world.slices();
        let slices = || current(slices.iter().map(AsRef::as_ref));
        let given = |(index, name): (usize, DeviceName)| {
            let mut of_pool = slices().filter(|it| it.spec.driver == name.driver && it.spec.pool.name == name.pool);
            let (slice, device) = of_pool.find_map(|slice| {
                let mut devices = slice.spec.devices.iter().flatten();
                Some((slice, devices.find(|it| it.name == name.device)?))
            })?;
            let product = product(slice, device).unwrap_or_default().to_owned();
            Some(GivenDevice { index, product, profile: profile(slice, device).map(str::to_owned), name })
        };
        asked.into_iter().filter_map(given).collect()
    }
}
