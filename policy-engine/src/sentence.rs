//! What people read, on one line of bounded length, whatever was asked.

use std::collections::VecDeque;
use std::fmt::{self, Display, Write as _};

/// A sentence shows as much of its beginning, where it says what was asked.
const HEAD: usize = 768;
/// And as much of its end, where it says what is allowed and what to do.
const TAIL: usize = 768;

/// The longest sentence, in characters: beginning, end, and a word about what is left out between them.
pub const LONGEST_SENTENCE: usize = HEAD + TAIL + 64;

/// The text as one line. The mutating call comes before the API server's own validation, so that anything can stand where
/// a name should: a line break would forge a line of the answer, an escape sequence would speak to the reader's terminal,
/// a letter of another script would look like one that is allowed, and a name of a megabyte would be all that is read.
pub(crate) fn one_line(text: impl Display) -> String {
    let mut line = Line::default();
    // A line takes whatever is written; an implementation of `Display` that fails has said what it could.
    let _said = write!(line, "{text}");
    line.end()
}

#[derive(Default)]
struct Line {
    head: String,
    shown: usize,
    tail: VecDeque<char>,
    left_out: usize,
}

impl Line {
    fn push(&mut self, c: char) {
        if self.shown < HEAD {
            self.head.push(c);
            self.shown += 1;
            return;
        }
        self.tail.push_back(c);
        if self.tail.len() > TAIL {
            self.tail.pop_front();
            self.left_out += 1;
        }
    }

    fn end(self) -> String {
        let Self { head: mut line, tail, left_out, .. } = self;
        if left_out > 0 {
            line.push_str(&format!(" [{left_out} characters left out] "));
        }
        line.extend(tail);
        line
    }
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            match c {
                '"' | '\'' | '\\' => self.push(c),
                _ if c.is_alphanumeric() && !c.is_ascii() => c.escape_unicode().for_each(|c| self.push(c)),
                _ => c.escape_debug().for_each(|c| self.push(c)),
            }
        }
        Ok(())
    }
}

/// Writes values with commas between them; a long list is cut, so that an answer stays readable.
pub(crate) fn list<T: Display>(f: &mut fmt::Formatter<'_>, values: &[T]) -> fmt::Result {
    const MOST: usize = 12;
    for (index, value) in values.iter().take(MOST).enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        write!(f, "{comma}{value}")?;
    }
    match values.len().checked_sub(MOST) {
        Some(more @ 1..) => write!(f, " and {more} more"),
        Some(0) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_plain_letter_is_spelled_out() {
        assert_eq!(one_line("asked \"a\\b\"; it's 1 \u{2264} 2"), "asked \"a\\b\"; it's 1 \u{2264} 2");
        assert_eq!(one_line("a\nb\u{1b}[31m\u{202e}"), "a\\nb\\u{1b}[31m\\u{202e}");
        assert_eq!(one_line("nginх"), "ngin\\u{445}");
    }

    #[test]
    fn a_long_sentence_keeps_what_was_asked_what_is_allowed_and_what_to_do() {
        let asked = "x".repeat(1 << 20);
        let line = one_line(format_args!("asked {asked}; allowed is y; use y"));
        assert!(line.starts_with("asked xxx") && line.ends_with("xxx; allowed is y; use y"), "{line}");
        assert!(line.contains("x [1047067 characters left out] x"), "{line}");
        assert!(line.chars().count() <= LONGEST_SENTENCE);
    }
}
