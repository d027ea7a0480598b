//! What a decision rests on, read once.

use std::collections::BTreeMap;

use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::Api;
use kube::api::{ListParams, PostParams};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use policy_engine::contract;
use policy_engine::policy::ids::ProjectId;

use super::{AskFailed, Server, failed, patience};
use crate::client::{LookupFailed, in_time};
use crate::world::NamespaceMeta;
use records::Kind;
use records::convert::{RawRecord, RawRecords};

const PAGE: u32 = 500;

/// A name and the groups that go with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// What the API server calls the client.
    pub username: String,
    /// The groups that were proven.
    pub groups: Vec<String>,
}

/// What decides about creations, as it is in the cluster now.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// All records.
    pub records: RawRecords,
    /// The project id of every Namespace that is bound to a project.
    pub bindings: BTreeMap<String, ProjectId>,
}

impl Server {
    /// Who the client is.
    ///
    /// # Errors
    /// Where the API server does not say.
    pub async fn identity(&self) -> Result<Identity, AskFailed> {
        let what = || String::from("the name of this client");
        let reviews = Api::<SelfSubjectReview>::all(self.client.clone());
        let review = SelfSubjectReview::default();
        let answer = in_time(patience(), what, reviews.create(&PostParams::default(), &review)).await?;
        let review = answer.map_err(|error| failed(what(), error))?;
        let user = review.status.and_then(|status| status.user_info).unwrap_or_default();
        let username = user.username.ok_or_else(|| LookupFailed::Unsaid { what: what() })?;
        Ok(Identity { username, groups: user.groups.unwrap_or_default() })
    }

    /// Reads all records and all bindings once.
    ///
    /// # Errors
    /// Where one of them cannot be read: nothing is decided on a part.
    pub async fn observe(&self) -> Result<Observed, AskFailed> {
        let records = self.records().await?;
        let mut bindings = BTreeMap::new();
        for namespace in list(&Api::<NamespaceMeta>::all(self.client.clone()), "namespaces").await? {
            let project = namespace.metadata.labels.and_then(|mut labels| labels.remove(contract::PROJECT_ID));
            bindings.extend(namespace.metadata.name.zip(project.map(ProjectId::new)));
        }
        Ok(Observed { records, bindings })
    }

    /// Reads all records once.
    ///
    /// # Errors
    /// Where one of them cannot be read.
    pub async fn records(&self) -> Result<RawRecords, AskFailed> {
        self.records_of(Kind::ALL).await
    }

    /// Reads all records of some kinds once.
    ///
    /// # Errors
    /// Where one of them cannot be read.
    pub async fn records_of(&self, kinds: impl IntoIterator<Item = Kind>) -> Result<RawRecords, AskFailed> {
        let mut records = Vec::new();
        for kind in kinds {
            let resource = record_resource(kind);
            let found: Vec<DynamicObject> =
                list(&Api::all_with(self.client.clone(), &resource), &resource.plural).await?;
            let object = |object| serde_json::to_value(object).map_err(|error| unreadable(&resource, error));
            for object in found.into_iter().map(object) {
                // What the API server lists has a name.
                records.extend(RawRecord::of(kind, object?, None));
            }
        }
        Ok(records.into_iter().collect())
    }

    /// The version of the policy in force, as the platform reports it; `None` where that cannot be read.
    pub async fn policy_version(&self) -> Option<String> {
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &record_resource(Kind::PlatformPolicy));
        let what = || String::from("the policy in force");
        let found = in_time(patience(), what, api.get_opt(records::POLICY_NAME)).await.ok()?.ok()??;
        Some(found.data.get("status")?.get("version")?.as_str()?.to_owned())
    }
}

fn record_resource(kind: Kind) -> ApiResource {
    let named = GroupVersionKind::gvk(records::GROUP, records::VERSION, kind.name());
    ApiResource::from_gvk_with_plural(&named, &records::crd(kind).spec.names.plural)
}

async fn list<K>(api: &Api<K>, what: &str) -> Result<Vec<K>, AskFailed>
where
    K: Clone + serde::de::DeserializeOwned + std::fmt::Debug,
{
    let mut all = Vec::new();
    let mut params = ListParams::default().limit(PAGE);
    loop {
        let page = in_time(patience(), || what.to_owned(), api.list(&params)).await?;
        let page = page.map_err(|error| failed(what.to_owned(), error))?;
        all.extend(page.items);
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(all),
        }
    }
}

fn unreadable(resource: &ApiResource, error: serde_json::Error) -> AskFailed {
    failed(resource.plural.clone(), kube::Error::SerdeError(error))
}
