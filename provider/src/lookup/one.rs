//! One resource by its name: `data "appmesh_virtual_node" "x" { … }`.

use crate::key;
use crate::problem;
use crate::resource::document;
use crate::resource::region::{self, REGION};
use crate::session::{self, PlannedState, Session};
use async_trait::async_trait;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::schema::terraform::{self, Body};
use tfplugin::schema::{Attribute, Schema};
use tfplugin::value::Type;
use tfplugin::{Context, DataSource, Diagnostic, Diagnostics, Path, ReadData, Value};

/// The data source of a kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResourceDataSource(pub(crate) Kind);

#[async_trait]
impl DataSource for ResourceDataSource {
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
        let Some(record) = found else {
            return Err(absent("name", not_there(&session, &key).await).into());
        };
        let owner = request.config.str("mesh_owner");
        if owner.is_some_and(|owner| owner != record.identity.mesh_owner) {
            let text = format!(
                "{key} belongs to the mesh owner {}, not to the requested one.",
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

/// That the store has no such resource, whose it may become, and what to do.
pub(super) async fn not_there(session: &Session, key: &ResourceKey) -> String {
    let mut text = format!("The store {} has no {key}.", session.store.place());
    if let Some(PlannedState::As(_)) = session.planned_for(key) {
        text.push_str(
            " This configuration makes it: refer to the resource in the place of reading it, as in \
             `virtual_node_name = appmesh_virtual_node.x.name`.",
        );
        return text;
    }
    let views = session.registry.views();
    // A failing store was told by the look-up itself.
    if let Some(near) = views.near(key).await.unwrap_or_default() {
        text.push_str(&format!(" Did you mean `{near}`?"));
    }
    let own = &session.settings.owner;
    let container = key.container().unwrap_or_else(|| ResourceKey::mesh(&key.mesh));
    match views.last_write(&container).await.unwrap_or_default() {
        Some(last) if !last.belongs_to(own) => text.push_str(&format!(
            " It is not made yet, or under another name: {container} is the owner `{}`'s, written last by `{}`. Ask \
             for it there, or plan again after that apply.",
            last.owner, last.actor
        )),
        Some(_) => {
            let owners = views.owners(&key.mesh).await.unwrap_or_default();
            let others = owners.keys().filter(|owner| *owner != own);
            let others: Vec<String> = others.map(|owner| format!("`{owner}`")).collect();
            text.push_str(&match others.as_slice() {
                [] => " Nobody but this configuration's owner has written to that mesh: apply what makes it first.".to_owned(),
                _ => format!(
                    " It is not made yet, or under another name. Beside this configuration's owner `{own}` the mesh is \
                     written by {}: plan again after the apply that makes it.",
                    others.join(", ")
                ),
            });
        }
        None if key.kind == Kind::Mesh => {
            text.push_str(" Whoever makes the mesh has to apply first; check the provider's `store`, too.");
        }
        None => text.push_str(&format!(
            " It has no {container} either: whoever makes that has to apply first. Check the provider's `store`, too."
        )),
    }
    text
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
