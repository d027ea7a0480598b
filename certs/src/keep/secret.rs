//! Material in a Secret.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
use kube::core::Status;
use kube::{Api, Client};
use serde_json::json;

use super::{KeepError, Stored};
use crate::material::{Part, Parts};
use crate::publish::FIELD_MANAGER;
use crate::{KeyMaterial, Request, request};

pub(super) async fn load(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<(Option<KeyMaterial>, Option<Secret>), KeepError> {
    let api = Api::<Secret>::namespaced(client.clone(), namespace);
    let found = api.get_opt(name).await.map_err(|source| KeepError::Get {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        source: Box::new(source),
    })?;
    let Some(secret) = found else {
        return Ok((None, None));
    };
    let material = KeyMaterial::read(&parts_of(&secret))
        .map_err(|source| KeepError::Unusable { place: format!("Secret {namespace}/{name}"), source })?;
    Ok((material, Some(secret)))
}

/// Creates the Secret, or replaces exactly the version that was `seen`: of several replicas that start at once, one wins and the others
/// are told.
pub(super) async fn store(
    client: &Client,
    namespace: &str,
    name: &str,
    seen: Option<Secret>,
    new: &KeyMaterial,
) -> Result<Stored, KeepError> {
    let api = Api::<Secret>::namespaced(client.clone(), namespace);
    let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
    let (written, overtaken): (_, fn(&Status) -> bool) = match seen {
        None => (api.create(&params, &first(name, new)).await, Status::is_already_exists),
        Some(mut secret) => {
            let data_of = secret.data.get_or_insert_default();
            data_of.retain(|key, _| Part::ALL.iter().all(|part| part.name() != key));
            data_of.extend(data(new.parts()));
            // Gone since it was seen: the next look decides anew.
            (api.replace(name, &params, &secret).await, |status| status.is_conflict() || status.is_not_found())
        }
    };
    match written {
        Ok(_) => Ok(Stored::Written),
        Err(kube::Error::Api(status)) if overtaken(&status) => Ok(Stored::Overtaken),
        Err(source) => {
            Err(KeepError::Put { namespace: namespace.to_owned(), name: name.to_owned(), source: Box::new(source) })
        }
    }
}

pub(super) async fn annotate(client: &Client, namespace: &str, name: &str, request: &Request) -> Result<(), KeepError> {
    let api = Api::<Secret>::namespaced(client.clone(), namespace);
    let patch = json!({ "metadata": { "annotations": { request::ANNOTATION: request.to_string() } } });
    let asked = api.patch_metadata(name, &PatchParams::default(), &Patch::Merge(patch)).await;
    asked.map(|_| ()).map_err(|source| KeepError::Put {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        source: Box::new(source),
    })
}

fn first(name: &str, material: &KeyMaterial) -> Secret {
    Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(BTreeMap::from([("app.kubernetes.io/managed-by".to_owned(), FIELD_MANAGER.to_owned())])),
            ..ObjectMeta::default()
        },
        type_: Some("kubernetes.io/tls".to_owned()),
        data: Some(data(material.parts())),
        ..Secret::default()
    }
}

fn data(parts: Parts) -> BTreeMap<String, ByteString> {
    parts.into_iter().map(|(part, content)| (part.name().to_owned(), ByteString(content))).collect()
}

fn parts_of(secret: &Secret) -> Parts {
    let data = secret.data.as_ref();
    Part::ALL
        .into_iter()
        .filter_map(|part| {
            let content = data?.get(part.name())?;
            Some((part, content.0.clone()))
        })
        .collect()
}
