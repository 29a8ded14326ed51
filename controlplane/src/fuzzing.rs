//! What must hold of any bytes: for `cargo xtask fuzz`, and over made-up ones for this crate's tests.

/// A stream of Envoy's discovery protocol: requests as they come over the wire, releases that change, time that passes.
///
/// # Errors
/// What of the protocol's rules was broken.
pub fn xds(bytes: &[u8]) -> Result<(), String> {
    crate::xds::fuzzing::stream(bytes)
}
