//! Whole templates of stacks for CloudFormation to take again: with custom resources, retained, or without the mesh.

use super::super::load::Loaded;
use meshform_compiler::cloudformation::{self, codes};
use meshform_compiler::stack::{self, Custom};
use meshform_model::diag::{Diagnostic, Severity};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

/// The export of the stack that runs `meshform-cfn`, as its template has it.
const SERVICE_TOKEN: &str = "meshform-cfn";

/// What to do with a stack as a whole.
#[derive(Debug, clap::Args)]
pub(super) struct StackArguments {
    /// Keep the whole template, with custom resources in the place of `AWS::AppMesh::*`: what the macro makes of it
    #[arg(long, group = "stack")]
    custom: bool,
    /// Keep the whole template, and have CloudFormation leave the mesh's resources alone when they go: the first step
    /// out of a stack that cannot be updated any more
    #[arg(long, group = "stack")]
    retain: bool,
    /// Keep the whole template without the mesh's resources; what refers to them gets their values written out: the
    /// second step
    #[arg(long, group = "stack")]
    removed: bool,
    /// What the mesh's logical ids are to end with, in a stack that holds `AWS::AppMesh::*` already
    #[arg(long, value_name = "LETTERS", requires = "custom")]
    suffix: Option<String>,
    /// The ARN of the function that serves the custom resources. Default: what the stack with `meshform-cfn` exports
    #[arg(long, value_name = "ARN", requires = "custom")]
    service_token: Option<String>,
}

impl StackArguments {
    /// The option that was given; none where it is not about a whole stack.
    pub(super) fn option(&self) -> Option<&'static str> {
        let options = [
            (self.custom, "--custom"),
            (self.retain, "--retain"),
            (self.removed, "--removed"),
        ];
        options
            .into_iter()
            .find(|(given, _)| *given)
            .map(|(_, name)| name)
    }

    /// The template that was asked for.
    pub(super) fn template(
        &self,
        loaded: &mut Loaded,
        attributes: &BTreeMap<String, String>,
    ) -> Result<Json, Vec<Diagnostic>> {
        let template = self.whole(loaded)?;
        if self.retain || self.removed {
            // What App Mesh has taken once is to leave, right or wrong.
            for problem in &mut loaded.problems {
                problem.severity = Severity::Warning;
            }
        }
        if self.retain {
            return stack::retain(&template);
        }
        if self.removed {
            return stack::removed(&template, attributes);
        }
        let service_token = match &self.service_token {
            Some(arn) => json!(arn),
            None => json!({"Fn::ImportValue": SERVICE_TOKEN}),
        };
        let suffix = match &self.suffix {
            Some(given) => given.clone(),
            None => stack::suffix(&template).map_err(|problem| vec![problem])?,
        };
        let how = Custom {
            service_token,
            suffix: &suffix,
        };
        stack::custom(&template, &how)
    }

    /// The one template of the inputs, or, for custom resources, one that is made of what they hold.
    fn whole(&self, loaded: &mut Loaded) -> Result<Json, Vec<Diagnostic>> {
        match loaded.reading.whole.as_slice() {
            [one] => Ok(one.to_json()),
            [] if self.custom => {
                let made = cloudformation::build(&loaded.resources);
                loaded.problems.extend(made.warnings);
                Ok(made.json)
            }
            [] => {
                let problem = Diagnostic::error(
                    codes::NO_STACK,
                    "there is no CloudFormation template among the inputs",
                )
                .help("give the template of the stack as it was deployed last");
                Err(vec![problem])
            }
            several => {
                let names: Vec<&str> = several.iter().map(|template| template.name.as_str()).collect();
                let message = format!("there are {} templates: {}", names.len(), names.join(", "));
                let problem =
                    Diagnostic::error(codes::SEVERAL_STACKS, message).help("give them one after the other");
                Err(vec![problem])
            }
        }
    }
}
