//! `PlanResourceChange`.

use super::align;
use super::registry::{ResourceEntry, ResourceSchemas};
use super::walk::{Node, WalkPosition, walk};
use super::{contract, guard, guard_sync, misfit_from_provider, mistake};
use crate::plan::{Change, Field};
use crate::resource::{Plan, PlanRequest};
use crate::schema::{Attribute, BlockNesting, NestedBlock, Schema};
use crate::value::Value;
use crate::{Context, Diagnostic, Diagnostics, Path};

pub(crate) async fn plan(
    cx: &Context,
    entry: &ResourceEntry,
    request: PlanRequest,
) -> Result<Plan, Diagnostic> {
    let schemas = entry.schemas()?;
    let mut plan = Plan {
        planned: request.proposed.clone(),
        private: request.private.clone(),
        identity: request.identity.clone(),
        ..Plan::default()
    };
    if !request.is_destroy() {
        prepare(&schemas.schema, &request, &mut plan);
    }
    let hook = entry.resource.modify_plan(cx, &request, &mut plan);
    let crash = guard("Planning", hook).await.err();
    plan.diagnostics.extend(crash);
    finish(&schemas, &request, &mut plan);
    let root = schemas.schema.root();
    let shown = |mut one: Diagnostic| {
        one.path = align::as_configured(root, &request.config, &plan.planned, &one.path);
        one
    };
    plan.diagnostics = std::mem::take(&mut plan.diagnostics)
        .into_iter()
        .map(shown)
        .collect();
    Ok(plan)
}

/// From Terraform's proposal to a plan, without the resource's own hook.
fn prepare(schema: &Schema, request: &PlanRequest, plan: &mut Plan) {
    set_defaults(schema, request, &mut plan.planned);
    super::tidy::drop_write_only(schema, &mut plan.planned);
    keep_order(schema, request, &mut plan.planned);
    if plan.planned != request.prior {
        mark_unknown(schema, request, &mut plan.planned);
    }
    run_modifiers(schema, request, plan);
}

fn set_defaults(schema: &Schema, request: &PlanRequest, planned: &mut Value) {
    walk(
        schema.root(),
        &request.config,
        &request.prior,
        planned,
        &mut |place, value| {
            if let Node::Attribute(Attribute {
                default: Some(default),
                ..
            }) = place.node
                && place.config.is_null()
            {
                *value = default.clone();
            }
            true
        },
    );
    if let Ok(exact) = schema.conform(planned.clone()) {
        *planned = exact;
    }
}

/// Blocks whose order has no meaning: what the provider computed follows each block to its new place, and
/// when they are all as before, they stay in their places.
fn keep_order(schema: &Schema, request: &PlanRequest, planned: &mut Value) {
    walk(
        schema.root(),
        &request.config,
        &request.prior,
        planned,
        &mut |place, value| {
            let Node::Block(nested) = place.node else {
                return true;
            };
            let (Some(key), BlockNesting::List, Some(prior)) =
                (&nested.order_key, nested.nesting, place.prior)
            else {
                return true;
            };
            if align::same_blocks(nested, place.config, prior)
                && contract::plan_blocks(nested, prior, place.config, prior)
            {
                *value = prior.clone();
                return false;
            }
            let partners = align::partners(&nested.block, key, place.config.items(), prior.items());
            carry_computed(nested, &partners, prior, place, value);
            true
        },
    );
}

fn carry_computed(
    nested: &NestedBlock,
    partners: &[Option<usize>],
    prior: &Value,
    place: &WalkPosition<'_>,
    planned: &mut Value,
) {
    let Some(items) = planned.items_mut() else { return };
    for ((item, config), partner) in items.iter_mut().zip(place.config.items()).zip(partners) {
        let old = partner
            .and_then(|index| prior.items().get(index))
            .unwrap_or(&Value::Null);
        walk(&nested.block, config, old, item, &mut |inner, value| {
            if let Node::Attribute(attribute) = inner.node
                && attribute.is_computed()
                && inner.config.is_null()
                && attribute.default.is_none()
            {
                *value = inner.prior.cloned().unwrap_or_default();
            }
            true
        });
    }
}

/// What the provider sets and the configuration does not is unknown as soon as anything changes.
fn mark_unknown(schema: &Schema, request: &PlanRequest, planned: &mut Value) {
    walk(
        schema.root(),
        &request.config,
        &request.prior,
        planned,
        &mut |place, value| match place.node {
            Node::Attribute(one) if one.is_computed() && place.config.is_null() => {
                if one.default.is_none() {
                    *value = Value::UNKNOWN;
                }
                false
            }
            Node::Attribute(_) | Node::Block(_) => true,
        },
    );
}

fn run_modifiers(schema: &Schema, request: &PlanRequest, plan: &mut Plan) {
    let Plan {
        planned,
        requires_replace,
        diagnostics,
        ..
    } = plan;
    walk(
        schema.root(),
        &request.config,
        &request.prior,
        planned,
        &mut |place, value| {
            let modifiers = match place.node {
                Node::Attribute(one) => &one.modifiers,
                Node::Block(one) => &one.modifiers,
            };
            if modifiers.is_empty() {
                return true;
            }
            let field = Field {
                path: place.path,
                config: place.config,
                prior: place.prior,
                resource_prior: &request.prior,
                resource_config: &request.config,
            };
            let mut change = Change {
                planned: std::mem::take(value),
                ..Change::default()
            };
            for modifier in modifiers {
                let crash = guard_sync("A plan modifier", || modifier.modify(&field, &mut change)).err();
                diagnostics.extend(crash);
            }
            *value = change.planned;
            diagnostics.extend(change.diagnostics);
            if change.requires_replace {
                requires_replace.push(place.path.addressable());
            }
            true
        },
    );
}

/// Checks the plan and brings it into its exact form.
fn finish(schemas: &ResourceSchemas, request: &PlanRequest, plan: &mut Plan) {
    let schema = &schemas.schema;
    if request.is_destroy() {
        if !plan.planned.is_null() {
            plan.diagnostics
                .push(mistake(&Path::root(), "A destroy was planned as something else."));
            plan.planned = Value::Null;
        }
        plan.requires_replace.clear();
        return;
    }
    match schema.conform(std::mem::take(&mut plan.planned)) {
        Ok(planned) => plan.planned = planned,
        Err(misfit) => {
            plan.diagnostics.push(misfit_from_provider("planning", &misfit));
            plan.planned = request.proposed.clone();
        }
    }
    check(schema, request, &plan.planned, &mut plan.diagnostics);
    if request.is_create() {
        plan.requires_replace.clear();
    }
    settle_paths(request, plan);
    settle_identity(schemas, request, plan);
}

fn check(schema: &Schema, request: &PlanRequest, planned: &Value, found: &mut Diagnostics) {
    if found.has_errors() {
        return;
    }
    for breach in contract::plan(schema.root(), &request.prior, &request.config, planned) {
        let place = if breach.path.is_root() {
            "The plan".into()
        } else {
            format!("`{}`", breach.path)
        };
        found.push(mistake(&breach.path, format!("{place}: {}.", breach.what)));
    }
}

/// Terraform wants each place once, in order, and only places that exist.
fn settle_paths(request: &PlanRequest, plan: &mut Plan) {
    let mut paths: Vec<Path> = plan.requires_replace.iter().map(Path::addressable).collect();
    paths.sort();
    paths.dedup();
    paths.retain(|path| request.prior.at(path).is_some() || plan.planned.at(path).is_some());
    plan.requires_replace = paths;
}

fn settle_identity(schemas: &ResourceSchemas, request: &PlanRequest, plan: &mut Plan) {
    let Some(identity) = plan.identity.take() else {
        return;
    };
    match &schemas.identity {
        Some(schema) => match schema.conform(identity) {
            Ok(identity) => {
                let moved = request.identity.as_ref().is_some_and(|prior| *prior != identity);
                if request.is_update() && moved && !schema.mutable && plan.requires_replace.is_empty() {
                    let what = "The plan changes the identity of an object that is not replaced.";
                    plan.diagnostics.push(mistake(&Path::root(), what));
                }
                plan.identity = Some(identity);
            }
            Err(misfit) => plan
                .diagnostics
                .push(misfit_from_provider("planning an identity", &misfit)),
        },
        None => plan.diagnostics.push(mistake(
            &Path::root(),
            "The plan has an identity, but the resource has no identity schema.",
        )),
    }
}
