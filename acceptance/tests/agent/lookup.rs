//! Cloud Map's operations, as an administrator or ECS calls them, on moto.

use crate::moto::Moto;
use meshform_acceptance::http::Client;
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

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
    let body = asked.to_string();
    let scope = "20260101/us-east-1/servicediscovery/aws4_request";
    let request = format!(
        "POST / HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/x-amz-json-1.1\r\n\
         x-amz-target: Route53AutoNaming_v20170314.{operation}\r\n\
         authorization: AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/{scope}, SignedHeaders=host, Signature=0\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n{body}",
        host = moto.address(),
        length = body.len()
    );
    let mut stream = TcpStream::connect(moto.address()).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(" 200 "), "{operation}: {answer}");
    serde_json::from_str(body).unwrap_or_default()
}

/// What answers at an address.
pub(crate) fn answers_at(address: std::net::SocketAddr, host: &str) -> Option<String> {
    let answer = Client::new(address).get(host, "/", &[]).ok()?;
    (answer.status == 200).then(|| answer.service().to_owned())
}
