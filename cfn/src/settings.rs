//! What the function's environment says.

use crate::codes;
use meshform_model::arn::Arn;
use meshform_model::diag::Diagnostic;
use meshform_registry::Overwrites;
use meshform_store::{Access, Location, Seed, Store};
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

/// Where the mesh is kept.
const STORE: &str = "MESHFORM_STORE";
/// The owners whose resources stacks take over, separated by commas.
const TAKE_OVER: &str = "MESHFORM_TAKE_OVER";
/// The owner that `meshform adopt` gives to what stacks are to take over.
const ADOPTED: &str = "cloudformation";

#[derive(Debug)]
pub(crate) struct Settings {
    variables: Vec<(OsString, OsString)>,
}

impl Settings {
    pub(crate) fn new(variables: Vec<(OsString, OsString)>) -> Self {
        Self { variables }
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.variables.iter().find(|(known, _)| known == name)?;
        value.to_str().filter(|text| !text.is_empty())
    }

    /// Whose resources stacks take over.
    pub(crate) fn take_over(&self) -> Overwrites {
        let named = self.text(TAKE_OVER).unwrap_or(ADOPTED).split(',');
        let named = named.map(|owner| owner.trim().to_owned());
        Overwrites::named(named.filter(|owner| !owner.is_empty()))
    }

    /// Opens the store. One that is created gets the function's own region and account.
    pub(crate) fn store(&self, function_arn: &str) -> Result<Arc<dyn Store>, Diagnostic> {
        let name = self.text(STORE).ok_or_else(|| {
            Diagnostic::error(codes::SETTING, format!("the function has no `{STORE}`"))
                .help("set it to the bucket that holds the mesh: s3://BUCKET/PREFIX")
        })?;
        let location = Location::parse(name, Path::new("/")).map_err(|error| error.diagnostic())?;
        if !matches!(location, Location::Bucket(_)) {
            let message = format!("`{STORE}` is `{name}`, and the function's disk does not survive its run");
            return Err(Diagnostic::error(codes::SETTING, message).help("name a bucket: s3://BUCKET/PREFIX"));
        }
        let access = Access::of_environment(self.variables.iter().cloned());
        let opened = location.open(&access, &seed(function_arn));
        opened.map_err(|error| error.diagnostic())
    }
}

/// Partition, region and account of an ARN.
fn seed(arn: &str) -> Seed {
    let seed = Arn::parse(arn).and_then(|arn| Seed::new(arn.partition, arn.region, arn.account).ok());
    seed.unwrap_or_default()
}
