//! `ListResource`.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::registry::ResourceSchemas;
use super::{guard, misfit_from_provider, mistake, tidy};
use crate::list_resource::{ListRequest, ListResource, ListSink, Listed};
use crate::value::Value;
use crate::{Context, Diagnostic, Diagnostics, Path};

/// One listed object, or only messages.
pub(crate) struct Event {
    pub(crate) identity: Option<Value>,
    pub(crate) display_name: String,
    pub(crate) state: Option<Value>,
    pub(crate) diagnostics: Diagnostics,
}

impl Event {
    pub(crate) fn of(diagnostics: Diagnostics) -> Self {
        Self {
            identity: None,
            display_name: String::new(),
            state: None,
            diagnostics,
        }
    }
}

/// Lists objects into a channel. Ends when the receiver goes away, the limit is reached, or after an error.
pub(crate) async fn list(
    cx: Context,
    list: Arc<dyn ListResource>,
    schemas: Arc<ResourceSchemas>,
    request: ListRequest,
    events: mpsc::Sender<Event>,
) {
    let (sender, mut listed) = mpsc::channel(16);
    let include_state = request.include_state;
    let mut found = ListSink {
        sender,
        left: request.limit,
    };
    let work = async {
        let outcome = guard("Listing", list.list(&cx, request, &mut found)).await;
        drop(found);
        match outcome {
            Ok(Ok(())) => Diagnostics::new(),
            Ok(Err(diagnostics)) => diagnostics,
            Err(crash) => crash.into(),
        }
    };
    let pass_on = async {
        while let Some(one) = listed.recv().await {
            let event =
                event(&schemas, include_state, one).unwrap_or_else(|problem| Event::of(problem.into()));
            let stop = event.diagnostics.has_errors();
            if events.send(event).await.is_err() || stop {
                break;
            }
        }
        listed.close();
    };
    let (diagnostics, ()) = tokio::join!(work, pass_on);
    if !diagnostics.is_empty() {
        let _ = events.send(Event::of(diagnostics)).await;
    }
}

fn event(schemas: &ResourceSchemas, include_state: bool, one: Listed) -> Result<Event, Diagnostic> {
    let Some(identity) = &schemas.identity else {
        return Err(mistake(
            &Path::root(),
            "A resource without an identity cannot be listed.",
        ));
    };
    let identity = identity
        .conform(one.identity)
        .map_err(|misfit| misfit_from_provider("listing", &misfit))?;
    let state = match one.state.filter(|_| include_state) {
        Some(state) => {
            let mut state = schemas
                .schema
                .conform(state)
                .map_err(|misfit| misfit_from_provider("listing", &misfit))?;
            tidy::drop_write_only(&schemas.schema, &mut state);
            Some(state)
        }
        None => None,
    };
    let known = identity.is_wholly_known() && state.as_ref().is_none_or(Value::is_wholly_known);
    if !known {
        return Err(mistake(&Path::root(), "A listed object has unknown parts."));
    }
    Ok(Event {
        identity: Some(identity),
        display_name: one.display_name,
        state,
        diagnostics: one.diagnostics,
    })
}
