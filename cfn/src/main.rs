//! `bootstrap`: what AWS Lambda starts.

use std::process::ExitCode;

fn main() -> ExitCode {
    meshform_cfn::run()
}
