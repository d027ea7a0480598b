//! `sluice certs mtls`: what to write so that the API server shows a certificate to Sluice, and only it is answered.
//!
//! The API server reads from a kubeconfig, which its admission configuration names, which user to be for which webhook host. There is
//! no way to say that through its API.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::ending::{Ending, Failure};
use crate::output;

const ADMISSION: &str = "admission.yaml";
const KUBECONFIG: &str = "webhooks.kubeconfig";

/// Print the admission configuration by which the API server shows a certificate to Sluice
///
/// Exit codes: 0 fine, 3 bad input.
#[derive(Args, Debug)]
pub(super) struct Mtls {
    /// What the API server calls: <service>.<namespace>.svc, or the host:port of webhook.url; may be repeated
    #[arg(long, value_name = "HOST", default_value = "sluice.sluice-system.svc")]
    host: Vec<String>,
    /// Where these files are on the machine of the API server
    #[arg(long, value_name = "DIR", default_value = "/etc/kubernetes/sluice")]
    directory: PathBuf,
    /// The certificate that the API server is to show, on its machine
    #[arg(long, value_name = "FILE", default_value = "/etc/kubernetes/pki/apiserver-kubelet-client.crt")]
    client_certificate: PathBuf,
    /// Its key
    #[arg(long, value_name = "FILE", default_value = "/etc/kubernetes/pki/apiserver-kubelet-client.key")]
    client_key: PathBuf,
    /// The common name in that certificate
    #[arg(long, value_name = "NAME", default_value = "kube-apiserver-kubelet-client")]
    client_name: String,
    /// The CA that has signed it
    #[arg(long, value_name = "FILE", default_value = "/etc/kubernetes/pki/ca.crt")]
    client_ca: PathBuf,
    /// Write the files into --directory instead of printing them
    #[arg(long)]
    write: bool,
}

impl Mtls {
    pub(super) fn run(self) -> Result<Ending, Failure> {
        let files = [(ADMISSION, self.admission()?), (KUBECONFIG, self.kubeconfig()?)];
        let mut text = String::new();
        for (name, content) in files {
            let path = self.directory.join(name);
            if self.write {
                write(&path, &content)?;
                text += &format!("# written: {}\n", path.display());
            } else {
                text += &format!("# --- {}\n{content}", path.display());
            }
        }
        text += &format!(
            "# --- then, for kube-apiserver:\n#   --admission-control-config-file={}\n# and for Sluice:\n#   --client-ca={ca} --client-name={name}\n\
             # or by the chart:\n#   --set-file webhook.clientCA={ca} --set 'webhook.clientNames={{{name}}}'\n",
            self.directory.join(ADMISSION).display(),
            ca = self.client_ca.display(),
            name = self.client_name,
        );
        output::print(&text)?;
        Ok(Ending::Fine)
    }

    fn admission(&self) -> Result<String, Failure> {
        const VERSION: &str = "apiserver.config.k8s.io/v1";
        let plugin = |name: &str| {
            json!({"name": name, "configuration": {
                "apiVersion": VERSION,
                "kind": "WebhookAdmissionConfiguration",
                "kubeConfigFile": self.directory.join(KUBECONFIG),
            }})
        };
        let plugins = [plugin("MutatingAdmissionWebhook"), plugin("ValidatingAdmissionWebhook")];
        yaml(&json!({"apiVersion": VERSION, "kind": "AdmissionConfiguration", "plugins": plugins}))
    }

    fn kubeconfig(&self) -> Result<String, Failure> {
        let user = json!({"client-certificate": self.client_certificate, "client-key": self.client_key});
        let users: Vec<_> = self.host.iter().map(|host| json!({"name": host, "user": user})).collect();
        yaml(&json!({"apiVersion": "v1", "kind": "Config", "users": users}))
    }
}

fn yaml(value: &serde_json::Value) -> Result<String, Failure> {
    serde_norway::to_string(value).map_err(|error| Failure::Unanswered(error.into()))
}

fn write(path: &Path, content: &str) -> Result<(), Failure> {
    let written = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(path, content));
    written
        .map_err(|error| Failure::input(anyhow::Error::new(error).context(format!("cannot write {}", path.display()))))
}
