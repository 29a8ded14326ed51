//! The macro: a template comes, the same template with custom resources goes back.

use crate::answer::told;
use crate::codes;
use crate::event::MacroRequest;
use meshform_compiler::frontend::{self, Input, Options};
use meshform_compiler::stack::{self, Custom};
use meshform_model::diag::Diagnostic;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

const SUFFIX: &str = "Suffix";

/// The answer to a request. `function` is this function's ARN, which becomes the custom resources' `ServiceToken`.
pub(crate) fn rewrite(request: &MacroRequest, function: &str) -> Json {
    match rewritten(request, function) {
        Ok(fragment) => json!({"requestId": request.request_id, "status": "success", "fragment": fragment}),
        Err(message) => {
            tracing::error!(message, "the template is refused");
            json!({"requestId": request.request_id, "status": "failure", "errorMessage": message})
        }
    }
}

fn rewritten(request: &MacroRequest, function: &str) -> Result<Json, String> {
    let told = |problems: Vec<Diagnostic>| told(&problems, None, false);
    let suffix = suffix(request).map_err(|problem| told(vec![problem]))?;
    let how = Custom {
        service_token: json!(function),
        suffix: &suffix,
    };
    let rewritten = stack::custom(&request.fragment, &how).map_err(told)?;
    match wrong(request) {
        Some(message) => Err(message),
        None => Ok(rewritten),
    }
}

/// The suffix of the macro's parameter, else that of the template's metadata: a macro of the section `Transform` gets no
/// parameters.
fn suffix(request: &MacroRequest) -> Result<String, Diagnostic> {
    if let Some(other) = request.params.keys().find(|name| *name != SUFFIX) {
        let message = format!("the macro has no parameter `{other}`");
        return Err(
            Diagnostic::error(codes::EVENT, message).help(format!("its only parameter is `{SUFFIX}`"))
        );
    }
    match request.params.get(SUFFIX) {
        Some(Json::String(text)) => Ok(text.clone()),
        Some(_) => {
            let message = format!("`{SUFFIX}` is not a text");
            Err(Diagnostic::error(codes::EVENT, message).help(format!("write it out: `{SUFFIX}: V2`")))
        }
        None => stack::suffix(&request.fragment),
    }
}

/// What is wrong with the resources of the mesh, as far as it can be told before CloudFormation has worked expressions
/// out: better now than in the midst of an update.
fn wrong(request: &MacroRequest) -> Option<String> {
    let options = Options {
        parameters: parameters(request),
        ..Options::default()
    };
    let input = Input {
        name: "template.json".to_owned(),
        bytes: open(&request.fragment).to_string().into_bytes(),
        named: true,
    };
    let reading = frontend::read(vec![input], &options);
    let is_wrong = |problem: &&Diagnostic| problem.is_error() && problem.code != frontend::codes::NO_VALUE;
    let mut lines = Vec::new();
    for found in &reading.found {
        let problems = found.problems.iter().filter(is_wrong).cloned();
        let problems: Vec<Diagnostic> = problems.collect();
        if !problems.is_empty() {
            lines.push(format!(
                "{}: {}",
                found.label,
                told(&problems, Some(found.kind), false)
            ));
        }
    }
    let whole: Vec<Diagnostic> = reading.problems.iter().filter(is_wrong).cloned().collect();
    if !whole.is_empty() {
        lines.push(told(&whole, None, false));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// The template without the defaults of parameters that nobody may see.
fn open(template: &Json) -> Json {
    let mut open = template.clone();
    for name in stack::secret_parameters(template) {
        let parameter = open.get_mut("Parameters").and_then(|all| all.get_mut(&name));
        if let Some(Json::Object(parameter)) = parameter {
            parameter.remove("Default");
        }
    }
    open
}

/// The values of the template's parameters, but for those that nobody may see: problems quote values.
fn parameters(request: &MacroRequest) -> BTreeMap<String, String> {
    let text = |value: &Json| match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(one) => Some(one.to_string()),
        Json::Array(list) => {
            let items: Option<Vec<&str>> = list.iter().map(Json::as_str).collect();
            Some(items?.join(","))
        }
        _ => None,
    };
    let secret = stack::secret_parameters(&request.fragment);
    let values = request.template_parameter_values.iter();
    let open = values.filter(|(name, _)| !secret.contains(*name));
    open.filter_map(|(name, value)| Some((name.clone(), text(value)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(fragment: Json, params: Json) -> MacroRequest {
        MacroRequest {
            request_id: "r".to_owned(),
            fragment,
            params: params.as_object().cloned().unwrap_or_default(),
            template_parameter_values: serde_json::from_value(json!({"Port": "80", "Names": ["a", "b"]}))
                .unwrap(),
        }
    }

    fn node(port: Json) -> Json {
        json!({"Parameters": {"Port": {"Type": "Number"}}, "Resources": {"Node": {"Type": "AWS::AppMesh::VirtualNode",
            "Properties": {"MeshName": "apps", "VirtualNodeName": "n",
                "Spec": {"Listeners": [{"PortMapping": {"Port": port, "Protocol": "http"}}]}}}}})
    }

    #[test]
    fn a_template_comes_back_with_this_function_as_its_token() {
        let answer = rewrite(
            &request(node(json!({"Ref": "Port"})), json!({"Suffix": "V2"})),
            "arn:f",
        );
        assert_eq!(answer["status"], "success", "{answer}");
        let made = &answer["fragment"]["Resources"]["NodeV2"];
        assert_eq!(made["Type"], "Custom::AppMeshVirtualNode");
        assert_eq!(made["Properties"]["ServiceToken"], "arn:f");
    }

    #[test]
    fn the_default_of_a_parameter_that_nobody_may_see_is_not_told() {
        let mut secret = node(json!({"Ref": "Port"}));
        secret["Parameters"]["Port"] = json!({"Type": "String", "Default": "hunter2"});
        let mut said = |no_echo: bool| {
            secret["Parameters"]["Port"]["NoEcho"] = json!(no_echo);
            let mut request = request(secret.clone(), json!({}));
            request.template_parameter_values.clear();
            rewrite(&request, "arn:f")
        };
        assert!(said(false)["errorMessage"].as_str().unwrap().contains("hunter2"));
        assert_eq!(said(true)["status"], "success");
    }

    #[test]
    fn what_is_wrong_is_told_before_anything_is_deployed() {
        let said = |fragment: Json, params: Json| {
            let answer = rewrite(&request(fragment, params), "arn:f");
            assert_eq!(
                (&answer["status"], answer.get("fragment")),
                (&json!("failure"), None)
            );
            answer["errorMessage"].as_str().unwrap().to_owned()
        };
        let port = said(node(json!("no port")), json!({}));
        assert!(
            port.contains("Node: [MF01") && port.contains("/Spec/Listeners/0/PortMapping/Port"),
            "{port}"
        );
        let parameter = said(node(json!(80)), json!({"suffix": "V2"}));
        assert!(parameter.contains("no parameter `suffix`"), "{parameter}");
        let none = said(json!({"Resources": {}}), json!({}));
        assert!(none.contains("MF0971"), "{none}");
    }
}
