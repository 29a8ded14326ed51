//! The App Mesh REST API: all 38 operations, over the registry. What differs from kind to kind, the schema says.

mod answer;
mod body;
mod escape;

pub(crate) mod operation;
mod page;
mod request;
mod resources;
mod tags;

pub(crate) use request::Input;

use crate::auth::Caller;
use crate::fault::Fault;
use crate::plane::ControlPlane;
use meshform_store::Revision;
use operation::{Call, Verb};
use serde_json::Value as Json;

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) body: Json,
    /// The mesh and its revision that the write made.
    pub(crate) written: Option<(String, Revision)>,
    /// What is not right yet with what was written.
    pub(crate) warning: Option<String>,
}

impl Answer {
    fn read(body: Json) -> Self {
        Self {
            body,
            written: None,
            warning: None,
        }
    }
}

/// Does what a request asks, as this caller.
pub(crate) async fn perform(
    plane: &ControlPlane,
    caller: &Caller,
    call: &Call,
    input: &Input,
) -> Result<Answer, Fault> {
    request::check_owner(input)?;
    if let Some(named) = &call.path {
        request::check_names(named)?;
    }
    match (&call.path, call.verb) {
        (Some(named), Verb::Create) => resources::create(plane, caller, named, input).await,
        (Some(named), Verb::Describe) => resources::describe(plane, caller, named, input).await,
        (Some(named), Verb::Update) => resources::update(plane, caller, named, input).await,
        (Some(named), Verb::Delete) => resources::delete(plane, caller, named, input).await,
        (Some(named), _) => resources::list(plane, caller, named, input).await,
        (None, Verb::Tag) => tags::tag(plane, caller, input).await,
        (None, Verb::Untag) => tags::untag(plane, caller, input).await,
        (None, _) => tags::list(plane, caller, input).await,
    }
}
