//! The pages of the original names (`aws_appmesh_mesh`): how a configuration and a state of `hashicorp/aws` go on. What
//! the arguments mean stands on the page of our own name.

use crate::page::fenced;

/// The prefix of the original names.
pub(crate) const PREFIX: &str = "aws_appmesh_";

/// A page for a resource or a data source.
pub(crate) fn page(original: &str, folder: &str, title: &str) -> String {
    let short = original.trim_start_matches(PREFIX);
    let resource = folder == "resources";
    let description = format!(
        "What hashicorp/aws calls {original}, served by this provider: the same arguments{}.",
        if resource { ", the same state" } else { "" }
    );
    let mut out = format!(
        "---\npage_title: \"{original} {title} - appmesh\"\nsubcategory: \"Names of hashicorp/aws\"\ndescription: |-\n  \
         {description}\n---\n\n<!-- Written by `cargo xtask docs` from the provider's schema. -->\n\n# {original} ({title})\n\n\
         {description}\n\nIts arguments and attributes are those of [`appmesh_{short}`]({short}.md). Terraform takes a type that \
         begins with `aws_` for hashicorp/aws's, so `provider = appmesh` stands in each block; `meshform migrate DIR --write` \
         writes it.\n\n## Example Usage\n\n"
    );
    let word = if resource { "resource" } else { "data" };
    let example = format!(
        "{word} \"{original}\" \"example\" {{\n  provider = appmesh\n\n  # As before: see appmesh_{short}.\n}}"
    );
    out.push_str(&fenced("terraform", &example));
    if resource {
        out.push_str(&states(original, short));
    }
    out.push_str(
        "[Migrating from AWS App Mesh](../guides/migrating-from-aws-app-mesh.md) goes through all of it.\n",
    );
    out
}

fn states(original: &str, short: &str) -> String {
    let moved = format!("moved {{\n  from = {original}.example\n  to   = appmesh_{short}.example\n}}");
    let replaced = "terraform state replace-provider hashicorp/aws meshform/appmesh";
    format!(
        "## A state of hashicorp/aws\n\n\
         The state is taken as it is: `arn`, `id`, `created_date` and `resource_owner` stay, and the zeros and empty texts \
         that hashicorp/aws keeps for what is not set are read as not set. The first plan updates the resource in place; the \
         apply writes it to the store.\n\n\
         - With `provider = appmesh` in the block nothing else is needed. Terraform asks hashicorp/aws for its schema once \
         more, at the first plan, because the state still names it.\n\
         - In a state that holds nothing but App Mesh resources, `replace-provider` does without that. It changes every \
         resource of the state: where others are hashicorp/aws's, do not use it.\n\n{}\
         - To go over to `appmesh_{short}`, rename the block and its references, and say where it was (Terraform 1.8 or \
         newer):\n\n{}\
         ## Import\n\n\
         By the id of [`appmesh_{short}`]({short}.md#import), which is that of hashicorp/aws.\n\n",
        fenced("shell", replaced),
        fenced("terraform", &moved),
    )
}
