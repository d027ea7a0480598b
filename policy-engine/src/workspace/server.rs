//! What each type of workspace starts, and where it listens.

use super::{Type, Workspace};

pub(super) fn port(of: Type) -> u16 {
    match of {
        Type::Jupyter | Type::Custom => 8888,
        Type::Vscode => 8080,
    }
}

pub(super) fn path(of: Type) -> &'static str {
    match of {
        Type::Jupyter => "/lab",
        Type::Vscode | Type::Custom => "/",
    }
}

/// What dashboards know the Pods by.
pub(super) fn resource_type(of: Type) -> &'static str {
    match of {
        Type::Jupyter => "interactive-jupyter",
        Type::Vscode => "interactive-vscode",
        Type::Custom => "interactive-custom",
    }
}

/// Command and arguments. A server without a token is code execution for whoever reaches its port, and with one Jupyter drops its
/// own checks: so the servers that are known listen where only the Pod itself reaches them.
pub(super) fn command(of: &Workspace) -> (Vec<String>, Vec<String>) {
    if !of.command.is_empty() {
        return (of.command.clone(), of.args.clone());
    }
    let port = of.port();
    let words: Vec<String> = match of.type_ {
        Type::Jupyter => {
            let options = ["--ip=127.0.0.1".to_owned(), format!("--port={port}"), "--port-retries=0".to_owned()];
            let open = ["--no-browser", "--IdentityProvider.token=", "--ServerApp.password="].map(str::to_owned);
            let root = of.root_shell.then(|| "--allow-root".to_owned());
            ["jupyter".to_owned(), "lab".to_owned()].into_iter().chain(options).chain(open).chain(root).collect()
        }
        Type::Vscode => vec![
            "code-server".to_owned(),
            format!("--bind-addr=127.0.0.1:{port}"),
            "--auth=none".to_owned(),
            "--disable-telemetry".to_owned(),
            "--disable-update-check".to_owned(),
        ],
        Type::Custom => return (Vec::new(), of.args.clone()),
    };
    (words, of.args.clone())
}
