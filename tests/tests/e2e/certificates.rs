//! Certificates are replaced while the API server and others call, and nobody notices.

mod load;
mod mtls;

use e2e::process::Beside;
use e2e::{ADMIN, apply, eventually, kubectl, ok, shared, sluice, within};
use ground::{Ground, SYSTEM_NAMESPACE};
use load::{Balancer, under_load};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};

/// Long enough for an API server on a busy machine to hear of a bundle; the defaults are for clusters.
const PACE: [&str; 3] = ["--certs-settle=2s", "--certs-overlap=5s", "--certs-check=250ms"];
const ROTATIONS: usize = 5;

/// A process with certificates in a Secret, and a webhook configuration of its own.
fn replica(p: &Ground, name: &str, more: &[&str]) -> Beside {
    let secret = [format!("--certs-secret={name}"), format!("--webhook-configuration={name}")];
    let args: Vec<&str> = secret.iter().map(String::as_str).chain(PACE).chain(more.iter().copied()).collect();
    Beside::spawn(p, "webhook", &p.layout().admin_kubeconfig(), &args)
}

/// A namespace of that name, whose Pods are judged by whoever listens on the port.
fn configure(p: &Ground, name: &str, port: u16) {
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    ok(apply(p, ADMIN, namespace));
    eventually("the namespace's service account", || {
        kubectl(p, ADMIN, &["-n", name, "get", "serviceaccount/default"]).success.then_some(())
    });
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [{
            "name": "governed.sluice.dev", "admissionReviewVersions": ["v1"], "sideEffects": "NoneOnDryRun",
            "failurePolicy": "Fail", "timeoutSeconds": 10,
            "clientConfig": {"url": format!("https://127.0.0.1:{port}/governed/validate")},
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
        }],
    });
    ok(apply(p, ADMIN, configuration));
}

/// The bundle that API servers are told, in base64.
fn published(p: &Ground, name: &str) -> String {
    let path = "-o=jsonpath={.webhooks[0].clientConfig.caBundle}";
    ok(kubectl(p, ADMIN, &["get", &format!("validatingwebhookconfiguration/{name}"), path]))
}

fn certs(p: &Ground, name: &str, command: &[&str]) -> String {
    let place = ["--certs-secret", name, "--webhook-configuration", name];
    ok(sluice(p, &[&["certs"], command, &place[..]].concat(), ""))
}

fn show(p: &Ground, name: &str) -> Value {
    serde_json::from_str(&certs(p, name, &["show", "-o=json"])).expect("JSON")
}

fn clean_up(p: &Ground, name: &str) {
    ok(kubectl(
        p,
        ADMIN,
        &["delete", &format!("validatingwebhookconfiguration/{name}"), &format!("namespace/{name}"), "--wait=false"],
    ));
    ok(kubectl(p, ADMIN, &["-n", SYSTEM_NAMESPACE, "delete", &format!("secret/{name}")]));
}

fn rotations(beside: &Beside, certificate: &str) -> usize {
    let line = format!(r#"sluice_certificate_rotations_total{{certificate="{certificate}"}} "#);
    let (_, page) = beside.get("/metrics").expect("metrics");
    page.lines().find_map(|it| it.strip_prefix(&line)).and_then(|it| it.parse().ok()).unwrap_or_default()
}

#[test]
fn ca_and_certificate_are_rotated_five_times_under_load_and_no_call_fails() {
    const NAME: &str = "tls-rotation";
    let p = shared();
    let replicas = [replica(&p, NAME, &[]), replica(&p, NAME, &[])];
    let balancer = Balancer::start(replicas.iter().map(|it| it.port).collect());
    configure(&p, NAME, balancer.port);
    within(30, "the bundle to be published", || (published(&p, NAME).len() > 500).then_some(()));

    let (calls, seen) = under_load(&p, NAME, &replicas.each_ref().map(|it| it.port), || {
        let mut seen = vec![show(&p, NAME)["serving"]["sha256"].clone()];
        for rotation in 0..ROTATIONS {
            certs(&p, NAME, &["rotate", "--ca", "--timeout=60s"]);
            if rotation == 0 {
                certs(&p, NAME, &["rotate", "--timeout=60s"]);
            }
            seen.push(show(&p, NAME)["serving"]["sha256"].clone());
        }
        within(30, "one CA to be left", || {
            let now = show(&p, NAME);
            let one = now["authorities"].as_array().is_some_and(|all| all.len() == 1);
            (one && now["phase"] == "steady" && now["published"][1]["trusting"] == 1).then_some(())
        });
        seen
    });
    calls.assert_none_failed();
    let mut different = seen.clone();
    different.dedup();
    assert_eq!((seen.len(), different.len()), (ROTATIONS + 1, ROTATIONS + 1), "{seen:?}");
    for replica in &replicas {
        assert_eq!(rotations(replica, "ca"), ROTATIONS);
        assert!(rotations(replica, "serving") >= ROTATIONS);
    }
    clean_up(&p, NAME);
}

/// What cert-manager leaves in a Secret: a CA, and a certificate for the address.
struct Foreign {
    ca: String,
    certificate: String,
    key: String,
}

impl Foreign {
    fn new(address: &str) -> Self {
        let mut ca = CertificateParams::default();
        ca.distinguished_name.push(DnType::CommonName, "somebody else");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_key = KeyPair::generate().expect("a key");
        let signed = ca.self_signed(&ca_key).expect("a CA");
        let issuer = Issuer::from_ca_cert_der(signed.der(), ca_key).expect("an issuer");
        let key = KeyPair::generate().expect("a key");
        let leaf = CertificateParams::new([address.to_owned()]).expect("a name").signed_by(&key, &issuer);
        Self { ca: signed.pem(), certificate: leaf.expect("a certificate").pem(), key: key.serialize_pem() }
    }

    fn apply(&self, p: &Ground, name: &str) {
        let Self { ca, certificate, key } = self;
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
            "metadata": {"name": name, "namespace": SYSTEM_NAMESPACE},
            "stringData": {"ca.crt": ca, "tls.crt": certificate, "tls.key": key},
        });
        ok(apply(p, ADMIN, secret));
    }
}

#[test]
fn a_secret_of_another_issuer_is_swapped_under_load_and_an_unfit_one_is_refused() {
    const NAME: &str = "tls-foreign";
    let p = shared();
    Foreign::new("127.0.0.1").apply(&p, NAME);
    let replica = replica(&p, NAME, &["--certs-issuer=external"]);
    configure(&p, NAME, replica.port);
    within(30, "the bundle to be published", || (published(&p, NAME).len() > 500).then_some(()));

    let (calls, ()) = under_load(&p, NAME, &[replica.port], || {
        for swap in 1..=2 {
            Foreign::new("127.0.0.1").apply(&p, NAME);
            within(30, "the other certificate to be served", || (rotations(&replica, "serving") == swap).then_some(()));
        }
        Foreign::new("10.1.2.3").apply(&p, NAME);
        let refused = "the serving certificate does not cover 127.0.0.1";
        within(30, "the refusal to be logged", || replica.log().contains(refused).then_some(()));
    });
    calls.assert_none_failed();
    assert_eq!(rotations(&replica, "serving"), 2, "the one before goes on being served");
    clean_up(&p, NAME);
}
