//! The profiles that confine containers: seccomp, AppArmor, SELinux.

use super::{Refused, in_security_contexts};
use crate::admission::findings::Findings;
use crate::submission::pod::Pod;

const PROFILES: [&str; 2] = ["RuntimeDefault", "Localhost"];
const USE_A_PROFILE: &str = "use one of those, or remove it";

/// How AppArmor profiles were asked for before there were fields. The container's name follows.
const APP_ARMOR_ANNOTATION: &str = "container.apparmor.security.beta.kubernetes.io/";

const SE_LINUX_TYPES: [&str; 4] = ["container_t", "container_init_t", "container_kvm_t", "container_engine_t"];

pub(super) fn seccomp(pod: &Pod<'_>, say: &mut Findings) {
    let profiles =
        in_security_contexts(pod, "seccompProfile", |it| it.seccomp_profile.as_ref(), |it| it.seccomp_profile.as_ref());
    for (field, profile) in profiles {
        if !PROFILES.contains(&profile.type_.as_str()) {
            let why = Refused {
                asked: format_args!("seccomp profile {}", profile.type_),
                allowed: &PROFILES.join(", "),
                instead: USE_A_PROFILE,
            };
            say.deny(field.key("type"), why);
        }
    }
}

pub(super) fn app_armor(pod: &Pod<'_>, say: &mut Findings) {
    let profiles = in_security_contexts(
        pod,
        "appArmorProfile",
        |it| it.app_armor_profile.as_ref(),
        |it| it.app_armor_profile.as_ref(),
    );
    for (field, profile) in profiles {
        if !PROFILES.contains(&profile.type_.as_str()) {
            let why = Refused {
                asked: format_args!("AppArmor profile {}", profile.type_),
                allowed: &PROFILES.join(", "),
                instead: USE_A_PROFILE,
            };
            say.deny(field.key("type"), why);
        }
    }
}

pub(super) fn app_armor_annotations(pod: &Pod<'_>, say: &mut Findings) {
    for (key, value) in pod.object().annotations().into_iter().flatten() {
        let asked = value.as_str().unwrap_or_default();
        let allowed = asked.is_empty() || asked == "runtime/default" || asked.starts_with("localhost/");
        if key.starts_with(APP_ARMOR_ANNOTATION) && !allowed {
            let why = Refused {
                asked: format_args!("AppArmor profile {asked}"),
                allowed: "runtime/default, localhost/<name>",
                instead: USE_A_PROFILE,
            };
            say.deny(pod.at(["metadata", "annotations"]).key(key.clone()), why);
        }
    }
}

pub(super) fn se_linux(pod: &Pod<'_>, say: &mut Findings) {
    let options = in_security_contexts(
        pod,
        "seLinuxOptions",
        |it| it.se_linux_options.as_ref(),
        |it| it.se_linux_options.as_ref(),
    );
    for (here, options) in options {
        let types = SE_LINUX_TYPES.join(", ");
        let asks = [
            ("type", &options.type_, types.as_str()),
            ("user", &options.user, "none"),
            ("role", &options.role, "none"),
        ];
        for (key, asked, allowed) in asks {
            let asked = asked.as_deref().unwrap_or_default();
            if asked.is_empty() || key == "type" && SE_LINUX_TYPES.contains(&asked) {
                continue;
            }
            let why = Refused { asked: format_args!("SELinux {key} {asked}"), allowed, instead: "remove it" };
            say.deny(here.clone().key(key), why);
        }
    }
}
