//! Sluice on top: its chart, its process, the sample organisation and its people.

use crate::Ground;
use crate::binaries;
use crate::component::{Component, Health};
use crate::error::{Error, Result};
use crate::http;
use crate::kubectl::Who;
use crate::layout::{self, Layout};
use crate::output::Output;
use crate::ports::Ports;
use crate::wait::until;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The Helm release's name.
pub const RELEASE: &str = "sluice";
/// Where Sluice lives.
pub const SYSTEM_NAMESPACE: &str = "sluice-system";
/// The Kubernetes group of the sample organisation's admins.
pub const ADMIN_GROUP: &str = "platform-admins";
/// What people call the real node's devices.
const EXAMPLE_MODEL: &str = include_str!("../fixtures/example-model.yaml");
/// The people of the sample organisation.
pub const USERS: &[&str] = &["ada", "mia", "alice", "bob", "carol", "dave"];

impl Ground {
    /// Everything that a cluster with Sluice has: chart, process, organisation, people, bound namespaces.
    pub fn run_platform(&mut self) -> Result<()> {
        self.provide_sluice()?;
        self.install_chart(&[])?;
        self.run_sluice()?;
        self.make_users()?;
        self.apply_organisation()?;
        self.wait_bound()
    }

    /// Puts the sluice that `cargo build` made into `.dev/bin/`. The same content keeps the file and the process as they are.
    pub fn provide_sluice(&self) -> Result<()> {
        let built = built_sluice();
        let content = std::fs::read(&built).map_err(Error::file("read", &built))?;
        let ours = self.layout().bin("sluice");
        if std::fs::read(&ours).is_ok_and(|old| old == content) {
            return Ok(());
        }
        let _lock = layout::lock(&self.layout().bin(".sluice.lock"), "another command provides sluice")?;
        // A running program's file cannot be written, but it can be replaced.
        let next = self.layout().bin(".sluice.next");
        layout::make_parent(&next)?;
        std::fs::copy(&built, &next).map_err(Error::file("write", &next))?;
        std::fs::rename(&next, &ours).map_err(Error::file("write", &ours))
    }

    /// `helm upgrade --install` of the chart, with a URL where a cluster has a Service. `values` are further `--set` pairs.
    pub fn install_chart(&self, values: &[(&str, &str)]) -> Result<String> {
        let url = format!("https://127.0.0.1:{}", self.ports()?.webhook);
        let all: Vec<_> = [("webhook.url", url.as_str())].into_iter().chain(values.iter().copied()).collect();
        self.install_chart_as_it_is(&all)
    }

    /// The same with Sluice in a Pod. The CRDs go in by kubectl first: Helm installs them once and never again.
    pub fn install_chart_as_it_is(&self, values: &[(&str, &str)]) -> Result<String> {
        self.admin(&["apply", "--server-side", "--force-conflicts", "-f", "manifests/sluice/crds"])?;
        self.admin(&["wait", "--for=condition=Established", "--timeout=30s", "-f", "manifests/sluice/crds"])?;
        let mut command = helm(self.layout());
        command.args(["upgrade", "--install", RELEASE, CHART]);
        command.args(["--namespace", SYSTEM_NAMESPACE, "--create-namespace", "--timeout", "60s"]);
        command.arg("--set").arg(format!("adminGroups={{{ADMIN_GROUP}}}"));
        for (name, value) in values {
            command.arg("--set").arg(format!("{name}={value}"));
        }
        Output::of(command, "")?.ok("helm upgrade --install sluice manifests/sluice")
    }

    /// Starts `sluice run`, unless the same program runs already; returns when it is ready.
    pub fn run_sluice(&mut self) -> Result<()> {
        let sluice = sluice(self.layout(), self.ports()?);
        self.start_component(&sluice)
    }

    /// The same with another build of it, and another of its commands that serve the webhook.
    pub fn run_sluice_of(&mut self, program: &Path, command: &str) -> Result<()> {
        let mut sluice = sluice(self.layout(), self.ports()?);
        program.clone_into(&mut sluice.program);
        command.clone_into(&mut sluice.args[0]);
        self.start_component(&sluice)
    }

    /// The same with its ledger on another database.
    pub fn run_sluice_on(&mut self, database: String) -> Result<()> {
        let sluice = sluice(&self.layout().clone().with_database(database), self.ports()?);
        self.start_component(&sluice)
    }

    /// Ends `sluice` politely.
    pub fn stop_sluice(&mut self) -> Result<bool> {
        self.end("sluice")
    }

    /// The address of `/metrics`, `/healthz` and `/readyz`.
    pub fn metrics_url(&self) -> Result<String> {
        Ok(format!("http://127.0.0.1:{}", self.ports()?.metrics))
    }

    /// Where Pods on the real node reach this machine.
    pub fn address(&self) -> Result<std::net::Ipv4Addr> {
        Ok(self.ports()?.host())
    }

    /// The port on which the API server calls Sluice.
    pub fn webhook_port(&self) -> Result<u16> {
        Ok(self.ports()?.webhook)
    }

    /// Status and body of a page of Sluice's metrics port; nothing where it does not answer.
    pub fn sluice_says(&self, path: &str) -> Option<(u16, String)> {
        http::get(self.ports().ok()?.metrics, path).ok()
    }

    /// The address of the webhook's routes.
    pub fn webhook_url(&self) -> Result<String> {
        Ok(format!("https://127.0.0.1:{}", self.ports()?.webhook))
    }

    /// `users/<name>.kubeconfig` for everybody in [`USERS`]. ada's says that she is one of the admins whom the chart names:
    /// RBAC opens the door to records by that group, as an identity provider would prove it.
    pub fn make_users(&self) -> Result<()> {
        USERS.iter().try_for_each(|user| {
            let groups: &[&str] = if *user == "ada" { &[ADMIN_GROUP] } else { &[] };
            self.user_kubeconfig(user, groups).map(|_| ())
        })
    }

    /// Applies `examples/org/`. Where a real node is, plan gold has the model of its devices besides.
    pub fn apply_organisation(&self) -> Result<String> {
        let output = self.kubectl(Who::Admin, &["apply", "-f", "examples/org", "--recursive"])?;
        let said = output.ok("kubectl apply -f examples/org")?;
        if self.layout().has_real_node() {
            self.admin_apply(EXAMPLE_MODEL)?;
            let add = r#"[{"op": "add", "path": "/spec/gpuModels/-", "value": "example"}]"#;
            self.admin(&["patch", "resourceplan", "gold", "--type=json", "-p", add])?;
        }
        Ok(said)
    }

    /// Returns when every namespace that a Project lists carries the project's id, and its members may work there: a daemon
    /// makes their RoleBindings after it has written the id, and the API server hears of them a moment later.
    pub fn wait_bound(&self) -> Result<()> {
        let template = r#"{range .items[*]}{.metadata.name}{"\t"}{.spec.namespaces}{"\t"}{.spec.members[*].user} {.spec.owner}{"\n"}{end}"#;
        let projects = self.admin(&["get", "projects.sluice.dev", &format!("-o=jsonpath={template}")])?;
        let mut waiting: Vec<(String, Option<String>)> = projects.lines().flat_map(conditions).collect();
        eprintln!("waiting for the projects' namespaces, and their members' rights there");
        until("every project's namespaces to be bound and its members to have their rights", 60, || {
            let bound = self.admin(&["get", "namespaces", "-l=platform-go/project-id", "-o=name"])?;
            let mut still = Vec::new();
            for (namespace, member) in waiting.drain(..) {
                let done = match &member {
                    None => bound.lines().any(|line| line == format!("namespace/{namespace}")),
                    Some(user) => {
                        let may = ["-n", &namespace, "auth", "can-i", "create", "pods"];
                        self.kubectl(Who::User(user), &may)?.success
                    }
                };
                still.extend((!done).then_some((namespace, member)));
            }
            waiting = still;
            Ok::<_, Error>(waiting.is_empty().then_some(()))
        })
    }
}

/// What the chart renders with its defaults but for these `--set-json` pairs.
pub fn render_chart(values: &[&str]) -> Result<String> {
    let values: Vec<_> = values.iter().flat_map(|value| ["--set-json", value]).collect();
    chart(&["template", RELEASE, CHART, "--namespace", SYSTEM_NAMESPACE, "--include-crds"], &values)?
        .ok("helm template sluice manifests/sluice")
}

/// What it renders with its defaults for a version of Kubernetes, or why not.
pub fn render_chart_for(version: &str) -> Result<Output> {
    chart(&["template", RELEASE, CHART, "--namespace", SYSTEM_NAMESPACE], &["--kube-version", version])
}

/// What Helm finds wrong with the chart.
pub fn lint_chart() -> Result<Output> {
    chart(&["lint", "--strict", CHART], &[])
}

fn chart(command: &[&str], values: &[&str]) -> Result<Output> {
    let layout = Layout::up();
    binaries::provide_one(&layout, "helm")?;
    let mut helm = helm(&layout);
    helm.args(command).args(values);
    Output::of(helm, "")
}

const CHART: &str = "manifests/sluice";

/// Helm in the checkout, with nothing of the user's own configuration.
fn helm(layout: &Layout) -> Command {
    let mut command = Command::new(layout.bin("helm"));
    command.current_dir(layout.root()).env("KUBECONFIG", layout.admin_kubeconfig());
    for (name, place) in [("HELM_CACHE_HOME", "cache"), ("HELM_CONFIG_HOME", "config"), ("HELM_DATA_HOME", "data")] {
        command.env(name, layout.dir().join("helm").join(place));
    }
    command
}

/// Never as cluster admin: with the name of the service account whose rights the chart renders.
pub(crate) fn sluice(layout: &Layout, ports: &Ports) -> Component {
    let args = vec![
        "run".into(),
        format!("--listen=127.0.0.1:{}", ports.webhook),
        format!("--metrics-listen=127.0.0.1:{}", ports.metrics),
        format!("--namespace={SYSTEM_NAMESPACE}"),
        format!("--certs-dir={}", layout.certs().display()),
        format!("--database-url={}", layout.database_url()),
    ];
    Component {
        name: "sluice",
        program: layout.bin("sluice"),
        args,
        env: vec![
            ("KUBECONFIG", layout.component_kubeconfig("sluice")),
            ("NO_COLOR", "1".into()),
            ("POD_NAME", "sluice-1".into()),
        ],
        ports: vec![ports.webhook, ports.metrics],
        health: Health::Http(ports.metrics, "/readyz"),
        heeds_term: true,
    }
}

/// What has to come true of a project, from `name<TAB>["a","b"]<TAB>alice bob`: that its namespaces are bound, and that each
/// member with a kubeconfig of their own may work there. A project that lists no namespace has the one of its name.
fn conditions(line: &str) -> Vec<(String, Option<String>)> {
    let mut parts = line.split('\t');
    let name = parts.next().unwrap_or_default();
    let listed: Vec<String> = parts.next().and_then(|listed| serde_json::from_str(listed).ok()).unwrap_or_default();
    let namespaces = if listed.is_empty() { vec![name.to_owned()] } else { listed };
    let members: Vec<&str> = parts.next().unwrap_or_default().split(' ').filter(|user| USERS.contains(user)).collect();
    let of = |namespace: String| {
        let members = members.iter().map(|user| Some((*user).to_owned()));
        std::iter::once(None).chain(members).map(|member| (namespace.clone(), member)).collect::<Vec<_>>()
    };
    namespaces.into_iter().flat_map(of).collect()
}

/// Where `cargo build` puts what it builds. Cargo's own choice of a target directory counts.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| Layout::up().root().join("target"), PathBuf::from)
}

/// Where `cargo build` puts the binary.
pub fn built_sluice() -> PathBuf {
    target().join("debug/sluice")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits_for(line: &str) -> Vec<String> {
        let say = |(namespace, member): (String, Option<String>)| format!("{namespace} {}", member.unwrap_or_default());
        conditions(line).into_iter().map(say).collect()
    }

    #[test]
    fn a_project_without_namespaces_has_the_one_of_its_name() {
        assert_eq!(waits_for("llm-eval\t\t"), ["llm-eval "]);
        assert_eq!(waits_for("llm\t[\"a\",\"b\"]\t"), ["a ", "b "]);
    }

    #[test]
    fn members_have_rights_before_anybody_works_there() {
        assert_eq!(waits_for("llm\t[\"a\",\"b\"]\talice bob"), ["a ", "a alice", "a bob", "b ", "b alice", "b bob"]);
        assert_eq!(waits_for("llm\t\tsomebody-without-a-kubeconfig"), ["llm "]);
    }
}
