//! # privilege: Pods stay within the Pod Security Standard *baseline*
//!
//! The platform judges Pods and pod templates as the Pod Security Standard *baseline* of Kubernetes 1.37 does, and
//! containers of every kind. It does so whether or not the project allows a root shell: UID 0 is one thing, power over
//! the node another.
//!
//! The platform refuses the following; behind each is what to do instead.
//! * `hostNetwork`, `hostPID`, `hostIPC`: remove them; a Service makes a Pod reachable.
//! * `hostPath` volumes: use a PersistentVolumeClaim.
//! * Annotations by which plugins of container runtimes mount paths of the node (`mounts.nri.io`, `mounts.noderesource.dev`) or
//!   move its network interfaces into the Pod (`netdevices.nri.io`, `netdevices.noderesource.dev`), alone or before a `/`, unless
//!   their value is empty: use a PersistentVolumeClaim, or a claim of a network device.
//! * `hostPort`: use a Service.
//! * `host` in a probe or a lifecycle hook: remove it; the kubelet then calls the Pod itself.
//! * `privileged: true`: remove it; a GPU needs a claim, not privilege.
//! * Capabilities beyond those that containers have anyway: take them off the list. These may be added, after
//!   `drop: [ALL]` for example: AUDIT_WRITE, CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, MKNOD, NET_BIND_SERVICE,
//!   SETFCAP, SETGID, SETPCAP, SETUID, SYS_CHROOT.
//! * `procMount` other than `Default`: remove it, or run in a user namespace (`hostUsers: false`).
//! * Sysctls that another Pod or the node would notice: remove them; the refusal lists the safe ones.
//! * seccomp and AppArmor profiles other than `RuntimeDefault` and `Localhost`: use one of those, or remove them.
//! * SELinux `user` and `role`, and a `type` other than `container_t`, `container_init_t`, `container_kvm_t` or
//!   `container_engine_t`: remove them.
//! * Windows `hostProcess: true`: remove it.
//!
//! There are two exceptions, both an admin's:
//! * A host path that is listed in `PlatformPolicy.spec.hostPaths`, with everything below it. `Project.spec.hostPaths` narrows that
//!   for a project. A node follows symbolic links: whoever may write below a listed path can create a link that leads elsewhere.
//! * A capability that is listed in `PlatformPolicy.spec.capabilities` *and* in `Project.spec.capabilities`, such as IPC_LOCK for
//!   RDMA.
//!
//! The namespaces of a project that has neither carry `pod-security.kubernetes.io/enforce: baseline`, by which the API server holds
//! the same line while Sluice is away.

mod host;
mod kernel;
mod profile;

use std::fmt;

use k8s_openapi::api::core::v1::{PodSecurityContext, SecurityContext};

use crate::admission::findings::Findings;
use crate::object::place::Place;
use crate::submission::case::Case;
use crate::submission::pod::Pod;

pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    let platform = case.policy.platform();
    let (paths, capabilities) = (platform.host_paths_of(case.project), platform.capabilities_of(case.project));
    for pod in &case.pods {
        host::namespaces(pod, say);
        host::paths(pod, &paths, say);
        if !case.is_living_pod() {
            host::injections(pod, say);
        }
        host::ports(pod, say);
        host::probes(pod, say);
        host::processes(pod, say);
        kernel::privileged(pod, say);
        kernel::capabilities(pod, &capabilities, say);
        kernel::proc_mounts(pod, say);
        kernel::sysctls(pod, say);
        profile::seccomp(pod, say);
        profile::app_armor(pod, say);
        profile::app_armor_annotations(pod, say);
        profile::se_linux(pod, say);
    }
}

/// What the security contexts of the Pod and of its containers say at `key`.
fn in_security_contexts<'p, T>(
    pod: &'p Pod<'_>,
    key: &'static str,
    of_pod: fn(&PodSecurityContext) -> Option<&T>,
    of_container: fn(&SecurityContext) -> Option<&T>,
) -> Vec<(Place, &'p T)> {
    let of_pod = pod.spec.security_context.as_ref().and_then(of_pod);
    let pod_level = of_pod.map(|it| (pod.at(["spec", "securityContext", key]), it));
    let of_containers = pod
        .containers()
        .filter_map(|container| Some((container, of_container(container.security?)?)))
        .map(|(container, it)| (container.at(["securityContext", key]), it));
    pod_level.into_iter().chain(of_containers).collect()
}

struct Refused<'a> {
    asked: fmt::Arguments<'a>,
    allowed: &'a str,
    instead: &'a str,
}

impl fmt::Display for Refused<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { asked, allowed, instead } = self;
        write!(f, "asked {asked}; baseline allows {allowed}; {instead}")
    }
}
