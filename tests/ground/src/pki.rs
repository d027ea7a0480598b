//! The cluster's certificate authority, and the certificates and kubeconfigs that it signs.
//!
//! Certificates name loopback and people, never ports: they stay when ports change, and only the kubeconfigs are
//! written again.

use crate::error::{Error, Result};
use crate::layout::{self, Layout};
use crate::ports::Ports;
use crate::real_node::network::NODE;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Who a client certificate is for: its common name is the user, its organisations are the groups.
pub(crate) struct Identity<'a> {
    pub user: &'a str,
    pub groups: &'a [&'a str],
}

/// Everything that the components read.
pub(crate) fn provide(layout: &Layout, ports: &Ports) -> Result<()> {
    authority(layout)?;
    serve(layout, "serving", &["10.96.0.1".to_owned()])?;
    if let Some(network) = ports.network {
        serve(layout, &serving(ports), &[network.host().to_string(), network.kubernetes().to_string()])?;
        let kubelet = Identity { user: "kube-apiserver-kubelet-client", groups: &["system:masters"] };
        client(layout, "apiserver-kubelet", &kubelet)?;
    }
    service_account_key(layout)?;
    let node = format!("system:node:{NODE}");
    let components: &[(&str, &str, &[&str])] = &[
        ("kube-controller-manager", "system:kube-controller-manager", &[]),
        ("kube-scheduler", "system:kube-scheduler", &[]),
        ("kwok", "system:kwok", &["system:nodes"]),
        ("kubelet", &node, &["system:nodes"]),
        ("kube-proxy", "system:kube-proxy", &[]),
        (
            "sluice",
            "system:serviceaccount:sluice-system:sluice",
            &["system:serviceaccounts", "system:serviceaccounts:sluice-system"],
        ),
    ];
    for (name, user, groups) in components {
        kubeconfig(layout, ports, &layout.component_kubeconfig(name), &Identity { user, groups })?;
    }
    let admin = Identity { user: "admin", groups: &["system:masters"] };
    kubeconfig(layout, ports, &layout.admin_kubeconfig(), &admin)
}

/// A kubeconfig with an embedded client certificate; the certificate is kept when only the port changed.
pub(crate) fn kubeconfig(layout: &Layout, ports: &Ports, path: &Path, identity: &Identity<'_>) -> Result<()> {
    if identity.groups.len() > organization_types().len() {
        return Err(Error::says(format!(
            "{} has more than two groups, which is what a certificate here can hold",
            identity.user
        )));
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let (certificate, key) = client(layout, &stem, identity)?;
    let cluster = json!({
        "server": format!("https://{}:{}", ports.host(), ports.apiserver),
        "certificate-authority": layout.pki("ca.crt"),
    });
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "sluice",
        "clusters": [{"name": "sluice", "cluster": cluster}],
        "users": [{"name": identity.user, "user": {"client-certificate": certificate, "client-key": key}}],
        "contexts": [{"name": "sluice", "context": {"cluster": "sluice", "user": identity.user}}],
    });
    layout::write(path, &serde_json::to_vec_pretty(&config)?)
}

fn authority(layout: &Layout) -> Result<()> {
    if layout.pki("ca.crt").exists() && layout.pki("ca.key").exists() {
        return Ok(());
    }
    let mut params = named("sluice-dev-ca", &[]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    layout::write(&layout.pki("ca.key"), key.serialize_pem().as_bytes())?;
    layout::write(&layout.pki("ca.crt"), certificate.pem().as_bytes())
}

/// The files, without their endings, by which the API server is known where it listens.
pub(crate) fn serving(ports: &Ports) -> String {
    ports.network.map_or_else(|| "serving".to_owned(), |network| format!("serving-{}", network.link()))
}

fn serve(layout: &Layout, stem: &str, addresses: &[String]) -> Result<()> {
    let names = ["127.0.0.1", "localhost", "kubernetes", "kubernetes.default.svc"].map(String::from);
    let mut params = CertificateParams::new([&names, addresses].concat())?;
    params.distinguished_name.push(DnType::CommonName, "kube-apiserver");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    sign(layout, stem, params).map(|_| ())
}

fn client(layout: &Layout, stem: &str, identity: &Identity<'_>) -> Result<(PathBuf, PathBuf)> {
    let mut params = named(identity.user, identity.groups);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    sign(layout, &format!("client-{stem}"), params)
}

/// Makes `<stem>.crt` and `.key`, unless they are there.
fn sign(layout: &Layout, stem: &str, mut params: CertificateParams) -> Result<(PathBuf, PathBuf)> {
    let (certificate, key) = (layout.pki(&format!("{stem}.crt")), layout.pki(&format!("{stem}.key")));
    if !(certificate.exists() && key.exists()) {
        let ca_key = KeyPair::from_pem(&read(&layout.pki("ca.key"))?)?;
        let issuer = Issuer::from_ca_cert_pem(&read(&layout.pki("ca.crt"))?, ca_key)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let pair = KeyPair::generate()?;
        let signed = params.signed_by(&pair, &issuer)?;
        layout::write(&key, pair.serialize_pem().as_bytes())?;
        layout::write(&certificate, signed.pem().as_bytes())?;
    }
    Ok((certificate, key))
}

/// The key that signs service account tokens, and its public half by which the API server knows them.
fn service_account_key(layout: &Layout) -> Result<()> {
    if layout.pki("service-account.pub").exists() {
        return Ok(());
    }
    let key = KeyPair::generate()?;
    layout::write(&layout.pki("service-account.key"), key.serialize_pem().as_bytes())?;
    layout::write(&layout.pki("service-account.pub"), key.public_key_pem().as_bytes())
}

fn named(user: &str, groups: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2036, 1, 1);
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, user);
    for (kind, group) in organization_types().into_iter().zip(groups) {
        params.distinguished_name.push(kind, *group);
    }
    params
}

/// rcgen keeps one value per attribute type, so a second organisation goes in under its object identifier, which is the
/// same attribute to every reader.
fn organization_types() -> [DnType; 2] {
    [DnType::OrganizationName, DnType::CustomDnType(vec![2, 5, 4, 10])]
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(Error::file("read", path))
}
