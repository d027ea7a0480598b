//! What a program said that was run to its end.

use crate::error::{Error, Result};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What a command said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Whether it exited with 0.
    pub success: bool,
    /// The exit code; -1 for one that was ended by a signal.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error: warnings and refusals.
    pub stderr: String,
}

impl Output {
    /// Runs a command to its end, with `stdin` as its input.
    pub fn of(mut command: Command, stdin: &str) -> Result<Self> {
        let program = command.get_program().to_owned();
        let trouble = |source| Error::File { doing: "run", path: PathBuf::from(&program), source };
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(trouble)?;
        let pipe = child.stdin.take();
        // A program that answers before it has read everything must not block us, nor we it.
        let output = std::thread::scope(|scope| {
            scope.spawn(move || pipe.map(|mut pipe| pipe.write_all(stdin.as_bytes())));
            child.wait_with_output()
        })
        .map_err(trouble)?;
        Ok(Self {
            success: output.status.success(),
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// The standard output of a success; anything else is an error with what was said.
    pub fn ok(self, command: &str) -> Result<String> {
        if self.success {
            return Ok(self.stdout);
        }
        Err(Error::Command {
            command: command.to_owned(),
            status: format!("exit code {}", self.code),
            stderr: self.stderr,
        })
    }
}
