//! Data sources: what a provider looks up.

use async_trait::async_trait;

use crate::schema::Schema;
use crate::value::Value;
use crate::{Context, Diagnostics};

/// Something that can be looked up.
#[async_trait]
pub trait DataSource: Send + Sync + 'static {
    /// The schema of the configuration and the result. It is asked for once, when the provider starts.
    fn schema(&self) -> Schema;

    /// Checks a configuration as a whole. Any part may be unknown. The provider may not be configured.
    async fn validate(&self, _cx: &Context, _config: &Value, _found: &mut Diagnostics) {}

    /// Looks it up. The configuration is wholly known; the answer is the configuration with what was computed.
    async fn read(&self, cx: &Context, request: ReadData) -> Result<Value, Diagnostics>;
}

/// What is known when a data source is read.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReadData {
    /// The `data` block as configured; it may hold unknown values.
    pub config: Value,
    /// What the module's `provider_meta` block says.
    pub meta: Value,
}
