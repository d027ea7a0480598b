//! The devices that nodes have today.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use k8s_openapi::api::resource::v1::ResourceSlice;
use kube::Api;
use policy_engine::submission::inventory::Inventory;
use tokio::time::Instant;

use super::Devices;
use crate::client::{LookupFailed, in_time};
use crate::lookup::each_page;
use crate::world::{inventory, keep_slice};

impl Devices {
    /// The devices that there are, as the watch knows them. Where there is no watch the API server lists them, if the asker may
    /// see them. `None` is *nobody says*, whatever the reason: by what nodes have nobody is refused anything.
    pub(super) async fn inventory(&self, deadline: Instant) -> Option<Arc<Inventory>> {
        match &self.world {
            Some(world) => world.inventory(),
            None => self.listed_inventory(deadline).await,
        }
    }

    /// On the heap: few ask for it, and it would make every call larger.
    fn listed_inventory(&self, deadline: Instant) -> BoxFuture<'_, Option<Arc<Inventory>>> {
        let what = || String::from("resourceslices");
        let ask = async move {
            let api = Api::<ResourceSlice>::all(self.client.clone());
            let kept = |mut slice: ResourceSlice| {
                keep_slice(&mut slice);
                Some(slice)
            };
            let slices = each_page(&api, deadline, what, kept).await?;
            Ok::<_, LookupFailed>(Arc::new(inventory(slices.iter())))
        };
        async move { in_time(deadline, what, self.inventory.try_get_with((), ask)).await.ok()?.ok() }.boxed()
    }
}
