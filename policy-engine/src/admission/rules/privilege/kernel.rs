//! What weakens the wall that the kernel puts around containers.

use std::collections::BTreeSet;

use super::Refused;
use crate::admission::findings::Findings;
use crate::submission::pod::{ContainerList, Pod};

/// What container runtimes give by themselves; adding one of them restores it after `drop: [ALL]`.
const CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Sysctls that neither another Pod nor the node notices.
const SYSCTLS: [&str; 14] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_notsent_lowat",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_slow_start_after_idle",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
];

pub(super) fn privileged(pod: &Pod<'_>, say: &mut Findings) {
    for container in pod.containers() {
        if container.security.is_some_and(|context| context.privileged == Some(true)) {
            let why = Refused {
                asked: format_args!("privileged: true"),
                allowed: "no privileged container",
                instead: "remove it; a GPU needs a claim, not privilege",
            };
            say.deny(container.at(["securityContext", "privileged"]), why);
        }
    }
}

pub(super) fn capabilities(pod: &Pod<'_>, listed: &BTreeSet<&str>, say: &mut Findings) {
    for container in pod.containers() {
        let capabilities = container.security.and_then(|context| context.capabilities.as_ref());
        let added = capabilities.and_then(|capabilities| capabilities.add.as_ref());
        for (index, asked) in added.into_iter().flatten().enumerate() {
            if !CAPABILITIES.contains(&asked.as_str()) && !listed.contains(asked.as_str()) {
                let mut allowed = CAPABILITIES.join(", ");
                if !listed.is_empty() {
                    let listed = listed.iter().copied().collect::<Vec<_>>().join(", ");
                    allowed = format!("{allowed}, and this project {listed}");
                }
                let why = Refused {
                    asked: format_args!("capability {asked}"),
                    allowed: &allowed,
                    // `kubectl debug` asks for it unless it is told otherwise.
                    instead: match container.list {
                        ContainerList::Ephemeral => "with kubectl debug, add --profile=baseline (or restricted)",
                        ContainerList::Init | ContainerList::App => {
                            "take it off the list, or ask an admin to list it in PlatformPolicy.spec.capabilities and Project.spec.capabilities"
                        }
                    },
                };
                say.deny(container.at(["securityContext", "capabilities", "add"]).index(index), why);
            }
        }
    }
}

pub(super) fn proc_mounts(pod: &Pod<'_>, say: &mut Findings) {
    let in_user_namespace = pod.spec.host_users == Some(false);
    if in_user_namespace {
        return;
    }
    for container in pod.containers() {
        let asked = container.security.and_then(|context| context.proc_mount.as_deref());
        if let Some(asked) = asked.filter(|asked| *asked != "Default") {
            let why = Refused {
                asked: format_args!("procMount {asked}"),
                allowed: "Default, and others in a user namespace",
                instead: "remove it, or set hostUsers: false",
            };
            say.deny(container.at(["securityContext", "procMount"]), why);
        }
    }
}

pub(super) fn sysctls(pod: &Pod<'_>, say: &mut Findings) {
    let asked = pod.spec.security_context.iter().flat_map(|context| context.sysctls.iter().flatten());
    for (index, sysctl) in asked.enumerate() {
        if !SYSCTLS.contains(&sysctl.name.as_str()) {
            let why = Refused {
                asked: format_args!("sysctl {}", sysctl.name),
                allowed: &SYSCTLS.join(", "),
                instead: "remove it",
            };
            say.deny(pod.at(["spec", "securityContext", "sysctls"]).index(index).key("name"), why);
        }
    }
}
