//! `meshform-cfn`: one AWS Lambda function that lets CloudFormation deploy `AWS::AppMesh::*` again.
//!
//! CloudFormation asks it for three things, distinguished by `event`:
//!
//! - **the macro** (`macros`): a template with `Transform: Meshform` comes, the same template with custom resources goes
//!   back; `meshform_compiler::stack` does the work, for the command too;
//! - **the custom resources** (`custom`): create, update, delete, onto a store in a bucket. What CloudFormation's
//!   operations need beyond the rules of the registry is remembered in the store, in a claim per resource (`claims`): who
//!   holds it, what it was before a stack took it over, which requests were seen;
//! - **the schedule** (`release`): events come in parallel and none knows the last, so what was held or could not be
//!   published is finished from time to time.
//!
//! It has no rules of its own about resources. `runtime` is Lambda's loop, `answer` what CloudFormation is told.

mod answer;
mod claims;
pub mod codes;
mod custom;
mod event;
mod http;
mod macros;
mod release;
mod runtime;
mod settings;

use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// The variable that says how much is logged, as `tracing` has it.
const LOG: &str = "MESHFORM_LOG";

/// Serves events until Lambda ends the process.
pub fn run() -> ExitCode {
    let filter = EnvFilter::try_from_env(LOG).unwrap_or_else(|_| EnvFilter::new("info"));
    let logging = tracing_subscriber::fmt().json().with_env_filter(filter);
    let _ = logging.with_writer(std::io::stderr).try_init();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let served = match runtime {
        Ok(runtime) => runtime.block_on(runtime::serve(std::env::vars_os().collect())),
        Err(error) => Err(error.to_string()),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the function ends");
            ExitCode::FAILURE
        }
    }
}
