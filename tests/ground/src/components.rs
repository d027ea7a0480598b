//! The processes of the control plane, one value each.

use crate::Ground;
use crate::component::{Component, Health};
use crate::error::{Error, Result};
use crate::layout::{self, Layout};
use crate::ports::Ports;
use crate::wait::until;
use crate::{http, kubectl, nodes, pki, real_node, replica};

/// In the order of their start.
pub(crate) const NAMES: &[&str] = &[
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kwok",
    real_node::NAME,
    "sluice",
    replica::NAME,
];

/// The control plane; Sluice is [`crate::platform`]'s.
pub(crate) fn all(layout: &Layout, ports: &Ports, apiserver_args: &[String]) -> Vec<Component> {
    let mut kube_apiserver = kube_apiserver(layout, ports);
    kube_apiserver.args.extend_from_slice(apiserver_args);
    let mut all = vec![
        etcd(layout, ports),
        kube_apiserver,
        kube_controller_manager(layout, ports),
        kube_scheduler(layout, ports),
        kwok(layout, ports),
    ];
    all.extend(ports.network.map(|network| real_node::component(layout, network)));
    all
}

/// Without fsync: a development cluster may lose its last second, and a test run writes for minutes.
fn etcd(layout: &Layout, ports: &Ports) -> Component {
    let client = format!("http://127.0.0.1:{}", ports.etcd_client);
    let peer = format!("http://127.0.0.1:{}", ports.etcd_peer);
    let args = vec![
        format!("--data-dir={}", layout.data().join("etcd").display()),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=default={peer}"),
        format!("--listen-metrics-urls=http://127.0.0.1:{}", ports.etcd_metrics),
        "--unsafe-no-fsync".into(),
        "--auto-compaction-retention=5m".into(),
    ];
    let taken = vec![ports.etcd_client, ports.etcd_peer, ports.etcd_metrics];
    component(layout, "etcd", args, taken, Health::Http(ports.etcd_metrics, "/readyz"))
}

fn kube_apiserver(layout: &Layout, ports: &Ports) -> Component {
    let pki = |file: &str| layout.pki(file).display().to_string();
    let serving = pki::serving(ports);
    let args = vec![
        format!("--etcd-servers=http://127.0.0.1:{}", ports.etcd_client),
        format!("--bind-address={}", ports.host()),
        format!("--advertise-address={}", ports.host()),
        // Clusters serve them for years after v1.
        "--runtime-config=resource.k8s.io/v1beta1=true,resource.k8s.io/v1beta2=true".into(),
        format!("--secure-port={}", ports.apiserver),
        format!("--tls-cert-file={}", pki(&format!("{serving}.crt"))),
        format!("--tls-private-key-file={}", pki(&format!("{serving}.key"))),
        format!("--client-ca-file={}", pki("ca.crt")),
        "--allow-privileged=true".into(),
        "--service-account-issuer=https://kubernetes.default.svc".into(),
        format!("--service-account-key-file={}", pki("service-account.pub")),
        format!("--service-account-signing-key-file={}", pki("service-account.key")),
        format!("--audit-policy-file={}", layout.config("audit-policy.yaml").display()),
        format!("--audit-log-path={}", layout.dir().join("log/audit.log").display()),
        "--audit-log-maxsize=100".into(),
        "--audit-log-maxbackup=1".into(),
    ];
    let args = args.into_iter().chain(reaching_nodes(layout, ports)).collect();
    component(layout, "kube-apiserver", args, vec![ports.apiserver], Health::ApiServer)
}

/// Simulated nodes are reached by nobody: Services have addresses behind which nothing is, and no node is told from another.
fn reaching_nodes(layout: &Layout, ports: &Ports) -> Vec<String> {
    let Some(network) = ports.network else {
        return [
            "--endpoint-reconciler-type=none",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.96.0.0/16",
        ]
        .map(str::to_owned)
        .into();
    };
    vec![
        "--authorization-mode=Node,RBAC".into(),
        "--enable-admission-plugins=NodeRestriction".into(),
        format!("--service-cluster-ip-range={}", network.services()),
        format!("--kubelet-client-certificate={}", layout.pki("client-apiserver-kubelet.crt").display()),
        format!("--kubelet-client-key={}", layout.pki("client-apiserver-kubelet.key").display()),
        // Nobody resolves the names of nodes.
        "--kubelet-preferred-address-types=InternalIP".into(),
    ]
}

/// The autoscaler looks every 2 s (15 s by default): tests and people wait for it.
fn kube_controller_manager(layout: &Layout, ports: &Ports) -> Component {
    let mut args = manager_args(layout, "kube-controller-manager", ports.controller_manager);
    args.extend([
        "--use-service-account-credentials".into(),
        format!("--service-account-private-key-file={}", layout.pki("service-account.key").display()),
        format!("--root-ca-file={}", layout.pki("ca.crt").display()),
        "--horizontal-pod-autoscaler-sync-period=2s".into(),
    ]);
    let health = Health::Https(ports.controller_manager, "/healthz");
    component(layout, "kube-controller-manager", args, vec![ports.controller_manager], health)
}

fn kube_scheduler(layout: &Layout, ports: &Ports) -> Component {
    let args = manager_args(layout, "kube-scheduler", ports.scheduler);
    component(layout, "kube-scheduler", args, vec![ports.scheduler], Health::Https(ports.scheduler, "/readyz"))
}

fn manager_args(layout: &Layout, name: &str, port: u16) -> Vec<String> {
    let kubeconfig = layout.component_kubeconfig(name);
    vec![
        format!("--kubeconfig={}", kubeconfig.display()),
        format!("--authentication-kubeconfig={}", kubeconfig.display()),
        format!("--authorization-kubeconfig={}", kubeconfig.display()),
        "--authentication-tolerate-lookup-failure".into(),
        "--bind-address=127.0.0.1".into(),
        format!("--secure-port={port}"),
        format!("--tls-cert-file={}", layout.pki("serving.crt").display()),
        format!("--tls-private-key-file={}", layout.pki("serving.key").display()),
        "--leader-elect=false".into(),
    ]
}

fn kwok(layout: &Layout, ports: &Ports) -> Component {
    let args = vec![
        format!("--kubeconfig={}", layout.component_kubeconfig("kwok").display()),
        format!("--config={}", layout.config("kwok.yaml").display()),
        // A real node is its kubelet's.
        "--manage-all-nodes=false".into(),
        "--manage-nodes-with-label-selector=!sluice.dev/real".into(),
        "--node-lease-duration-seconds=40".into(),
        "--node-ip=127.0.0.1".into(),
        "--cidr=10.244.0.0/16".into(),
        format!("--server-address=127.0.0.1:{}", ports.kwok),
    ];
    component(layout, "kwok", args, vec![ports.kwok], Health::Http(ports.kwok, "/healthz"))
}

fn component(layout: &Layout, name: &'static str, args: Vec<String>, ports: Vec<u16>, health: Health) -> Component {
    Component { name, program: layout.bin(name), args, env: Vec::new(), ports, health, heeds_term: true }
}

/// The files that the command lines above name.
pub(crate) fn write_configuration(layout: &Layout) -> Result<()> {
    layout::write(&layout.config("audit-policy.yaml"), include_bytes!("../fixtures/audit-policy.yaml"))?;
    layout::write(&layout.config("kwok.yaml"), nodes::KWOK.as_bytes())
}

/// A component that ends while we wait, and one that never answers, are errors that name the log.
pub(crate) fn wait_healthy(ground: &Ground, component: &Component) -> Result<()> {
    let layout = ground.layout();
    let log = layout.log(component.name);
    let answer = until(component.name, 60, || {
        if !ground.process(component.name).is_some_and(crate::process::Process::alive) {
            return Err(Error::died(component.name, "ended", &log));
        }
        let well = match component.health {
            Health::Http(port, path) => http::get(port, path).is_ok_and(|(status, _)| status == 200),
            Health::Https(port, path) => kubectl::get_raw(layout, port, path),
            Health::ApiServer => kubectl::answers(layout),
            Health::Node(name) => kubectl::is_ready(layout, name),
        };
        Ok(well.then_some(()))
    });
    match answer {
        Err(Error::Timeout { seconds, .. }) => {
            Err(Error::died(component.name, format!("did not become ready within {seconds} s"), &log))
        }
        other => other,
    }
}
