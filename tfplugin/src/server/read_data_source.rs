//! `ReadDataSource`.

use super::registry::DataEntry;
use super::{guard, misfit_from_provider, mistake};
use crate::data_source::ReadData;
use crate::value::Value;
use crate::{Context, Diagnostics};

pub(crate) async fn read(cx: &Context, entry: &DataEntry, request: ReadData) -> Result<Value, Diagnostics> {
    let schema = entry.schema()?;
    let config = request.config.clone();
    let value = guard("Reading", entry.source.read(cx, request)).await??;
    let value = schema
        .conform(value)
        .map_err(|misfit| misfit_from_provider("reading", &misfit))?;
    let mut found = Diagnostics::new();
    for path in value.unknown_paths() {
        found.push(mistake(
            &path,
            format!("`{path}` is unknown in what reading returned."),
        ));
    }
    for attribute in schema.root().attributes() {
        let (said, got) = (config.get(attribute.name()), value.get(attribute.name()));
        if !said.is_null() && said != got {
            let path = crate::Path::root().attr(attribute.name());
            let what = format!("`{path}` is set in the configuration, but reading returned another value.");
            found.push(mistake(&path, what));
        }
    }
    if found.has_errors() { Err(found) } else { Ok(value) }
}
