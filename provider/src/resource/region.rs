//! The region of a resource: the one in its ARN, which is the store's.
//!
//! hashicorp/aws has an argument for it since version 6. Whoever wrote it down, or refers to it, may go on to.

use crate::codes;
use crate::session::Session;
use meshform_store::Seed;
use tfplugin::path::Path;
use tfplugin::resource::PlanRequest;
use tfplugin::schema::Schema;
use tfplugin::{Diagnostic, Value};

pub(crate) const REGION: &str = "region";

/// The region in a state's ARN.
pub(crate) fn of(state: &Value) -> Option<String> {
    let seed = Seed::from_arn(state.str("arn")?)?;
    Some(seed.region().to_owned())
}

/// Writes the region into a state whose kind has the argument.
pub(crate) fn show(schema: &Schema, state: &mut Value, region: &str) {
    if schema.root().attributes().iter().any(|one| one.name() == REGION) {
        state.set_attr(REGION, region);
    }
}

/// Why a configuration cannot name the region that it names: the resource, or else the store, has another.
pub(super) async fn refuse_another(session: &Session, request: &PlanRequest) -> Option<Diagnostic> {
    let wanted = request.config.str(REGION)?;
    let has = match of(&request.prior) {
        Some(region) => region,
        // A store that cannot be read says so itself, where it is read or written.
        None => match session.identity().await.ok()? {
            Some(identity) => identity.seed.region().to_owned(),
            None => session.settings.seed.region().to_owned(),
        },
    };
    (wanted != has).then(|| refusal(wanted, &has))
}

/// Why a resource with that ARN is not the one of the region that was asked for.
pub(crate) fn another(wanted: &str, arn: &str) -> Option<Diagnostic> {
    let seed = Seed::from_arn(arn)?;
    (wanted != seed.region()).then(|| refusal(wanted, seed.region()))
}

fn refusal(wanted: &str, has: &str) -> Diagnostic {
    Diagnostic::error(
        codes::summary(codes::REGION),
        format!(
            "The region is `{wanted}`, but the store belongs to `{has}`. Leave `region` out; or, for a store that \
             is yet to be created, write `region = \"{wanted}\"` in the provider block. A second region is a \
             second store, with a provider block (and `alias`) of its own."
        ),
    )
    .at(Path::root().attr(REGION))
}
