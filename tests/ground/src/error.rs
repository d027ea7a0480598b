//! What can go wrong, in the words of the person who has to act on it.

use std::path::{Path, PathBuf};

/// Shorthand for this crate's results.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Every variant names the file to look at or the thing to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A sentence that is complete in itself.
    #[error("{0}")]
    Says(String),
    /// The file system refused something.
    #[error("cannot {doing} {path}: {source}", path = path.display())]
    File {
        /// The verb: read, write, make.
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A component ended, or never answered.
    #[error("{component} {trouble}; its log is {log} and ends with\n{tail}", log = log.display())]
    Died {
        /// Its name.
        component: &'static str,
        /// What happened to it.
        trouble: String,
        /// The whole log.
        log: PathBuf,
        /// The log's last lines.
        tail: String,
    },
    /// A program that we ran failed.
    #[error("{command} failed ({status})\n{stderr}")]
    Command {
        /// The command line.
        command: String,
        /// Its exit status.
        status: String,
        /// What it said.
        stderr: String,
    },
    /// A condition did not come true in time.
    #[error("waited {seconds} s in vain for {what}")]
    Timeout {
        /// The condition.
        what: String,
        /// For how long.
        seconds: u64,
    },
    /// A certificate could not be made.
    #[error("certificates: {0}")]
    Certificate(#[from] rcgen::Error),
    /// Our own JSON.
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl Error {
    pub(crate) fn says(sentence: impl Into<String>) -> Self {
        Self::Says(sentence.into())
    }

    pub(crate) fn file(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { doing, path, source }
    }

    pub(crate) fn died(component: &'static str, trouble: impl Into<String>, log: &Path) -> Self {
        let text = std::fs::read(log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        Self::Died { component, trouble: trouble.into(), log: log.to_owned(), tail: last_lines(&text, 12) }
    }
}

/// The last lines of a text, long lines cut: logs of Go programs have lines of several kilobytes.
pub(crate) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let tail = lines[lines.len().saturating_sub(count)..].iter();
    tail.map(|line| format!("  {}", line.chars().take(300).collect::<String>())).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_log_and_shows_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("etcd.log");
        std::fs::write(&log, "first\nno space left on device\n").unwrap();
        let error = Error::died("etcd", "ended", &log).to_string();
        assert!(error.contains(&log.display().to_string()), "{error}");
        assert!(error.ends_with("no space left on device"), "{error}");
    }
}
