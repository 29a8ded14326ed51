//! `cargo xtask upstream NAME PORT FILE`: a small HTTP service that says who it is, for as long as a file is there.
//!
//! The demo starts two as processes of their own, so that `--keep` can leave them. They end with the file: whoever
//! removes it, or the whole of the target folder, is rid of them.

use std::path::Path;
use std::time::Duration;

use meshform_acceptance::upstream::Upstream;

use crate::checkout::Checkout;
use crate::failure::{Failure, Result};

pub(crate) fn run(_: &Checkout, arguments: &[String]) -> Result<bool> {
    let [name, port, file] = arguments else {
        return Err(Failure::new("upstream needs NAME PORT FILE"));
    };
    let port = port
        .parse()
        .map_err(|_| Failure::new(format!("`{port}` is no port")))?;
    let _service = Upstream::start_on(name, port)
        .map_err(|error| Failure::new(format!("{name} cannot listen on port {port}: {error}")))?;
    while Path::new(file).exists() {
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(true)
}
