//! The codes of problems with CloudFormation templates.

meshform_model::codes! {
    TOO_MANY_RESOURCES "MF0901" "too many resources for one template"
        "CloudFormation accepts at most 500 resources in one template. The template is written completely anyway, \
         for interchange and review."
    NO_EQUIVALENT "MF0902" "expression without an equivalent in Terraform"
        "`convert --to terraform` turns parameters and imports into variables, mappings and conditions into \
         locals, and `Fn::Sub` into templates. Other functions, and whole blocks that a condition selects, have no \
         equivalent. Nothing is written; give the values that decide with `--parameter`, `--import` or \
         `--attribute`."
    SUFFIX "MF0970" "invalid suffix of logical ids"
        "CloudFormation does not let a logical id change its type, so in a stack that has `AWS::AppMesh::*` \
         resources already, the custom resources need other ids: the old ones with a suffix. The suffix consists \
         of letters and digits, and the resulting ids must be unused."
    NO_STACK "MF0971" "template without resources of App Mesh"
        "The macro, `convert --custom`, `--retain` and `--removed` rewrite whole templates that contain \
         `AWS::AppMesh::*` resources. This one contains none, or only a part of a template was given."
    NO_LITERAL "MF0972" "App Mesh attribute unknown before deployment"
        "When the resources of a mesh leave a stack, references to them are replaced by their values. Names and \
         ARNs follow from the template; a uid, a name that CloudFormation generated, and the ARN of a resource in \
         a shared mesh do not: give them with `--attribute`."
    LOOP "MF0973" "loop (`Fn::ForEach`) with resources of App Mesh"
        "Loops are expanded by CloudFormation's own transform `AWS::LanguageExtensions`. Transforms run in the \
         order in which the template lists them: list it before `Meshform`."
    NO_ATTRIBUTE "MF0583" "unknown attribute of an App Mesh resource"
        "`Fn::GetAtt`, or `${ID.ATTRIBUTE}` in `Fn::Sub`, refers to an attribute that the resource of the mesh \
         does not have. CloudFormation would find that out only after it has created the resource, and roll back."
    COMPUTED "MF0584" "expression in place of Properties"
        "A custom resource needs properties beside those of the mesh resource, such as `ServiceToken`. They cannot \
         be added where `Properties` as a whole is an `Fn::If` or another expression. Move the expression into the \
         values of single properties."
    SEVERAL_STACKS "MF0974" "several CloudFormation stacks in the input"
        "`convert --custom`, `--retain` and `--removed` write one template for one stack. Rewrite the templates of \
         nested stacks one by one, because each is deployed as its own stack."
}
