//! What belongs to the node: its namespaces, paths, ports and processes, and what its kubelet can reach.

use std::fmt;

use k8s_openapi::api::core::v1::{HTTPGetAction, TCPSocketAction};

use super::{Refused, in_security_contexts};
use crate::admission::findings::Findings;
use crate::object::place::Place;
use crate::policy::host_path::HostPath;
use crate::sentence;
use crate::submission::pod::{Container, Pod};

pub(super) fn namespaces(pod: &Pod<'_>, say: &mut Findings) {
    let spec = &pod.spec;
    for (key, asked) in [("hostNetwork", spec.host_network), ("hostPID", spec.host_pid), ("hostIPC", spec.host_ipc)] {
        if asked == Some(true) {
            let why = Refused {
                asked: format_args!("{key}: true"),
                allowed: "no namespace of the node",
                instead: "remove it",
            };
            say.deny(pod.at(["spec", key]), why);
        }
    }
}

pub(super) fn paths(pod: &Pod<'_>, listed: &[&HostPath], say: &mut Findings) {
    for (index, volume) in pod.spec.volumes.iter().flatten().enumerate() {
        let Some(source) = &volume.host_path else { continue };
        if !listed.iter().any(|listed| listed.covers(&source.path)) {
            let field = pod.at(["spec", "volumes"]).index(index).key("hostPath");
            say.deny(field, NotListed { path: &source.path, listed });
        }
    }
}

struct NotListed<'a> {
    path: &'a str,
    listed: &'a [&'a HostPath],
}

impl fmt::Display for NotListed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, listed } = self;
        write!(f, "asked host path {path}; baseline allows none")?;
        if !listed.is_empty() {
            f.write_str(", and this project only ")?;
            sentence::list(f, listed)?;
        }
        f.write_str(
            "; use a PersistentVolumeClaim, or ask an admin to list the path under PlatformPolicy.spec.hostPaths",
        )
    }
}

/// Annotations that plugins of container runtimes (NRI's samples) heed, alone or followed by `/` and whose they are; what the node gives
/// by them; and what to do instead.
const INJECTED: [(&str, &str, &str); 4] = [
    ("mounts.nri.io", "paths", "use a PersistentVolumeClaim"),
    ("mounts.noderesource.dev", "paths", "use a PersistentVolumeClaim"),
    ("netdevices.nri.io", "network interfaces", "ask for a network device by a claim"),
    ("netdevices.noderesource.dev", "network interfaces", "ask for a network device by a claim"),
];

/// What an annotation takes from the node is judged as if the Pod's specification asked for it. Listed host paths do not count here:
/// the text is the plugin's, and no part of it is Kubernetes'.
pub(super) fn injections(pod: &Pod<'_>, say: &mut Findings) {
    let annotations = pod.object().annotations().into_iter().flatten();
    for (key, _) in annotations.filter(|(_, value)| value.as_str() != Some("")) {
        let of = key.split('/').next().unwrap_or_default();
        let Some((_, what, instead)) = INJECTED.iter().find(|(begins, ..)| *begins == of) else { continue };
        let asked = format_args!("{key}, by which a container runtime gives {what} of the node");
        let why = Refused { asked, allowed: "none", instead: &format!("remove it, and {instead}") };
        say.deny(pod.at(["metadata", "annotations"]).key(key.clone()), why);
    }
}

pub(super) fn ports(pod: &Pod<'_>, say: &mut Findings) {
    for container in pod.containers() {
        for (index, port) in container.ports.iter().enumerate() {
            let Some(asked) = port.host_port.filter(|port| *port != 0) else { continue };
            let why = Refused {
                asked: format_args!("port {asked} of the node"),
                allowed: "none",
                instead: "remove hostPort, and make the Pod reachable by a Service",
            };
            say.deny(container.at(["ports"]).index(index).key("hostPort"), why);
        }
    }
}

/// The kubelet runs probes and hooks from the node: with a host of its own, a Pod would reach through it what it cannot.
pub(super) fn probes(pod: &Pod<'_>, say: &mut Findings) {
    for (field, host) in pod.containers().flat_map(|container| probed_hosts(&container)) {
        let why = Refused {
            asked: format_args!("the node to call host {host}"),
            allowed: "calls to the Pod itself only",
            instead: "remove host",
        };
        say.deny(field, why);
    }
}

fn probed_hosts<'p>(container: &Container<'p>) -> Vec<(Place, &'p str)> {
    let probes = ["livenessProbe", "readinessProbe", "startupProbe"].into_iter().zip(container.probes);
    let probes = probes.filter_map(|(key, probe)| probe.map(|it| (key, &it.http_get, &it.tcp_socket)));
    let probes = probes.flat_map(|(key, http, tcp)| hosts(move || container.at([key]), http, tcp));
    let hooks =
        container.lifecycle.into_iter().flat_map(|it| [("postStart", &it.post_start), ("preStop", &it.pre_stop)]);
    let hooks = hooks.filter_map(|(key, hook)| hook.as_ref().map(|it| (key, &it.http_get, &it.tcp_socket)));
    let hooks = hooks.flat_map(|(key, http, tcp)| hosts(move || container.at(["lifecycle", key]), http, tcp));
    probes.chain(hooks).collect()
}

fn hosts<'p>(
    place: impl Fn() -> Place,
    http: &'p Option<HTTPGetAction>,
    tcp: &'p Option<TCPSocketAction>,
) -> impl Iterator<Item = (Place, &'p str)> {
    let http = http.as_ref().and_then(|it| it.host.as_deref());
    let tcp = tcp.as_ref().and_then(|it| it.host.as_deref());
    let asked = [("httpGet", http), ("tcpSocket", tcp)];
    asked.into_iter().filter_map(move |(key, host)| {
        let host = host.filter(|host| !host.is_empty())?;
        Some((place().key(key).key("host"), host))
    })
}

pub(super) fn processes(pod: &Pod<'_>, say: &mut Findings) {
    let options =
        in_security_contexts(pod, "windowsOptions", |it| it.windows_options.as_ref(), |it| it.windows_options.as_ref());
    for (field, options) in options {
        if options.host_process == Some(true) {
            let why = Refused {
                asked: format_args!("hostProcess: true"),
                allowed: "no process of the node itself",
                instead: "remove it",
            };
            say.deny(field.key("hostProcess"), why);
        }
    }
}
