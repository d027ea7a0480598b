//! kubectl, as anybody.

use crate::Ground;
use crate::error::Result;
use crate::layout::Layout;
use crate::output::Output;
use crate::pki::{self, Identity};
use std::path::PathBuf;
use std::process::Command;

/// In whose name a command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who<'a> {
    /// A member of `system:masters`.
    Admin,
    /// A person; their client certificate is made when it is first needed.
    User(&'a str),
}

impl Ground {
    /// Runs `kubectl <args>` as `who`. A failure is an output too: most tests are about refusals.
    pub fn kubectl(&self, who: Who<'_>, args: &[&str]) -> Result<Output> {
        self.kubectl_with(who, args, "")
    }

    /// The same with an input, for `-f -`.
    pub fn kubectl_with(&self, who: Who<'_>, args: &[&str], stdin: &str) -> Result<Output> {
        let mut command = Command::new(self.layout.bin("kubectl"));
        command.args(args).current_dir(self.layout.root()).env("KUBECONFIG", self.kubeconfig(who)?);
        command.env("KUBECACHEDIR", self.layout.dir().join("cache"));
        Output::of(command, stdin)
    }

    /// kubectl as admin, which must succeed.
    pub fn admin(&self, args: &[&str]) -> Result<String> {
        self.kubectl(Who::Admin, args)?.ok(&format!("kubectl {}", args.join(" ")))
    }

    /// Server-side apply of manifests as admin, which must succeed.
    pub fn admin_apply(&self, manifests: &str) -> Result<String> {
        let args = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
        self.kubectl_with(Who::Admin, &args, manifests)?.ok("kubectl apply --server-side")
    }

    /// The kubeconfig of `who`, made if it is missing.
    pub fn kubeconfig(&self, who: Who<'_>) -> Result<PathBuf> {
        match who {
            Who::Admin => Ok(self.layout.admin_kubeconfig()),
            Who::User(name) => self.user_kubeconfig(name, &[]),
        }
    }

    /// The kubeconfig of a person: a client certificate with CN = `name` and at most two groups as O. The groups are
    /// those of the first call for this name.
    pub fn user_kubeconfig(&self, name: &str, groups: &[&str]) -> Result<PathBuf> {
        let path = self.layout.user_kubeconfig(name);
        pki::kubeconfig(&self.layout, self.ports()?, &path, &Identity { user: name, groups })?;
        Ok(path)
    }
}

/// One GET as the API server's admin, for health checks of components that speak TLS.
pub(crate) fn get_raw(layout: &Layout, port: u16, path: &str) -> bool {
    says(layout, &["--server", &format!("https://127.0.0.1:{port}"), "get", "--raw", path]).is_some()
}

/// Whether the API server itself is ready.
pub(crate) fn answers(layout: &Layout) -> bool {
    says(layout, &["get", "--raw", "/readyz"]).is_some()
}

/// Whether a node says that Pods may come.
pub(crate) fn is_ready(layout: &Layout, node: &str) -> bool {
    let ready = r#"-o=jsonpath={.status.conditions[?(@.type=="Ready")].status}"#;
    says(layout, &["get", "node", node, ready]).is_some_and(|said| said == "True")
}

fn says(layout: &Layout, args: &[&str]) -> Option<String> {
    let mut command = Command::new(layout.bin("kubectl"));
    command.arg("--kubeconfig").arg(layout.admin_kubeconfig()).arg("--request-timeout=5s").args(args);
    Output::of(command, "").ok().filter(|output| output.success).map(|output| output.stdout)
}
