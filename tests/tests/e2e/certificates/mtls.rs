//! Mutual TLS: the API server shows the certificate that its admission configuration names, and nobody else is answered.

use super::{clean_up, configure, published};
use e2e::manifest::pod;
use e2e::process::Beside;
use e2e::wire::Wire;
use e2e::{ADMIN, alone, kubectl_with, must, ok, sluice, within};
use ground::Ground;
use serde_json::json;

#[test]
fn class_exposure_only_the_api_servers_certificate_is_answered() {
    const NAME: &str = "tls-mutual";
    let mut p = alone();
    // Certificates of the cluster's CA: the API server's, and a person's.
    for user in ["apiserver-caller", "mallory"] {
        must(p.user_kubeconfig(user, &[]));
    }
    let pki = |file: &str| p.layout().dir().join("pki").join(file).display().to_string();
    let [ca, certificate, key] = ["ca.crt", "client-apiserver-caller.crt", "client-apiserver-caller.key"].map(pki);
    let callers = [format!("--client-ca={ca}"), "--client-name=apiserver-caller".into()];
    let place = [format!("--certs-secret={NAME}"), format!("--webhook-configuration={NAME}")];
    let args: Vec<&str> = callers.iter().chain(&place).map(String::as_str).collect();
    let beside = Beside::spawn(&p, "webhook", &p.layout().admin_kubeconfig(), &args);
    configure(&p, NAME, beside.port);
    let pem = within(30, "the bundle to be published", || {
        let encoded = published(&p, NAME);
        (encoded.len() > 500).then(|| super::load::decoded(&encoded))
    });

    let manifest = pod(NAME, "mutual", json!({})).to_string();
    let make = |p: &Ground| kubectl_with(p, ADMIN, &["create", "--dry-run=server", "-f", "-"], &manifest);
    within(30, "the API server's call without a certificate to be refused", || {
        make(&p).stderr.contains("failed calling webhook").then_some(())
    });
    assert!(
        beside.log().contains("the caller has no client certificate, which --client-ca asks for"),
        "{}",
        beside.log()
    );
    assert!(Wire::trusting(pem.as_bytes(), beside.port).knock().is_err());
    let mallory = ["client-mallory.crt", "client-mallory.key"].map(pki);
    // One line a second is logged, so it is tried until it is this one.
    within(10, "mallory to be refused by name", || {
        assert!(Wire::showing(pem.as_bytes(), beside.port, &mallory[0], &mallory[1]).knock().is_err());
        let says = r#"its common name is "mallory", and --client-name allows apiserver-caller"#;
        beside.log().contains(says).then_some(())
    });
    assert_eq!(beside.get("/healthz").map(|(status, _)| status), Some(200), "probes need no certificate");

    let directory = p.layout().dir().join("config/mutual").display().to_string();
    let host = format!("127.0.0.1:{}", beside.port);
    ok(sluice(
        &p,
        &[
            "certs",
            "mtls",
            "--write",
            "--host",
            &host,
            "--directory",
            &directory,
            "--client-certificate",
            &certificate,
            "--client-key",
            &key,
            "--client-ca",
            &ca,
            "--client-name",
            "apiserver-caller",
        ],
        "",
    ));
    must(p.set_apiserver_args(&[format!("--admission-control-config-file={directory}/admission.yaml")]));
    within(30, "the API server to be answered", || make(&p).success.then_some(()));
    must(p.set_apiserver_args(&[]));
    within(30, "the API server to be refused again", || {
        make(&p).stderr.contains("failed calling webhook").then_some(())
    });
    clean_up(&p, NAME);
}
