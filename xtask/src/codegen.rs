//! `cargo xtask codegen`: the Rust of our `.proto` files, which is checked in so that nobody needs `protoc`.

use crate::cargo::cargo;
use crate::checkout::Checkout;
use crate::command;
use crate::failure::Result;

/// Hands its arguments (`--check`, or the name of one crate) to the generator.
pub(crate) fn run(checkout: &Checkout, arguments: &[String]) -> Result<bool> {
    let mut generator = cargo(checkout);
    generator
        .args(["run", "--quiet", "--package", "meshform-codegen", "--"])
        .args(arguments);
    Ok(command::stream(&mut generator)?.success())
}
