//! One resource by its name: `data "appmesh_virtual_node" "x" { … }`.

use crate::key;
use crate::problem;
use crate::resource::document;
use crate::resource::region::{self, REGION};
use crate::session::{self, Session};
use async_trait::async_trait;
use meshform_model::kind::Kind;
use meshform_model::schema::terraform::{self, Body};
use tfplugin::schema::{Attribute, Schema};
use tfplugin::value::Type;
use tfplugin::{Context, DataSource, Diagnostic, Diagnostics, Path, ReadData, Value};

/// The data source of a kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct One(pub(crate) Kind);

#[async_trait]
impl DataSource for One {
    fn schema(&self) -> Schema {
        let model = terraform::resource(self.0);
        let names: Vec<&str> = key::attributes(self.0).collect();
        let mut schema = Schema::new().description(model.doc);
        // What only the provider's own tag rules make has no place in a look-up.
        for attribute in model.body.attributes.iter().filter(|one| one.name != "tags_all") {
            let name = attribute.name.as_str();
            let made =
                Attribute::new(name, crate::schema::ty(attribute.kind)).description(attribute.doc.clone());
            schema = schema.attribute(match name {
                _ if names.contains(&name) => made.required(),
                "mesh_owner" | "tags" | REGION => made.optional().computed(),
                _ => made.computed(),
            });
        }
        for block in &model.body.blocks {
            let objects = Type::list(object(&block.body));
            let made = Attribute::new(block.name.as_str(), objects);
            schema = schema.attribute(made.computed().description(block.doc.clone()));
        }
        schema
    }

    async fn read(&self, cx: &Context, request: ReadData) -> Result<Value, Diagnostics> {
        let session = cx.data::<Session>()?;
        let key = key::of_value(self.0, &request.config).ok_or_else(|| {
            Diagnostics::from(problem::incomplete("Give every part of the resource's name."))
        })?;
        let found = session
            .store
            .get(&key)
            .await
            .map_err(|error| session::failed(&error))?;
        let record = found.ok_or_else(|| {
            let text = format!("The store {} has no {key}.", session.store.place());
            Diagnostics::from(absent("name", text))
        })?;
        let owner = request.config.str("mesh_owner");
        if owner.is_some_and(|owner| owner != record.identity.mesh_owner) {
            let text = format!(
                "{key} belongs to the mesh owner {}, not to the one that is asked for.",
                record.identity.mesh_owner
            );
            return Err(absent("mesh_owner", text).into());
        }
        let wanted = request.config.str(REGION);
        if let Some(problem) = wanted.and_then(|wanted| region::another(wanted, &record.identity.arn)) {
            return Err(problem.into());
        }
        let state = document::to_state(&crate::schema::resource(self.0), &record, &Value::Null);
        let mut state =
            state.map_err(|misfit| Diagnostics::from(problem::misfit(format!("{key}: {misfit}."))))?;
        // As hashicorp/aws has it: the id of a data source is the name.
        state.set_attr("id", key.name.as_str());
        let tags = state.get("tags").clone();
        state.set_attr(
            "tags",
            if tags.is_null() {
                Value::map::<&str>([])
            } else {
                tags
            },
        );
        self.schema()
            .conform_stored(state)
            .map_err(|misfit| problem::misfit(format!("{key}: {misfit}.")).into())
    }
}

/// That there is no such resource, at the argument that would have to be another.
fn absent(argument: &'static str, text: String) -> Diagnostic {
    problem::absent(text).at(Path::root().attr(argument))
}

/// A nested block as the type of a computed attribute.
fn object(body: &Body) -> Type {
    let attributes = body
        .attributes
        .iter()
        .map(|one| (one.name.as_str(), crate::schema::ty(one.kind)));
    let blocks = body
        .blocks
        .iter()
        .map(|one| (one.name.as_str(), Type::list(object(&one.body))));
    Type::object(attributes.chain(blocks))
}
