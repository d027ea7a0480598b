//! What exists in a Namespace of the kinds that are judged.

use kube::Api;
use kube::api::{ApiResource, ListParams};
use kube::core::DynamicObject;
use policy_engine::object::kinds::GroupResource;
use serde_json::Value;

use super::{AskFailed, Server, failed, patience};
use crate::client::in_time;
use crate::lookup::served;

const PAGE: u32 = 500;

/// An object as the API server has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Existing {
    /// Its resource.
    pub resource: GroupResource,
    /// Its kind.
    pub kind: String,
    /// All of it.
    pub object: Value,
}

impl Server {
    /// All objects of these kinds in a Namespace. Of a kind that the cluster does not serve there are none.
    ///
    /// # Errors
    /// Where one kind cannot be read: a part would look like the whole.
    pub async fn inventory(&self, namespace: &str, kinds: &[GroupResource]) -> Result<Vec<Existing>, AskFailed> {
        let mut found = Vec::new();
        for kind in kinds {
            let what = || kind.to_string();
            let served = in_time(patience(), what, served(&self.client, kind)).await?;
            let Some(served) = served.map_err(|error| failed(what(), error))? else { continue };
            found.extend(self.existing(namespace, kind, &served).await?);
        }
        Ok(found)
    }

    async fn existing(
        &self,
        namespace: &str,
        of: &GroupResource,
        served: &ApiResource,
    ) -> Result<Vec<Existing>, AskFailed> {
        let what = || format!("{of} in {namespace}");
        let api = Api::<DynamicObject>::namespaced_with(self.client.clone(), namespace, served);
        let mut params = ListParams::default().limit(PAGE);
        let mut found = Vec::new();
        loop {
            let page = in_time(patience(), what, api.list(&params)).await?.map_err(|error| failed(what(), error))?;
            // Objects in a list leave out their kind; the list is called after it.
            let kind = page.types.kind.strip_suffix("List").unwrap_or(&page.types.kind).to_owned();
            for object in page.items {
                let object =
                    serde_json::to_value(object).map_err(|error| failed(what(), kube::Error::SerdeError(error)))?;
                found.push(Existing { resource: of.clone(), kind: kind.clone(), object });
            }
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => return Ok(found),
            }
        }
    }
}
