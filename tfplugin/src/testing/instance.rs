//! One instance of a resource, taken through its life as Terraform does it.

use std::sync::Arc;

use super::client::{Client, Error, Stored, capabilities, read_diagnostics, read_path, refuse, write_value};
use super::proposed::proposed;
use crate::r#gen::tfplugin6 as pb;
use crate::schema::{IdentitySchema, Schema};
use crate::server::contract;
use crate::value::Value;
use crate::value::json;
use crate::wire::read_value;
use crate::{Diagnostics, Path};

/// What Terraform would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Nothing.
    None,
    /// Make the object.
    Create,
    /// Change it.
    Update,
    /// Remove it and make it anew.
    Replace,
    /// Remove it.
    Delete,
}

/// A plan.
#[derive(Debug, Clone)]
pub struct Planned {
    /// What Terraform would do.
    pub action: Action,
    /// The planned state.
    pub state: Value,
    /// The places whose change makes a new object.
    pub requires_replace: Vec<Path>,
    /// Warnings.
    pub diagnostics: Diagnostics,
    pub(super) private: Vec<u8>,
    pub(super) identity: Option<Value>,
}

/// One instance of a resource.
#[derive(Debug, Clone)]
pub struct Instance {
    client: Client,
    type_name: String,
    schema: Arc<Schema>,
    identity: Option<Arc<IdentitySchema>>,
    stored: Stored,
    warnings: Diagnostics,
}

type Sent = Option<pb::DynamicValue>;

impl Instance {
    pub(super) fn new(
        client: Client,
        type_name: &str,
        schema: Arc<Schema>,
        identity: Option<Arc<IdentitySchema>>,
    ) -> Self {
        let (stored, warnings) = (Stored::default(), Diagnostics::new());
        Self {
            client,
            type_name: type_name.to_owned(),
            schema,
            identity,
            stored,
            warnings,
        }
    }

    /// Its type.
    pub fn type_name(&self) -> &str {
        &self.type_name
    }

    /// What Terraform would keep of it.
    pub fn stored(&self) -> &Stored {
        &self.stored
    }

    /// Its state.
    pub fn state(&self) -> &Value {
        &self.stored.state
    }

    /// The warnings so far.
    pub fn warnings(&self) -> &Diagnostics {
        &self.warnings
    }

    /// Its schema as the provider published it.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    fn send(&self, value: &Value) -> Result<Sent, Error> {
        Ok(Some(write_value(self.schema.ty(), value)?))
    }

    fn receive(&self, value: Sent) -> Result<Value, Error> {
        Ok(read_value(self.schema.ty(), value.as_ref())?)
    }

    fn send_identity(&self, value: Option<&Value>) -> Result<Option<pb::ResourceIdentityData>, Error> {
        let (Some(schema), Some(value)) = (&self.identity, value) else {
            return Ok(None);
        };
        Ok(Some(pb::ResourceIdentityData {
            identity_data: Some(write_value(schema.ty(), value)?),
        }))
    }

    fn receive_identity(&self, data: Option<pb::ResourceIdentityData>) -> Result<Option<Value>, Error> {
        let Some(data) = data.and_then(|data| data.identity_data) else {
            return Ok(None);
        };
        let schema = self.identity.as_ref();
        let schema = schema.ok_or_else(|| Error::Breach("an identity without an identity schema".into()))?;
        Ok(Some(read_value(schema.ty(), Some(&data))?))
    }

    /// Validates a configuration.
    ///
    /// # Errors
    /// When the provider refuses it.
    pub async fn validate(&self, config: &Value) -> Result<Diagnostics, Error> {
        let config = self.schema.conform(config.clone())?;
        let request = pb::validate_resource_config::Request {
            type_name: self.type_name.clone(),
            config: self.send(&config)?,
            client_capabilities: Some(capabilities()),
        };
        let answer = self
            .client
            .protocol()
            .validate_resource_config(request)
            .await?
            .into_inner();
        refuse(read_diagnostics(answer.diagnostics))
    }

    /// Validates and plans a configuration; null plans the removal.
    ///
    /// # Errors
    /// When the provider refuses, or its plan breaks Terraform's rules.
    pub async fn plan(&self, config: &Value) -> Result<Planned, Error> {
        let config = self.schema.conform(config.clone())?;
        if !config.is_null() {
            self.validate(&config).await?;
        }
        let prior = self.stored.clone();
        let mut planned = self.plan_from(&prior, &config).await?;
        if planned.action == Action::Replace {
            // Terraform asks again, as if there had been nothing, but with what the first plan kept.
            let fresh = Stored {
                private: planned.private.clone(),
                ..Stored::default()
            };
            let create = self.plan_from(&fresh, &config).await?;
            planned = Planned {
                action: Action::Replace,
                requires_replace: planned.requires_replace,
                ..create
            };
        }
        Ok(planned)
    }

    async fn plan_from(&self, prior: &Stored, config: &Value) -> Result<Planned, Error> {
        let proposed = proposed(&self.schema, &prior.state, config);
        let request = pb::plan_resource_change::Request {
            type_name: self.type_name.clone(),
            prior_state: self.send(&prior.state)?,
            proposed_new_state: self.send(&proposed)?,
            config: self.send(config)?,
            prior_private: prior.private.clone(),
            prior_identity: self.send_identity(prior.identity.as_ref())?,
            client_capabilities: Some(capabilities()),
            ..Default::default()
        };
        let answer = self
            .client
            .protocol()
            .plan_resource_change(request)
            .await?
            .into_inner();
        let diagnostics = refuse(read_diagnostics(answer.diagnostics))?;
        let state = self.receive(answer.planned_state)?;
        if answer.legacy_type_system {
            return Err(Error::Breach("the plan asks for the rules of old SDKs".into()));
        }
        breach(contract::plan(self.schema.root(), &prior.state, config, &state))?;
        let requires_replace: Vec<Path> = answer.requires_replace.iter().map(read_path).collect();
        for path in &requires_replace {
            if prior.state.at(path).is_none() && state.at(path).is_none() {
                return Err(Error::Breach(format!(
                    "replacement because of `{path}`, which is nowhere"
                )));
            }
        }
        let replaces = requires_replace
            .iter()
            .any(|path| prior.state.at(path) != state.at(path));
        let action = match (prior.state.is_null(), state.is_null()) {
            (true, true) => Action::None,
            (true, false) => Action::Create,
            (false, true) => Action::Delete,
            (false, false) if prior.state == state => Action::None,
            (false, false) if replaces => Action::Replace,
            (false, false) => Action::Update,
        };
        let identity = self.receive_identity(answer.planned_identity)?;
        Ok(Planned {
            action,
            state,
            requires_replace,
            diagnostics,
            private: answer.planned_private,
            identity,
        })
    }

    /// Plans and applies a configuration; null removes the object. What the provider returned is kept, also
    /// when it failed.
    ///
    /// # Errors
    /// When the provider refuses or fails, or breaks Terraform's rules.
    pub async fn apply(&mut self, config: &Value) -> Result<&Value, Error> {
        let config = self.schema.conform(config.clone())?;
        let planned = self.plan(&config).await?;
        self.warnings.extend(planned.diagnostics.clone());
        match planned.action {
            Action::None => return Ok(&self.stored.state),
            Action::Replace => {
                let gone = Planned {
                    state: Value::Null,
                    ..planned.clone()
                };
                self.apply_one(&Value::Null, &gone).await?;
                let fresh = self.plan(&config).await?;
                self.apply_one(&config, &fresh).await?;
            }
            Action::Create | Action::Update | Action::Delete => self.apply_one(&config, &planned).await?,
        }
        Ok(&self.stored.state)
    }

    async fn apply_one(&mut self, config: &Value, planned: &Planned) -> Result<(), Error> {
        let request = pb::apply_resource_change::Request {
            type_name: self.type_name.clone(),
            prior_state: self.send(&self.stored.state)?,
            planned_state: self.send(&planned.state)?,
            config: self.send(config)?,
            planned_private: planned.private.clone(),
            planned_identity: self.send_identity(planned.identity.as_ref())?,
            provider_meta: None,
        };
        let answer = self
            .client
            .protocol()
            .apply_resource_change(request)
            .await?
            .into_inner();
        let found = read_diagnostics(answer.diagnostics);
        let state = self.receive(answer.new_state)?;
        if !(found.has_errors() && state.is_null()) {
            let identity = self.receive_identity(answer.new_identity)?;
            self.stored = Stored {
                state,
                private: answer.private,
                identity,
            };
        }
        self.warnings.extend(refuse(found)?);
        if let Some(path) = self.stored.state.unknown_paths().first() {
            return Err(Error::Breach(format!("`{path}` is unknown after apply")));
        }
        breach(contract::result(
            self.schema.root(),
            &planned.state,
            &self.stored.state,
        ))
    }

    /// Upgrades and reads the stored state, as the next run of Terraform would.
    ///
    /// # Errors
    /// When the provider refuses.
    pub async fn refresh(&mut self) -> Result<&Value, Error> {
        let version = self.schema.current_version();
        let stored = json::to_string(&self.stored.state);
        self.stored.state = self.upgrade(version, stored.as_bytes()).await?;
        let request = pb::read_resource::Request {
            type_name: self.type_name.clone(),
            current_state: self.send(&self.stored.state)?,
            private: self.stored.private.clone(),
            provider_meta: None,
            client_capabilities: Some(capabilities()),
            current_identity: self.send_identity(self.stored.identity.as_ref())?,
        };
        let answer = self.client.protocol().read_resource(request).await?.into_inner();
        self.warnings
            .extend(refuse(read_diagnostics(answer.diagnostics))?);
        let state = self.receive(answer.new_state)?;
        if !state.is_wholly_known() {
            return Err(Error::Breach("a state that was read has unknown parts".into()));
        }
        let identity = self.receive_identity(answer.new_identity)?;
        self.stored = Stored {
            state,
            private: answer.private,
            identity,
        };
        Ok(&self.stored.state)
    }

    /// Brings a stored state to the current schema.
    ///
    /// # Errors
    /// When the provider refuses.
    pub async fn upgrade(&self, version: i64, stored: &[u8]) -> Result<Value, Error> {
        let request = pb::upgrade_resource_state::Request {
            type_name: self.type_name.clone(),
            version,
            raw_state: Some(pb::RawState {
                json: stored.to_vec(),
                ..Default::default()
            }),
        };
        let answer = self
            .client
            .protocol()
            .upgrade_resource_state(request)
            .await?
            .into_inner();
        refuse(read_diagnostics(answer.diagnostics))?;
        self.receive(answer.upgraded_state)
    }

    /// Brings a stored identity to the current identity schema.
    ///
    /// # Errors
    /// When the provider refuses.
    pub async fn upgrade_identity(&self, version: i64, stored: &[u8]) -> Result<Value, Error> {
        let request = pb::upgrade_resource_identity::Request {
            type_name: self.type_name.clone(),
            version,
            raw_identity: Some(pb::RawState {
                json: stored.to_vec(),
                ..Default::default()
            }),
        };
        let mut protocol = self.client.protocol();
        let answer = protocol.upgrade_resource_identity(request).await?.into_inner();
        refuse(read_diagnostics(answer.diagnostics))?;
        let identity = self.receive_identity(answer.upgraded_identity)?;
        identity.ok_or_else(|| Error::Breach("no identity came back".into()))
    }

    /// Takes over an object by id, and reads it.
    ///
    /// # Errors
    /// When the provider refuses, or the object is not there.
    pub async fn import(&mut self, id: &str) -> Result<&Value, Error> {
        self.import_by(id, None).await
    }

    /// Takes over an object by identity, and reads it.
    ///
    /// # Errors
    /// When the provider refuses, or the object is not there.
    pub async fn import_identity(&mut self, identity: &Value) -> Result<&Value, Error> {
        self.import_by("", Some(identity)).await
    }

    async fn import_by(&mut self, id: &str, identity: Option<&Value>) -> Result<&Value, Error> {
        let identity = match (identity, &self.identity) {
            (Some(identity), Some(schema)) => Some(schema.conform(identity.clone())?),
            (identity, _) => identity.cloned(),
        };
        let request = pb::import_resource_state::Request {
            type_name: self.type_name.clone(),
            id: id.to_owned(),
            client_capabilities: Some(capabilities()),
            identity: self.send_identity(identity.as_ref())?,
        };
        let answer = self
            .client
            .protocol()
            .import_resource_state(request)
            .await?
            .into_inner();
        self.warnings
            .extend(refuse(read_diagnostics(answer.diagnostics))?);
        let [one] = <[_; 1]>::try_from(answer.imported_resources)
            .map_err(|all| Error::Breach(format!("an import gave {} objects", all.len())))?;
        if one.type_name != self.type_name {
            return Err(Error::Breach(format!("an import gave a `{}`", one.type_name)));
        }
        let state = self.receive(one.state)?;
        if state.is_null() {
            return Err(Error::Breach("an import gave a null state".into()));
        }
        self.stored = Stored {
            state,
            private: one.private,
            identity: self.receive_identity(one.identity)?,
        };
        self.refresh().await?;
        if self.stored.state.is_null() {
            return Err(Error::Broken("there is no such object".into()));
        }
        Ok(&self.stored.state)
    }

    /// Takes over a state of another type or provider, and reads it.
    ///
    /// # Errors
    /// When the provider refuses.
    pub async fn move_from(
        &mut self,
        provider: &str,
        type_name: &str,
        version: i64,
        stored: &[u8],
    ) -> Result<&Value, Error> {
        let request = pb::move_resource_state::Request {
            source_provider_address: provider.to_owned(),
            source_type_name: type_name.to_owned(),
            source_schema_version: version,
            source_state: Some(pb::RawState {
                json: stored.to_vec(),
                ..Default::default()
            }),
            target_type_name: self.type_name.clone(),
            ..Default::default()
        };
        let answer = self
            .client
            .protocol()
            .move_resource_state(request)
            .await?
            .into_inner();
        self.warnings
            .extend(refuse(read_diagnostics(answer.diagnostics))?);
        let state = self.receive(answer.target_state)?;
        let identity = self.receive_identity(answer.target_identity)?;
        self.stored = Stored {
            state,
            private: answer.target_private,
            identity,
        };
        self.refresh().await
    }

    /// A configuration that could have made the object.
    ///
    /// # Errors
    /// When the provider refuses.
    pub async fn generate_config(&self) -> Result<Value, Error> {
        let state = self.send(&self.stored.state)?;
        let request = pb::generate_resource_config::Request {
            type_name: self.type_name.clone(),
            state,
        };
        let answer = self
            .client
            .protocol()
            .generate_resource_config(request)
            .await?
            .into_inner();
        refuse(read_diagnostics(answer.diagnostics))?;
        self.receive(answer.config)
    }

    /// Replaces the stored state, as if somebody had edited the state file.
    pub fn set_state(&mut self, state: Value) {
        self.stored.state = state;
    }
}

fn breach(found: Vec<contract::Breach>) -> Result<(), Error> {
    match found.first() {
        Some(one) => Err(Error::Breach(format!("`{}` {}", one.path, one.what))),
        None => Ok(()),
    }
}
