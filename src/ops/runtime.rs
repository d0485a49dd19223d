use std::time::Duration;

use super::{Ending, Error};
use crate::diagnostic::Diagnostic;

/// Longer than any run.
const A_LONG_TIME: Duration = Duration::from_secs(30 * 24 * 3600);

/// Waits for a use case. One thread drives all input and output; files are read on others. To be called outside of an
/// asynchronous runtime.
///
/// # Errors
///
/// Those of the use case, and where the system gives no means to wait.
pub fn block_on<T>(use_case: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    // One thread of the pool stays to the end: it would panic where there is none and none can be started.
    let runtime = builder.enable_all().thread_keep_alive(A_LONG_TIME).build().map_err(|error| {
        let message = format!("the process cannot wait for events: {error}");
        Error::one(Ending::Failed, Diagnostic::error(message))
    })?;
    drop(runtime.spawn_blocking(|| ()));
    let done = runtime.block_on(use_case);
    // A read of a slow disk must not hold up the exit.
    runtime.shutdown_background();
    done
}
