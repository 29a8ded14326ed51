//! The codes of problems with CloudFormation templates.

meshform_model::codes! {
    TOO_MANY_RESOURCES "MF0901" "too many resources for one template"
        "CloudFormation takes at most 500 resources in one template. The template is written whole all the same, \
         because it is for interchange and review."
    NO_EQUIVALENT "MF0902" "expression without an equivalent in Terraform"
        "`convert --to terraform` makes variables of parameters and imports, locals of mappings and conditions, and \
         templates of `Fn::Sub`. Other functions and whole blocks that a condition chooses have no equivalent. \
         Nothing is written; give the values that decide with `--parameter`, `--import` or `--attribute`."
    SUFFIX "MF0970" "unusable suffix of logical ids"
        "CloudFormation refuses another type under an existing logical id, so that in a stack which holds \
         `AWS::AppMesh::*` already the custom resources need other ids: the old ones with a suffix. It is letters and \
         digits, and what it makes must not be taken."
    NO_STACK "MF0971" "template without resources of App Mesh"
        "The macro, `convert --custom`, `--retain` and `--removed` rewrite whole templates that hold \
         `AWS::AppMesh::*`. This one holds none, or only a part of a template was given."
    NO_LITERAL "MF0972" "App Mesh attribute that the template does not know"
        "When the resources of a mesh leave a stack, what referred to them gets their values written out. Names and \
         ARNs follow from the template; a uid, a name that CloudFormation made up, and the ARN of a resource in a \
         shared mesh do not, and have to be given."
    LOOP "MF0973" "loop (`Fn::ForEach`) with resources of App Mesh"
        "Loops are expanded by CloudFormation's own transform `AWS::LanguageExtensions`. Transforms run in the order \
         in which the template lists them, so it has to stand before `Meshform`."
    NO_ATTRIBUTE "MF0583" "unknown attribute of an App Mesh resource"
        "`Fn::GetAtt`, or `${ID.ATTRIBUTE}` of `Fn::Sub`, asks a resource of the mesh for something that it has not. \
         CloudFormation would find that out only after it has created the resource, and roll back."
    COMPUTED "MF0584" "properties that are one expression"
        "A custom resource has properties of its own beside those of the resource, such as `ServiceToken`. Where the \
         section `Properties` as a whole is an `Fn::If` or the like, there is no place for them; CloudFormation takes \
         expressions as values of properties only."
    SEVERAL_STACKS "MF0974" "several CloudFormation stacks in the input"
        "`convert --custom`, `--retain` and `--removed` write one template for one stack. Nested stacks are rewritten \
         template by template, because each is deployed as a stack of its own."
}
