//! Cloud Map's operations, as an administrator or ECS calls them, on moto.

use crate::moto::{JsonService, Moto};
use meshform_acceptance::http::Client;
use serde_json::{Value, json};

/// One service in one namespace.
pub(crate) struct Registry<'a> {
    moto: &'a Moto,
    service: String,
}

impl<'a> Registry<'a> {
    /// Makes `api` in `apps.local`.
    pub(crate) fn new(moto: &'a Moto) -> Self {
        Self::of(moto, "apps.local", "api")
    }

    /// Makes a service in a namespace, which is made where it is not there.
    pub(crate) fn of(moto: &'a Moto, namespace: &str, service: &str) -> Self {
        let asked = json!({"Name": service, "NamespaceId": namespace_id(moto, namespace),
            "HealthCheckCustomConfig": {"FailureThreshold": 1}});
        let service = call(moto, "CreateService", &asked);
        Self {
            moto,
            service: service["Service"]["Id"].as_str().unwrap().to_owned(),
        }
    }

    pub(crate) fn register(&self, id: &str, attributes: &Value) {
        let asked = json!({"ServiceId": self.service, "InstanceId": id, "Attributes": attributes});
        call(self.moto, "RegisterInstance", &asked);
    }

    pub(crate) fn deregister(&self, id: &str) {
        let asked = json!({"ServiceId": self.service, "InstanceId": id});
        call(self.moto, "DeregisterInstance", &asked);
    }

    /// As ECS does it for a container's health.
    pub(crate) fn health(&self, id: &str, status: &str) {
        let asked = json!({"ServiceId": self.service, "InstanceId": id, "Status": status});
        call(self.moto, "UpdateInstanceCustomHealthStatus", &asked);
    }
}

fn namespace_id(moto: &Moto, name: &str) -> Value {
    let known = call(moto, "ListNamespaces", &json!({}));
    let mut known = known["Namespaces"].as_array().into_iter().flatten();
    if let Some(namespace) = known.find(|namespace| namespace["Name"] == name) {
        return namespace["Id"].clone();
    }
    let made = call(moto, "CreateHttpNamespace", &json!({"Name": name}));
    let operation = call(moto, "GetOperation", &json!({"OperationId": made["OperationId"]}));
    operation["Operation"]["Targets"]["NAMESPACE"].clone()
}

fn call(moto: &Moto, operation: &str, asked: &Value) -> Value {
    moto.call(JsonService::CLOUD_MAP, operation, asked)
}

/// What answers at an address.
pub(crate) fn answers_at(address: std::net::SocketAddr, host: &str) -> Option<String> {
    let answer = Client::new(address).get(host, "/", &[]).ok()?;
    (answer.status == 200).then(|| answer.service().to_owned())
}
