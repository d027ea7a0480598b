//! How a command ends: its exit code, and what is said where it failed.

use std::fmt;
use std::io;
use std::process::ExitCode;

use owo_colors::OwoColorize as _;

use crate::output;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// As it should: allowed, or nothing found.
    Fine,
    /// Something is denied, the platform is broken, or a process ended by an error.
    Denied,
    /// Something is warned about, and warnings count; or something wants attention.
    Warned,
    /// What was given is not usable.
    BadInput,
    /// There was no answer to be had.
    Unanswered,
}

impl Ending {
    /// Every ending.
    pub(crate) const ALL: [Self; 5] = [Self::Fine, Self::Denied, Self::Warned, Self::BadInput, Self::Unanswered];

    /// When a command ends like this.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::Fine => "fine: everything is allowed, nothing was found, the process was asked to stop",
            Self::Denied => {
                "something is or would be denied, the platform is broken, or a long-running process ended by an error"
            }
            Self::Warned => {
                "something wants attention; under `--strict`: everything is allowed, and something is warned about"
            }
            Self::BadInput => {
                "what was given cannot be used: the command line, a file, a record. Every problem is named"
            }
            Self::Unanswered => {
                "there was no answer to be had: the API server could not be asked, the output not written"
            }
        }
    }

    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Denied => 1,
            Self::Warned => 2,
            Self::BadInput => 3,
            Self::Unanswered => 4,
        }
    }
}

/// The exit codes, as the help ends.
pub(crate) fn codes() -> String {
    let lines = Ending::ALL.map(|ending| format!("  {}  {}", ending.code(), ending.meaning()));
    format!("Exit codes:\n{}", lines.join("\n"))
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        ending.code().into()
    }
}

/// Why a command did not do its work. Errors carry their causes.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Everything that is wrong with what was given.
    BadInput(Vec<anyhow::Error>),
    /// It was refused, for these reasons: an answer, and the asker's to heed.
    Refused(Vec<anyhow::Error>),
    /// What was asked could not be answered.
    Unanswered(anyhow::Error),
    /// The output could not be written.
    Output(io::Error),
    /// A long-running process could not go on.
    Ended(anyhow::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl Failure {
    /// One thing that is wrong with what was given.
    pub(crate) fn input(error: impl Into<anyhow::Error>) -> Self {
        Self::BadInput(vec![error.into()])
    }

    /// Says what went wrong.
    pub(crate) fn report(self) -> Ending {
        match self {
            Self::BadInput(errors) => {
                errors.iter().for_each(report);
                Ending::BadInput
            }
            Self::Refused(errors) => {
                errors.iter().for_each(report);
                Ending::Denied
            }
            Self::Unanswered(error) => {
                report(&error);
                Ending::Unanswered
            }
            Self::Output(error) => {
                report(&anyhow::Error::new(error).context("cannot write the output"));
                Ending::Unanswered
            }
            Self::Ended(error) => {
                report(&error);
                Ending::Denied
            }
        }
    }
}

/// Prints an error with its causes, on one line: the only place that does.
pub(crate) fn report(error: &anyhow::Error) {
    output::eprintln(format_args!("{} {}", "error:".red().bold(), chain(error)));
}

/// An error with its causes. A cause that the error before it has said already is not said again.
pub(crate) fn chain(error: &anyhow::Error) -> String {
    // The client's own word for an answer of the API server ends in that answer's fields; what it says comes as the next cause.
    let said = error.chain().map(ToString::to_string).filter(|cause| !cause.starts_with("ApiError: "));
    said.fold(String::new(), |said, cause| match said.as_str() {
        "" => cause,
        before if before.ends_with(&cause) => said,
        before => format!("{before}: {cause}"),
    })
}

/// Prints something that should be known and stops nothing.
pub(crate) fn warn(text: impl fmt::Display) {
    output::eprintln(format_args!("{} {text}", "warning:".yellow().bold()));
}

/// Prints something that is good to know.
pub(crate) fn note(text: impl fmt::Display) {
    output::eprintln(format_args!("{} {text}", "note:".cyan().bold()));
}

/// Says what is wrong with the command line, or the help that was asked for.
pub(crate) fn explain(usage: &clap::Error) -> Ending {
    // Where neither stream can be written there is nobody to tell.
    let _unheard = usage.print();
    of_usage(usage)
}

fn of_usage(usage: &clap::Error) -> Ending {
    if usage.use_stderr() { Ending::BadInput } else { Ending::Fine }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_said_once() {
        let error = anyhow::anyhow!("refused").context("connect: refused").context("cannot ask");
        assert_eq!(chain(&error), "cannot ask: connect: refused");
    }

    #[test]
    fn exit_codes_are_a_contract() {
        assert_eq!(Ending::ALL.map(Ending::code), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn usage_is_bad_input_and_help_is_not() {
        let usage = |args: &[&str]| crate::command_line().try_get_matches_from(args).err().as_ref().map(of_usage);
        assert_eq!(usage(&["sluice", "dry-run"]), Some(Ending::BadInput));
        assert_eq!(usage(&["sluice", "dry-run", "-f", "-", "-o", "xml"]), Some(Ending::BadInput));
        assert_eq!(usage(&["sluice", "--help"]), Some(Ending::Fine));
        assert_eq!(usage(&["sluice", "--version"]), Some(Ending::Fine));
    }
}
