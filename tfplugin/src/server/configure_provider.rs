//! `ConfigureProvider` and `StopProvider`.

use std::sync::PoisonError;

use super::{Server, guard};
use crate::Diagnostics;
use crate::value::Value;

/// The provider block and who sends it.
pub(crate) struct Request {
    pub(crate) terraform_version: String,
    pub(crate) config: Value,
}

pub(crate) async fn configure(server: &Server, request: Request) -> Diagnostics {
    {
        let mut configured = server.configured.write().unwrap_or_else(PoisonError::into_inner);
        configured.terraform_version = Some(request.terraform_version.into());
    }
    let cx = server.context("provider");
    match guard(
        "Configuring the provider",
        server.provider.configure(&cx, request.config),
    )
    .await
    {
        Ok(Ok(outcome)) => {
            let mut configured = server.configured.write().unwrap_or_else(PoisonError::into_inner);
            configured.data = outcome.data;
            outcome.diagnostics
        }
        Ok(Err(diagnostics)) => diagnostics,
        Err(crash) => crash.into(),
    }
}
