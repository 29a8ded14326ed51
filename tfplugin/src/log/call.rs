//! The span around a call, with the names that Terraform's own SDK gives these facts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tracing::Instrument as _;

/// Which call it is, and about what.
pub(crate) struct Call<'c> {
    rpc: &'static str,
    resource: &'c str,
    data_source: &'c str,
    function: &'c str,
}

impl<'c> Call<'c> {
    pub(crate) fn of(rpc: &'static str) -> Self {
        Self {
            rpc,
            resource: "",
            data_source: "",
            function: "",
        }
    }

    pub(crate) fn resource(rpc: &'static str, name: &'c str) -> Self {
        Self {
            resource: name,
            ..Self::of(rpc)
        }
    }

    pub(crate) fn data_source(rpc: &'static str, name: &'c str) -> Self {
        Self {
            data_source: name,
            ..Self::of(rpc)
        }
    }

    pub(crate) fn function(rpc: &'static str, name: &'c str) -> Self {
        Self {
            function: name,
            ..Self::of(rpc)
        }
    }
}

/// Only tells lines of one process apart; it reaches nothing but the log.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// The work of a call inside its span, with its duration logged at the end.
pub(crate) fn traced<T, W: Future<Output = T>>(
    address: &str,
    call: Call<'_>,
    work: W,
) -> impl Future<Output = T> + use<T, W> {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let span = tracing::debug_span!(
        "call",
        tf_provider_addr = address,
        tf_rpc = call.rpc,
        tf_proto_version = "6.11",
        tf_req_id = NEXT.fetch_add(1, Ordering::Relaxed),
        tf_resource_type = some(call.resource),
        tf_data_source_type = some(call.data_source),
        tf_function = some(call.function),
    );
    async move {
        tracing::trace!("call received");
        let start = Instant::now();
        let answer = work.await;
        let tf_req_duration_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(tf_req_duration_ms, "call answered");
        answer
    }
    .instrument(span)
}
