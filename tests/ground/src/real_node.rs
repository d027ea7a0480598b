//! One real node beside the simulated ones: kubelet, kube-proxy, containerd, and the example driver of Dynamic Resource
//! Allocation with four devices that several claims can share. `fixtures/real-node.sh` says how it stands.
//!
//! It needs root on Linux. The scheduler prefers the other nodes, so that only what asks for this one comes here.

pub(crate) mod network;

use crate::Ground;
use crate::component::{Component, Health};
use crate::error::{Error, Result};
use crate::layout::Layout;
use crate::output::Output;
use crate::workbench::{self, CODE_SERVER, JUPYTER};
pub use network::NODE;
use network::Network;
use serde_json::{Value, json};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What its process is called.
pub(crate) const NAME: &str = "real-node";

/// How many volumes there are.
const VOLUMES: usize = 16;
const SCRIPT: &str = include_str!("../fixtures/real-node.sh");
/// The class of the example driver's devices.
pub(crate) const DEVICE_CLASS: &str = include_str!("../fixtures/real-node.yaml");

/// Why this machine can have no real node; nothing where it can.
pub fn hindrance() -> Option<&'static str> {
    if !cfg!(target_os = "linux") {
        return Some("a real node needs Linux");
    }
    (!rustix::process::geteuid().is_root()).then_some("a real node needs root")
}

pub(crate) fn component(layout: &Layout, network: Network) -> Component {
    let mut env = variables(network);
    env.extend([
        ("NODE", NODE.into()),
        ("NODE_IP", network.node().to_string().into()),
        ("PODS", network.pods().into()),
        ("SERVICES", network.services().into()),
        ("DIR", directory(layout)),
        ("BIN", layout.bin("")),
        ("PKI", layout.pki("")),
        ("PAUSE", pause(layout)),
        ("KUBELET_KUBECONFIG", layout.component_kubeconfig("kubelet")),
        ("PROXY_KUBECONFIG", layout.component_kubeconfig("kube-proxy")),
    ]);
    let args = vec![script(layout).display().to_string(), "run".into()];
    let program = PathBuf::from("/bin/bash");
    Component { name: NAME, program, args, env, ports: Vec::new(), health: Health::Node(NODE), heeds_term: false }
}

/// What the node was, before it begins anew: containers do not outlive their node.
pub(crate) fn prepare(layout: &Layout) -> Result<()> {
    let directory = directory(layout);
    if directory.exists() {
        std::fs::remove_dir_all(&directory).map_err(Error::file("remove", &directory))?;
    }
    crate::layout::write(&script(layout), SCRIPT.as_bytes())?;
    crate::oci::Image::of_busybox("localhost/pause:1", &["sleep", "inf"])?.write(&pause(layout))
}

/// Removes what outlives the node's processes, and the API server's address.
pub(crate) fn sweep(layout: &Layout, network: Network) -> Result<()> {
    crate::layout::write(&script(layout), SCRIPT.as_bytes())?;
    let mut command = Command::new("bash");
    command.arg(script(layout)).arg("sweep").envs(variables(network));
    Output::of(command, "")?.ok("real-node.sh sweep").map(|_| ())
}

/// The same as a line of shell.
pub(crate) fn sweeping(layout: &Layout, network: Network) -> String {
    let variables: Vec<String> =
        variables(network).into_iter().map(|(name, value)| format!("{name}='{}'", value.display())).collect();
    format!("env {} bash '{}' sweep", variables.join(" "), script(layout).display())
}

/// What sweeping must know.
fn variables(network: Network) -> Vec<(&'static str, PathBuf)> {
    vec![("LINK", network.link().into()), ("HOST_IP", network.host().to_string().into())]
}

fn directory(layout: &Layout) -> PathBuf {
    layout.data().join(NAME)
}

fn script(layout: &Layout) -> PathBuf {
    layout.config("real-node.sh")
}

fn pause(layout: &Layout) -> PathBuf {
    layout.config("pause.tar")
}

/// Storage that Pods on the node get who ask for a volume and name no class: directories that outlive the node.
pub(crate) fn volumes(layout: &Layout) -> Result<Value> {
    let class = json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "provisioner": "kubernetes.io/no-provisioner",
        "metadata": {"name": "local", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "volumeBindingMode": "WaitForFirstConsumer"});
    let here = json!({"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [NODE]}]});
    let mut items = vec![class];
    for number in 0..VOLUMES {
        let path = layout.data().join("volumes").join(number.to_string());
        std::fs::create_dir_all(&path).map_err(Error::file("make", &path))?;
        // Whoever a container runs as.
        std::fs::set_permissions(&path, Permissions::from_mode(0o777)).map_err(Error::file("make", &path))?;
        items.push(
            json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": format!("local-{number}")},
            "spec": {"capacity": {"storage": "10Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "local",
                "local": {"path": path}, "nodeAffinity": {"required": {"nodeSelectorTerms": [here]}}}}),
        );
    }
    Ok(json!({"apiVersion": "v1", "kind": "List", "items": items}))
}

impl Ground {
    /// Gives the real node the images of notebook servers that it has not yet, see [`crate::workbench`].
    pub fn import_workbench(&self) -> Result<()> {
        for (name, make) in [(JUPYTER, workbench::jupyter as fn() -> _), (CODE_SERVER, workbench::code_server)] {
            let has = self.on_real_node(&["ctr", "--namespace", "k8s.io", "images", "list", "--quiet"])?;
            if !has.stdout.lines().any(|line| line == name) {
                self.import_image(&make()?)?;
            }
        }
        Ok(())
    }

    /// Gives the real node an image, from an archive that [`crate::oci`] or anybody else has written.
    pub fn import_image(&self, archive: &Path) -> Result<()> {
        let archive = archive.display().to_string();
        self.on_real_node(&["ctr", "--namespace", "k8s.io", "images", "import", &archive])?.ok("ctr images import")?;
        Ok(())
    }

    /// Runs a program of the host's in the real node's file system and network.
    pub fn on_real_node(&self, args: &[&str]) -> Result<Output> {
        let pid = self.pid(NAME).ok_or_else(|| Error::says("there is no real node here"))?;
        let mut command = Command::new("nsenter");
        command.args(["--target", &pid.to_string(), "--mount", "--net", "--"]).args(args);
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", self.layout().bin("").display()));
        Output::of(command, "")
    }
}
