//! What a plan knows before the apply: tags, ARNs of resources to come, and that a resource has yet to be written.

use super::region::{self, REGION};
use super::write::dangling_of;
use super::{MeshResource, REPLACED, document, is_pending};
use crate::codes;
use crate::foresight::{PlannedChange, Planner};
use crate::key;
use crate::problem;
use crate::session::{Packed, Session};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::rules::Options;
use meshform_store::Revision;
use tfplugin::resource::{Plan, PlanRequest};
use tfplugin::{Diagnostic, Diagnostics, Value};

impl MeshResource {
    pub(super) async fn finish_plan(&self, session: &Session, request: &PlanRequest, plan: &mut Plan) {
        let mesh = |value: &Value| key::of_value(self.kind, value).map(|key| key.mesh);
        if request.is_update()
            && !plan.requires_replace.is_empty()
            && mesh(&request.prior) == mesh(&plan.planned)
        {
            // Both halves of the replacement are handed it: the first one does not wait for the second, which
            // releases the same mesh.
            plan.private.set(REPLACED, true);
        }
        if let Some(unread) = self.refuse_unread(session, request).await {
            plan.diagnostics.extend(unread);
            return;
        }
        let refused = region::refuse_another(session, request).await;
        plan.diagnostics.extend(refused);
        let planned = &mut plan.planned;
        if request.config.get("tags_all").is_null() {
            let all = session.settings.tags.all(planned.get("tags"));
            planned.set_attr("tags_all", all);
        }
        if self.kind == Kind::Mesh {
            let name = planned.get("name").clone();
            planned.set_attr("id", name);
        }
        if request.is_create() {
            self.foretell(session, plan).await;
        } else if is_pending(&request.private) {
            let key = key::of_value(self.kind, &plan.planned);
            let named = key.map_or_else(|| self.kind.to_string(), |key| key.to_string());
            plan.diagnostics.push(Diagnostic::warning(
                codes::summary(codes::NOT_YET_WRITTEN),
                format!(
                    "The state of {named} comes from another provider, and the store {} does not have it yet. The \
                     apply writes it as the configuration says, with its ARN and id; nothing is replaced.",
                    session.store.place()
                ),
            ));
            self.will_be_written(plan);
        } else if plan.planned != request.prior {
            if document::is_reordered(self.kind, &request.prior, &plan.planned) {
                plan.diagnostics.push(self.reordered(&plan.planned));
            }
            // Also where only the provider's default tags made the difference.
            self.will_be_written(plan);
        } else {
            self.warn_of_broken(session, plan).await;
        }
        if let Some(key) = key::of_value(self.kind, &plan.planned) {
            self.judge(session, request, plan).await;
            let planned = Packed::new(self.terraform().ty(), &plan.planned);
            session.plan(key.clone(), planned);
            let changes = plan.planned != request.prior;
            plan.diagnostics
                .extend(session.warnings(&key.mesh, changes).await);
            if changes {
                plan.diagnostics.extend(session.by_hand(&key.mesh).await);
            }
        }
    }

    /// A plan without a refresh, of a state that this provider never read, would call "no changes" what the store does
    /// not have.
    async fn refuse_unread(&self, session: &Session, request: &PlanRequest) -> Option<Diagnostics> {
        if request.is_create() || is_pending(&request.private) {
            return None;
        }
        if let Err(problems) = self.expect(session, &request.private).await {
            return Some(problems);
        }
        let key = key::of_value(self.kind, &request.prior)?;
        let views = session.registry.views();
        // What a failing store has to say, the rest of the plan tells.
        if views.holds(&key, Some(Revision(1))).await.unwrap_or(true) {
            return None;
        }
        Some(
            problem::absent(format!(
                "The state shows {key}, and the store {} does not have it. The plan was made without looking \
                 (`-refresh=false`), as after a change of the provider or of its `store`. Run `terraform plan` or `apply` once \
                 without `-refresh=false`: then it writes what the store lacks.",
                session.store.place()
            ))
            .into(),
        )
    }

    /// What the plan makes wrong with the mesh, and names that are ids.
    async fn judge(&self, session: &Session, request: &PlanRequest, plan: &mut Plan) {
        let Some(key) = key::of_value(self.kind, &plan.planned) else {
            return;
        };
        let before = key::of_value(self.kind, &request.prior).filter(|before| *before != key);
        if let Some(before) = before {
            self.foresee(session, &before, PlannedChange::Gone).await;
        }
        let planned = if !request.is_create() && plan.planned == request.prior {
            PlannedChange::Unchanged
        } else {
            match document::resource(self.kind, &plan.planned) {
                None => PlannedChange::Unknown,
                Some(resource) => {
                    let found = session.registry.views().misnamed(&resource).await;
                    let found = problem::all_of_resource(self.kind, &found.unwrap_or_default());
                    plan.diagnostics.extend(found);
                    PlannedChange::Written(Box::new(resource))
                }
            }
        };
        plan.diagnostics
            .extend(self.foresee(session, &key, planned).await);
    }

    pub(super) async fn foresee(
        &self,
        session: &Session,
        key: &ResourceKey,
        planned: PlannedChange,
    ) -> Diagnostics {
        let by = Planner {
            views: session.registry.views(),
            owner: &session.settings.owner,
            rules: Options {
                quotas: session.settings.quotas.clone(),
            },
        };
        let found = session.foresight.plan(key, planned, by).await;
        problem::all_of_resource(self.kind, &found)
    }

    /// That an update changes nothing. Terraform holds a plan to the configuration block by block, so blocks that set
    /// different arguments cannot be left in the state's order.
    fn reordered(&self, planned: &Value) -> Diagnostic {
        let key = key::of_value(self.kind, planned);
        let named = key.map_or_else(|| self.kind.to_string(), |key| key.to_string());
        Diagnostic::warning(
            codes::summary(codes::REORDERED),
            format!(
                "The update of {named} changes only how the state lists its blocks: in the order of the \
                 configuration, which has no meaning here, or with empty blocks. The configuration of proxies does \
                 not change. Terraform does not let a provider hide such an update where the blocks set different \
                 arguments; after one apply it no longer appears."
            ),
        )
    }

    /// What every write sets anew is not known before it.
    fn will_be_written(&self, plan: &mut Plan) {
        for name in self.moving.get_or_init(|| crate::schema::moving(self.kind)) {
            plan.planned.set_attr(name.as_str(), Value::UNKNOWN);
        }
    }

    /// What stays as it is and names what is not there keeps the mesh from being valid. What is about to change is
    /// judged when it is written.
    async fn warn_of_broken(&self, session: &Session, plan: &mut Plan) {
        let Some(key) = key::of_value(self.kind, &plan.planned) else {
            return;
        };
        if let Ok(found) = dangling_of(session, &key, None).await {
            plan.diagnostics.extend(found);
        }
    }

    /// What the store will give a new resource, where that is certain: it exists, so its account is known.
    async fn foretell(&self, session: &Session, plan: &mut Plan) {
        let identity = match session.identity().await {
            Ok(Some(identity)) => identity,
            Ok(None) => return,
            // Told once: every new resource would say the same.
            Err(problems) if session.first_time("store".to_owned()) => {
                return plan.diagnostics.extend(problems);
            }
            Err(_) => return,
        };
        let Some(key) = key::of_value(self.kind, &plan.planned) else {
            return;
        };
        if plan.planned.get(REGION).is_unknown() {
            plan.planned.set_attr(REGION, identity.seed.region());
        }
        let account = identity.seed.account();
        let given = plan.planned.get("mesh_owner");
        // A resource in another account's mesh: the store says who owns it.
        if given.as_str().is_some_and(|owner| owner != account) {
            return;
        }
        for (name, text) in [
            ("arn", identity.seed.arn(account, &key)),
            ("resource_owner", account.to_owned()),
            ("mesh_owner", account.to_owned()),
        ] {
            if plan.planned.get(name).is_unknown() {
                plan.planned.set_attr(name, text);
            }
        }
    }
}
