//! HTTP clients: one for Lambda's interface, which is on this machine, and one for CloudFormation's addresses.

use std::time::Duration;

/// For Lambda's interface: no proxy, and no limit of time, because the next event may take as long as it likes.
pub(crate) fn local() -> Result<reqwest::Client, String> {
    let client = builder()?.no_proxy().build();
    client.map_err(|error| error.to_string())
}

/// For the addresses of answers.
pub(crate) fn remote() -> Result<reqwest::Client, String> {
    let client = builder()?
        // An answer is a few hundred bytes to S3. It is sent several times within what is left of the function's time.
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_secs(15))
        .build();
    client.map_err(|error| error.to_string())
}

fn builder() -> Result<reqwest::ClientBuilder, String> {
    let builder = reqwest::Client::builder();
    Ok(builder
        .tls_backend_preconfigured(meshform_store::tls_roots()?)
        .http1_only()
        .user_agent(concat!("meshform-cfn/", env!("CARGO_PKG_VERSION"))))
}
