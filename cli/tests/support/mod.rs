//! Runs the real binary.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// What a run left behind.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs `sluice` with nothing on standard input.
pub(crate) fn sluice(args: &[&str]) -> Run {
    Run::with_input(args, "")
}

/// A path in `examples/`.
pub(crate) fn example(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(path).display().to_string()
}

impl Run {
    /// Runs `sluice` with a text on standard input, and where no cluster is.
    pub(crate) fn with_input(args: &[&str], input: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sluice"));
        command.args(args).env("KUBECONFIG", "/nowhere/at/all");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("sluice starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        // A program that refuses early does not read all.
        let _unread = stdin.write_all(input.as_bytes());
        drop(stdin);
        let Output { status, stdout, stderr } = child.wait_with_output().expect("sluice ends");
        Self {
            code: status.code().expect("an exit code"),
            out: String::from_utf8(stdout).expect("text"),
            err: String::from_utf8(stderr).expect("text"),
        }
    }

    /// Standard output as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }
}
