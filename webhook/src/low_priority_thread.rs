//! A thread beside those that answer, which gives way to them: while a review of a megabyte is read, the small ones go on.

use rustix::process::setpriority_process;
use tokio::sync::oneshot;

/// Of every four moments for which such a thread and another one contend, it has one. More would be felt by the others,
/// less would let a heavy review run out of time on a busy machine.
const NICENESS: i32 = 5;

/// Runs `work` on a thread of its own. `None` where it did not come to its end, or there was no thread to be had.
pub(crate) async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (told, answer) = oneshot::channel();
    let thread = std::thread::Builder::new().name("heavy-review".into()).spawn(move || {
        // On Linux this is the thread's alone. Where it is forbidden, all have the same priority.
        if let Err(error) = setpriority_process(None, NICENESS) {
            tracing::debug!(error = &error as &dyn std::error::Error, "heavy reviews have the priority of the others");
        }
        // Whoever waited may have run out of time.
        drop(told.send(work()));
    });
    thread.ok()?;
    answer.await.ok()
}
