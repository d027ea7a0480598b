//! Where text goes. Styles are taken out unless the stream is a terminal that shows them and `NO_COLOR` is not set.

use std::fmt;
use std::io::{self, ErrorKind, Write as _};

/// How an answer is written.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[value(alias = "table")]
    Text,
    /// For programs
    Json,
}

impl Format {
    /// Writes an answer to standard output.
    pub(crate) fn print<T: serde::Serialize>(self, answer: &T, text: impl FnOnce(&T) -> String) -> io::Result<()> {
        print(&match self {
            Self::Text => text(answer),
            Self::Json => json(answer)?,
        })
    }
}

/// Writes to standard output. A reader that has read enough (`| head`) is no error.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Writes a line to standard error. Where that is closed there is nobody to tell.
pub(crate) fn eprintln(line: fmt::Arguments<'_>) {
    let _unheard = writeln!(anstream::stderr().lock(), "{line}");
}

/// A value as JSON for people, with a line feed behind.
pub(crate) fn json(value: &impl serde::Serialize) -> io::Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}
