//! One value made of a whole cache, and made anew only when the cache has changed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;

#[derive(Default)]
pub(super) struct Gathered<T> {
    value: ArcSwap<T>,
    /// Whether the value is what the cache says.
    current: Arc<AtomicBool>,
}

impl<T> Gathered<T> {
    /// What is called when the cache has changed.
    pub(super) fn outdate(&self) -> impl Fn() + Send + use<T> {
        let current = self.current.clone();
        move || current.store(false, Ordering::Release)
    }

    pub(super) fn get(&self, gather: impl FnOnce() -> T) -> Arc<T> {
        // Before the cache is read: what changes after this is gathered next time.
        if !self.current.swap(true, Ordering::AcqRel) {
            self.value.store(Arc::new(gather()));
        }
        self.value.load_full()
    }
}
