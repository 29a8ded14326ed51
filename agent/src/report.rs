//! Writes the status where `meshform status` reads it: on a change, and every ten minutes;
//! after a failure soon again.

use crate::log;
use crate::shared::Shared;
use crate::store::Store;
use std::rc::Rc;
use std::time::Duration;

const EVERY: Duration = Duration::from_secs(600);

/// How soon to try again what was not written: until then nobody sees what changed.
const AGAIN: Duration = Duration::from_secs(15);

/// For ever.
pub(crate) async fn run(mut store: Store, key: String, shared: Rc<Shared>) {
    let mut failed: Option<String> = None;
    loop {
        let pause = if failed.is_some() { AGAIN } else { EVERY };
        let _ = tokio::time::timeout(pause, shared.changed.notified()).await;
        // What changes together is told together.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let written = match shared.report().encode() {
            Ok(bytes) => store.write(&key, bytes).await,
            Err(error) => Err(error.to_string()),
        };
        let error = written.err();
        if error != failed
            && let Some(error) = &error
        {
            log::warn(&format!("the status is not written: {error}"));
        }
        failed = error;
    }
}
