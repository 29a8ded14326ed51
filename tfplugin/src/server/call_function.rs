//! `CallFunction`.

use super::guard;
use super::registry::FunctionEntry;
use crate::Context;
use crate::function::FunctionError;
use crate::value::{Fit, Value, conform};

pub(crate) async fn call(
    cx: &Context,
    entry: &FunctionEntry,
    arguments: Vec<Value>,
) -> Result<Value, FunctionError> {
    let failed = |diagnostic: crate::Diagnostic| FunctionError::new(diagnostic.detail);
    let signature = entry.signature().map_err(failed)?;
    let result = guard("The function", entry.function.call(cx, arguments))
        .await
        .map_err(failed)??;
    conform(&signature.returns, result, Fit::Exact)
        .map_err(|misfit| FunctionError::new(format!("The provider returned a wrong result: {misfit}.")))
}
