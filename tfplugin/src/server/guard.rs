//! The boundary that turns a panic in a provider into a message about one call.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use crate::{Diagnostic, Path};

/// Runs a provider's code.
pub(crate) async fn guard<T>(what: &str, work: impl Future<Output = T>) -> Result<T, Diagnostic> {
    let mut work = pin!(work);
    std::future::poll_fn(|cx| {
        // What a panic leaves half done belongs to this call alone and is dropped with it.
        match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Err(panic) => Poll::Ready(Err(crashed(what, &*panic))),
        }
    })
    .await
}

/// Runs a provider's code that does not wait.
pub(crate) fn guard_sync<T>(what: &str, work: impl FnOnce() -> T) -> Result<T, Diagnostic> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| crashed(what, &*panic))
}

fn crashed(what: &str, panic: &(dyn Any + Send)) -> Diagnostic {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    super::mistake(&Path::root(), format!("{what} crashed: {text}"))
}
