//! The one way to wait: for a condition, with a deadline.

use crate::error::Error;
use std::time::{Duration, Instant};

/// Asks `condition` again and again until it gives a value, for at most `seconds`. Errors end the wait at once.
pub fn until<T, E: From<Error>>(
    what: &str,
    seconds: u64,
    mut condition: impl FnMut() -> std::result::Result<Option<T>, E>,
) -> std::result::Result<T, E> {
    let begin = Instant::now();
    loop {
        if let Some(value) = condition()? {
            return Ok(value);
        }
        if begin.elapsed() > Duration::from_secs(seconds) {
            return Err(Error::Timeout { what: what.to_owned(), seconds }.into());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Whether the condition came true in time.
pub(crate) fn comes_true(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let begin = Instant::now();
    while !condition() {
        if begin.elapsed() > limit {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    true
}
