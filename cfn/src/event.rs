//! What Lambda hands over: a request of a custom resource, a request of the macro, or the schedule's event.

use crate::codes;
use meshform_model::arn::Arn;
use meshform_model::diag::Diagnostic;
use meshform_model::validate::readable;
use serde::Deserialize;
use serde_json::{Map, Value as Json};

#[derive(Debug)]
pub(crate) enum Event {
    Custom(Box<CustomRequest>),
    Macro(Box<MacroRequest>),
    Schedule,
}

/// What CloudFormation wants of a custom resource.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CustomRequest {
    pub(crate) request_type: RequestType,
    #[serde(rename = "ResponseURL")]
    pub(crate) response_url: String,
    pub(crate) stack_id: String,
    pub(crate) request_id: String,
    pub(crate) resource_type: String,
    pub(crate) logical_resource_id: String,
    #[serde(default)]
    pub(crate) physical_resource_id: Option<String>,
    #[serde(default)]
    pub(crate) resource_properties: Json,
    #[serde(default)]
    pub(crate) old_resource_properties: Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum RequestType {
    Create,
    Update,
    Delete,
}

/// A template that is to be rewritten.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MacroRequest {
    pub(crate) request_id: String,
    pub(crate) fragment: Json,
    #[serde(default)]
    pub(crate) params: Map<String, Json>,
    #[serde(default)]
    pub(crate) template_parameter_values: Map<String, Json>,
}

/// What an event's bytes say.
pub(crate) fn read(bytes: &[u8]) -> Result<Event, Diagnostic> {
    let json: Json = serde_json::from_slice(bytes).map_err(|error| malformed(&error.to_string()))?;
    let has = |name: &str| json.get(name).is_some();
    if has("RequestType") && has("ResponseURL") {
        let request: CustomRequest = typed(json)?;
        if !is_address(&request.response_url) {
            return Err(malformed("`ResponseURL` is not an `https` address"));
        }
        // The owner comes of it, and is told from others by how it reads.
        readable(&request.owner()).map_err(|why| malformed(&format!("`StackId` cannot be used: {why}")))?;
        return Ok(Event::Custom(Box::new(request)));
    }
    if has("fragment") && has("transformId") {
        return Ok(Event::Macro(Box::new(typed(json)?)));
    }
    match json.get("source").and_then(Json::as_str) {
        Some("aws.events" | "aws.scheduler") => Ok(Event::Schedule),
        _ => Err(malformed(
            "it is neither a request of CloudFormation nor an event of the schedule",
        )),
    }
}

fn typed<T: serde::de::DeserializeOwned>(json: Json) -> Result<T, Diagnostic> {
    serde_json::from_value(json).map_err(|error| malformed(&error.to_string()))
}

/// An answer has names of the mesh in it: it goes by TLS, or stays on this machine.
fn is_address(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://127.0.0.1:")
}

fn malformed(why: &str) -> Diagnostic {
    Diagnostic::error(codes::EVENT, format!("the event cannot be served: {why}")).help(
        "the function is called by CloudFormation, for `Transform: Meshform` and as `ServiceToken` of custom resources, and by \
         its own schedule",
    )
}

// === impl CustomRequest ===

impl CustomRequest {
    /// The owner of what the stack writes. No two stacks of an account and region have one name at the same time.
    pub(crate) fn owner(&self) -> String {
        match Arn::parse(&self.stack_id) {
            Some(arn) => {
                let name = arn.resource.split('/').nth(1).unwrap_or(arn.resource);
                format!("cloudformation:{}:{}:{name}", arn.account, arn.region)
            }
            None => format!("cloudformation:{}", self.stack_id),
        }
    }

    /// What tells the request from all others: CloudFormation says that its id does so together with the stack's.
    pub(crate) fn unique_id(&self) -> String {
        format!("{} {}", self.stack_id, self.request_id)
    }

    /// Whether a value of the properties came from a parameter that nobody may see.
    pub(crate) fn is_secret(&self) -> bool {
        match self.resource_properties.get(meshform_compiler::stack::NO_ECHO) {
            Some(Json::Bool(said)) => *said,
            Some(Json::String(said)) => said.eq_ignore_ascii_case("true"),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn events_are_told_apart_and_others_refused() {
        let read = |json: Json| super::read(json.to_string().as_bytes());
        let custom = json!({"RequestType": "Create", "ResponseURL": "https://x/y", "RequestId": "1", "ResourceType": "Custom::X",
            "StackId": "arn:aws:cloudformation:eu-west-1:123456789012:stack/shop/0a1b", "LogicalResourceId": "A"});
        let Event::Custom(request) = read(custom.clone()).unwrap() else {
            panic!("not a custom resource's");
        };
        assert_eq!(request.owner(), "cloudformation:123456789012:eu-west-1:shop");
        let mut plain = custom.clone();
        plain["ResponseURL"] = json!("http://example.com/x");
        assert_eq!(read(plain).unwrap_err().code, codes::EVENT);
        let mut turned = custom.clone();
        turned["StackId"] = json!("arn:aws:cloudformation:eu-west-1:123456789012:stack/\u{202e}pohs/0a1b");
        assert_eq!(read(turned).unwrap_err().code, codes::EVENT);
        let mut unknown = custom;
        unknown["RequestType"] = json!("Read");
        assert_eq!(read(unknown).unwrap_err().code, codes::EVENT);
        assert!(matches!(
            read(json!({"source": "aws.events"})),
            Ok(Event::Schedule)
        ));
        let rewritten = json!({"fragment": {}, "transformId": "1::Meshform", "requestId": "r"});
        assert!(matches!(read(rewritten), Ok(Event::Macro(_))));
        for other in [json!({}), json!([]), json!({"Records": []})] {
            assert_eq!(read(other).unwrap_err().code, codes::EVENT);
        }
        assert_eq!(super::read(b"\xff").unwrap_err().code, codes::EVENT);
    }
}
