//! A process that is killed between two statements, without a process that dies.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::Unavailable;

/// How many statements will still be carried out; negative: all.
#[derive(Clone)]
pub(crate) struct Fuse(Arc<AtomicI64>);

impl Default for Fuse {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(-1)))
    }
}

impl Fuse {
    /// After so many statements nothing is carried out, until it is mended.
    pub(crate) fn arm(&self, statements: i64) {
        self.0.store(statements, Ordering::SeqCst);
    }

    pub(crate) fn mend(&self) {
        self.0.store(-1, Ordering::SeqCst);
    }

    pub(crate) fn burn(&self) -> Result<(), Unavailable> {
        match self.0.load(Ordering::SeqCst) {
            0 => Err(Unavailable::Unreadable("a blown fuse".to_owned())),
            left => {
                self.0.store(left - i64::from(left > 0), Ordering::SeqCst);
                Ok(())
            }
        }
    }
}
