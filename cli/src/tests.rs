//! The command line as a whole, and its pages in `docs/reference`.

mod metrics;

use std::fmt::Write as _;

use manual::{Page, sentence, table};

use crate::command_line;
use crate::ending::Ending;

/// Columns of a terminal.
const WIDTH: usize = 100;

#[test]
fn the_command_line_is_consistent() {
    command_line().debug_assert();
    assert_eq!(command_line().get_name(), "sluice");
}

#[test]
fn reference_of_the_command_line() {
    let mut text = String::from(COMMANDS);
    let mut command = command_line().term_width(WIDTH);
    command.build();
    section(&mut command, &mut text);
    let page = Page::new("command-line.md", &text, &["cli/src/main.rs"]);
    manual::assert_made(None, &[page]);
}

const COMMANDS: &str = "\
# The command line

What `sluice --help` and the help of each command print. How commands end: [exit codes](exit-codes.md). Commands that \
ask the API server find it as kubectl does: `KUBECONFIG`, or the service account of the Pod that they run in.
";

/// A command's help, then those of the commands below it.
fn section(command: &mut clap::Command, text: &mut String) {
    // What somebody's environment says is not the manual's business.
    *command = std::mem::take(command).mut_args(|arg| arg.hide_env_values(true));
    let name = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
    let help = command.render_long_help();
    let lines: Vec<_> = help.to_string().lines().map(|line| line.trim_end().to_owned()).collect();
    let _infallible = write!(text, "\n## {name}\n\n```text\n{}\n```\n", lines.join("\n").trim_end());
    for below in command.get_subcommands_mut().filter(|below| below.get_name() != "help") {
        section(below, text);
    }
}

#[test]
fn reference_of_the_exit_codes() {
    let rows = Ending::ALL.map(|ending| [format!("`{}`", ending.code()), sentence(ending.meaning())]);
    let text = format!("{EXIT_CODES}\n\n{}", table(["code", "what it says"], rows));
    let page = Page::new("exit-codes.md", &text, &["cli/src/ending.rs"]);
    manual::assert_made(None, &[page]);
}

const EXIT_CODES: &str = "\
# Exit codes

How every command of [`sluice`](command-line.md) ends. Where several are true, bad input counts before no answer, and \
both before the verdict: a script that sees 0 or 1 can rely on every object having been judged.";
