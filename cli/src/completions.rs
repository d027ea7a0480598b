//! `sluice completions`: what the shell needs to complete a command line.

use clap::Args;
use clap_complete::Shell;

use crate::ending::{Ending, Failure};
use crate::{command_line, output};

/// Print the completion script of a shell
#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> Result<Ending, Failure> {
        let Self { shell } = self;
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut command_line(), "sluice", &mut script);
        output::print(&String::from_utf8_lossy(&script))?;
        Ok(Ending::Fine)
    }
}
