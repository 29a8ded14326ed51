//! What CloudFormation is told of a custom resource.

use crate::event::CustomRequest;
use meshform_compiler::frontend::codes::NO_NAME;
use meshform_model::diag::{Diagnostic, Notation};
use meshform_model::dialect::{self, Dialect};
use meshform_model::help;
use meshform_model::kind::Kind;
use serde_json::{Map, Value as Json, json};

/// CloudFormation takes no longer answer.
const MAX_BYTES: usize = 4096;

/// What stands where a text was cut.
const CUT: &str = " … (the whole text is in the function's log)";

/// The attribute that says what became of the release.
pub(crate) const RELEASE: &str = "Release";

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) failed: bool,
    pub(crate) reason: String,
    pub(crate) physical_id: String,
    /// What `Fn::GetAtt` gives of the resource.
    pub(crate) attributes: Map<String, Json>,
}

impl Answer {
    /// The answer in at most as many bytes as CloudFormation takes: first the reason is cut, then attributes go that the
    /// resource can do without.
    pub(crate) fn body(&self, request: &CustomRequest) -> String {
        let mut cut = self.clone();
        let mut body = cut.json(request);
        let mut length = cut.reason.chars().count();
        while body.len() > MAX_BYTES && length > 0 {
            // A character takes six bytes at most (`\u0001`), so that no more goes than has to.
            length -= (body.len() - MAX_BYTES).div_ceil(6).min(length);
            cut.reason = self.reason.chars().take(length).collect();
            cut.reason.push_str(CUT);
            body = cut.json(request);
        }
        for name in [RELEASE, "Id"] {
            if body.len() > MAX_BYTES {
                cut.attributes.remove(name);
                body = cut.json(request);
            }
        }
        body
    }

    fn json(&self, request: &CustomRequest) -> String {
        let status = if self.failed { "FAILED" } else { "SUCCESS" };
        json!({
            "Status": status,
            "Reason": self.reason,
            "PhysicalResourceId": self.physical_id,
            "StackId": request.stack_id,
            "RequestId": request.request_id,
            "LogicalResourceId": request.logical_resource_id,
            "NoEcho": request.is_secret(),
            "Data": self.attributes,
        })
        .to_string()
    }
}

/// Problems as the events of a stack show them: one a line, with the names that templates have for a resource of that kind.
/// Where a value is secret, only which rule was broken where.
pub(crate) fn told(problems: &[Diagnostic], kind: Option<Kind>, secret: bool) -> String {
    let lines = problems.iter().map(|problem| {
        let place = problem.places.first().map(|place| match kind {
            Some(kind) => dialect::path(kind, &place.pointer, Dialect::CloudFormation).to_string(),
            None => place.pointer.to_string(),
        });
        let place = place.filter(|place| !place.is_empty());
        let at = place.map(|place| format!(" at {place}")).unwrap_or_default();
        let words = help::told(problem, Notation::CloudFormationYaml);
        // Nobody gives options here.
        let help = words.whole_help().map(|help| match problem.code == NO_NAME {
            true => "write it among the properties".to_owned(),
            false => help.to_string(),
        });
        match (secret, help) {
            (true, _) => format!(
                "[{}]{at}: not shown, because a NoEcho parameter is among the values",
                problem.code
            ),
            (false, Some(help)) => format!("[{}]{at}: {}. Help: {help}", problem.code, words.message),
            (false, None) => format!("[{}]{at}: {}", problem.code, words.message),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::RequestType;

    fn request() -> CustomRequest {
        CustomRequest {
            request_type: RequestType::Create,
            response_url: "https://x".to_owned(),
            stack_id: "s".repeat(200),
            request_id: "r".repeat(36),
            resource_type: "Custom::AppMeshRoute".to_owned(),
            logical_resource_id: "l".repeat(255),
            physical_resource_id: None,
            resource_properties: json!({}),
            old_resource_properties: Json::Null,
        }
    }

    #[test]
    fn an_answer_of_any_length_fits_and_keeps_what_counts() {
        for letter in ["x", "\"", "é", "\u{1}"] {
            let answer = Answer {
                failed: true,
                reason: letter.repeat(10_000),
                physical_id: "p".repeat(1024),
                attributes: Map::new(),
            };
            let body = answer.body(&request());
            assert!(body.len() <= MAX_BYTES && body.len() > 3000, "{}", body.len());
            let json: Json = serde_json::from_str(&body).unwrap();
            assert!(json["Reason"].as_str().unwrap().ends_with(CUT));
        }
        let long = json!("n".repeat(880));
        let attributes = ["Arn", "Id", "RouteName", RELEASE].map(|name| (name.to_owned(), long.clone()));
        let answer = Answer {
            failed: false,
            reason: "y".repeat(100),
            physical_id: "p".repeat(880),
            attributes: attributes.into_iter().collect(),
        };
        let body = answer.body(&request());
        assert!(body.len() <= MAX_BYTES, "{}", body.len());
        let json: Json = serde_json::from_str(&body).unwrap();
        assert_eq!(json["Data"]["Arn"], long);
        assert_eq!(json["Data"].get(RELEASE), None);
    }

    #[test]
    fn a_secret_is_not_told() {
        let problem = Diagnostic::error(crate::codes::EVENT, "`hunter2` is no port").help("not hunter2");
        assert!(told(std::slice::from_ref(&problem), None, false).contains("hunter2"));
        assert!(!told(&[problem], None, true).contains("hunter2"));
    }
}
