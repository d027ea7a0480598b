//! Colour on a terminal, plain text in a pipe or with `NO_COLOR`.

use owo_colors::OwoColorize;
use std::fmt::Display;
use std::io::IsTerminal;

fn coloured() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// Green.
pub fn good(text: impl Display) -> String {
    if coloured() { text.green().to_string() } else { text.to_string() }
}

/// Red and bold.
pub fn bad(text: impl Display) -> String {
    if coloured() { text.red().bold().to_string() } else { text.to_string() }
}

/// Yellow.
pub fn notable(text: impl Display) -> String {
    if coloured() { text.yellow().to_string() } else { text.to_string() }
}

/// Bold.
pub fn heading(text: impl Display) -> String {
    if coloured() { text.bold().to_string() } else { text.to_string() }
}
