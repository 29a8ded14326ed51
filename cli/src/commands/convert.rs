//! `meshform convert`: from any form to another.

mod stack;

use super::load::{load_or_store, load_with};
use crate::exit::Exit;
use crate::input::{InputArguments, TemplateUse};
use crate::io::Io;
use crate::render;
use crate::store::FromStoreArgument;
use meshform_compiler::cloudformation::WrittenEntries;
use meshform_compiler::{api, cloudformation, kubernetes, terraform};
use meshform_model::diag::has_errors;

/// Write what any input form, or a store, holds in another form, on standard output
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: InputArguments,
    #[command(flatten)]
    from: FromStoreArgument,
    /// The form to write
    #[arg(long, value_enum)]
    to: Form,
    #[command(flatten)]
    stack: stack::StackArguments,
    /// With `--to kubernetes`, the namespace of what did not come from a manifest
    #[arg(long, value_name = "NAME", default_value = "default")]
    namespace: String,
}
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// App Mesh JSON: a list of what `aws appmesh create-… --cli-input-json` takes
    Api,
    /// A CloudFormation template
    #[value(name = "cloudformation")]
    CloudFormation,
    /// Terraform configuration with `appmesh_*` resources
    Terraform,
    /// Manifests of the App Mesh controller's custom resources, as YAML
    Kubernetes,
}

pub(crate) fn run(arguments: &Arguments, io: &mut Io) -> Exit {
    if let (Some(option), false) = (arguments.stack.option(), arguments.to == Form::CloudFormation) {
        io.tell(&format!("error: `{option}` requires `--to cloudformation`\n"));
        return Exit::WrongUse;
    }
    let templates = match (arguments.to, arguments.stack.option()) {
        (_, Some(_)) => TemplateUse::Whole,
        (Form::CloudFormation | Form::Terraform, None) => TemplateUse::Expressions,
        (Form::Api | Form::Kubernetes, None) => TemplateUse::Values,
    };
    let loaded = match arguments.input.paths.is_empty() {
        true => load_or_store(&arguments.input, arguments.from.name(), io),
        false => load_with(&arguments.input, templates, io),
    };
    let Some(mut loaded) = loaded else {
        return Exit::WrongUse;
    };
    match templates {
        TemplateUse::Values => loaded.demand_values(),
        TemplateUse::Expressions | TemplateUse::Whole => loaded.allow_expressions(),
    }
    let mut written = WrittenEntries::default();
    // What is wrong in a template can be said in no form, which would be no news.
    if templates == TemplateUse::Expressions && !has_errors(&loaded.problems) {
        let mut resources = Vec::new();
        match arguments.to {
            Form::CloudFormation => loaded.keep_expressions(&mut |one| written.add(&one)),
            _ => loaded.keep_expressions(&mut |one| resources.push(one)),
        }
        loaded.reading.symbolic.resources = resources;
    }
    if loaded.resources.is_empty()
        && loaded.reading.symbolic.resources.is_empty()
        && written.is_empty()
        && arguments.stack.option().is_none()
    {
        // Written over a file that held a mesh, nothing would be the end of it.
        loaded.demand_a_resource();
    }
    if arguments.to == Form::CloudFormation && arguments.stack.option().is_none() {
        let symbolic = &loaded.reading.symbolic;
        let template = cloudformation::TemplateText::of(&loaded.resources, symbolic, &written);
        loaded.problems.extend(template.warnings());
        render::tell(io, &loaded.reading.sources, &loaded.problems);
        if has_errors(&loaded.problems) {
            return Exit::Found;
        }
        template.write(&mut |part| io.print(part));
        return Exit::Fine;
    }
    let symbolic = &loaded.reading.symbolic;
    let text = match arguments.to {
        Form::Api => pretty(&api::build(&loaded.resources)),
        Form::CloudFormation => {
            let attributes = arguments.input.attributes(io);
            match arguments.stack.template(&mut loaded, &attributes) {
                Ok(template) => pretty(&template),
                Err(problems) => {
                    loaded.problems.extend(problems);
                    String::new()
                }
            }
        }
        Form::Terraform => {
            let configuration = terraform::build_with(&loaded.resources, symbolic);
            loaded.problems.extend(configuration.problems);
            configuration.text
        }
        Form::Kubernetes => {
            let kept = &loaded.reading.kubernetes;
            let manifests = kubernetes::build(&loaded.resources, kept, &arguments.namespace);
            let text = manifests.text();
            let problems = loaded.placed(manifests.problems);
            loaded.add(problems);
            text
        }
    };
    render::tell(io, &loaded.reading.sources, &loaded.problems);
    // Half a mesh would look like a whole one.
    if has_errors(&loaded.problems) {
        return Exit::Found;
    }
    io.print(&text);
    Exit::Fine
}

pub(crate) fn pretty(json: &serde_json::Value) -> String {
    format!("{json:#}\n")
}
