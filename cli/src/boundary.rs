//! The boundary at which a panic ends: what is left of one is a message with a code, and an exit status.

use meshform_envoy::codes;
use meshform_model::diag::Diagnostic;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};

thread_local! {
    /// Whether a command is at work in this thread.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
    /// Where the panic that is being handled began.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Does the work of a command, or a thread's part of it. A panic in it is reported as a problem, and not by Rust's own words on standard error.
pub(crate) fn guard<T>(work: impl FnOnce() -> T) -> Result<T, Diagnostic> {
    GUARDED.set(true);
    // What a panic leaves half done is dropped with the command; files are renamed into place only when whole.
    let outcome = panic::catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(false);
    outcome.map_err(|panic| fault(&*panic))
}

/// From here on a panic of a command prints nothing by itself: the boundary tells it. One in another thread, which reaches
/// no boundary, is reported as usual. For the process's own start.
pub fn keep_panics_quiet() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if GUARDED.get() {
            remember(info);
        } else {
            usual(info);
        }
    }));
}

fn remember(info: &PanicHookInfo<'_>) {
    let place = info.location().map(|at| format!("{}:{}", at.file(), at.line()));
    PLACE.with(|known| *known.borrow_mut() = place);
}

fn fault(panic: &(dyn Any + Send)) -> Diagnostic {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    let place = PLACE.with(|known| known.borrow_mut().take());
    let place = place.map(|place| format!(" at {place}")).unwrap_or_default();
    Diagnostic::error(codes::INTERNAL, format!("meshform crashed{place}: {text}"))
        .help("please report this message: it is a bug of meshform, not a problem of the input")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    #[test]
    fn what_ends_well_is_given_back() {
        assert_eq!(guard(|| Exit::Found), Ok(Exit::Found));
    }

    #[test]
    fn a_panic_becomes_a_problem_with_its_words() {
        let told = guard::<Exit>(|| panic!("half of {}", 2)).unwrap_err();
        assert_eq!(told.code, codes::INTERNAL);
        assert!(told.message.contains("half of 2"), "{told}");
        let told = guard::<Exit>(|| panic::panic_any(7_u8)).unwrap_err();
        assert!(told.message.contains("no message"), "{told}");
        assert!(!GUARDED.get(), "the thread is its own again");
    }
}
