//! The codes of problems that readers and the recognition of input forms report.

meshform_model::codes! {
    UNREAD "MF0190" "template that is not read"
        "What a template or an assembly names is not among the inputs: the template of a nested stack, the template of \
         a stack of a CDK assembly, or what a macro such as `AWS::Include` puts in. Its resources are missing. Local \
         files are opened by themselves, from where the template lies that names them; of what is in a bucket, give \
         the file in the place of the URL."
    CONSTRAINT "MF0191" "parameter value outside its constraints"
        "The template allows its parameter only some values (`AllowedValues`, `MinValue`, `MaxValue`, `MinLength`, \
         `MaxLength`, `AllowedPattern`, `Type: Number`), and the one that was given is not among them. CloudFormation would \
         refuse it too. A pattern that uses what only Java's regular expressions have is not held against the value, which is \
         a warning."
    NOT_TEXT "MF0601" "input that is not UTF-8 text"
        "The input holds bytes that are not UTF-8, or a NUL. Save the file as UTF-8; a binary file (a plan, an \
         archive) is not an input form."
    TOO_LARGE "MF0602" "input too large"
        "The input is beyond a limit: 32 MiB of text, 64 levels of nesting, 2 million values, 200,000 values made by \
         YAML aliases or by loops of a template, or 32 MiB made by CloudFormation's expressions. The limits keep a broken or hostile file from \
         taking the memory of the machine. Split the input."
    JSON_SYNTAX "MF0603" "JSON syntax error"
        "The text breaks JSON's grammar at the place shown. A value that lacks its quotes, a comma after the last \
         element and a comment are the usual causes."
    YAML_SYNTAX "MF0604" "YAML syntax error"
        "The text breaks YAML's grammar at the place shown. Most often an indentation is wrong, or a value that \
         begins with a special character lacks quotes."
    DUPLICATE_KEY "MF0605" "duplicate key in an object"
        "Most tools silently take the last of the two. Which one was meant cannot be known, so both places are shown; \
         remove one."
    YAML_CONSTRUCT "MF0606" "unsupported YAML construct"
        "A mapping key that is not a plain text, or a tag that neither YAML nor CloudFormation knows. Known tags are \
         CloudFormation's short functions (`!Ref`, `!Sub`, `!GetAtt`, …) and YAML's own (`!!str`, `!!int`, …)."
    UNKNOWN_FORM "MF0607" "unrecognised input format"
        "Known forms are CloudFormation templates, App Mesh JSON or YAML as the AWS CLI takes it (`meshName`, \
         `virtualNodeName`, `spec`) and gives it (`virtualNode: {…}`), Terraform state of version 4, and the output \
         of `terraform show -json`."
    NO_NAME "MF0608" "resource without a name"
        "A resource is known by its mesh, its kind, its parent and its name. The AWS CLI could take these as options \
         beside the file; here they stand in the file (`meshName`, `routeName`, …), or are given by `--mesh`, \
         `--parent` (the virtual router or gateway of a route) and `--name`. A body that is alone in its file takes \
         the file's name where no other is given."
    NO_VALUE "MF0609" "unresolved CloudFormation expression"
        "The value depends on a parameter without a default, on an export of a stack that is not among the inputs, or \
         on what a resource gets once it is deployed. Give the templates of such stacks together; what no template \
         has is given by `--parameter NAME=VALUE`, `--import NAME=VALUE` or `--attribute LOGICAL.ATTRIBUTE=VALUE`, or \
         all together in a file by `--values FILE`. The help shows the very option to write. A dynamic reference \
         (`{{resolve:ssm:…}}`) has no option: write its value in its place."
    UNKNOWN_TYPE "MF0610" "unknown resource type"
        "The type is in App Mesh's namespace, but App Mesh has no such type; or a resource has no type, or one that is \
         not a plain text."
    STATE_VERSION "MF0611" "unsupported Terraform state version"
        "States of version 4 are read; Terraform writes them since 0.12. Older states are brought forward by running \
         Terraform 0.12 or newer once."
    NOTHING_FOUND "MF0612" "input without mesh resources"
        "The input was read, but it holds no resource of a mesh."
    UNKNOWN_PROPERTY "MF0613" "unknown attribute"
        "A resource of a template has something beside `Type`, `Properties`, `Metadata`, `Condition`, `DependsOn` and \
         the policies of CloudFormation. Most often it belongs into `Properties`."
    NOT_TYPED "MF0614" "unreadable resource"
        "The resource passed validation, and still could not be read. This is a fault of meshform; please report it \
         with the message."
    BAD_EXPRESSION "MF0615" "invalid CloudFormation expression"
        "An expression names a parameter, a resource, a condition or a mapping that the template does not have, leads \
         back to itself, has arguments of the wrong form, or is no function of CloudFormation. What another template \
         has is given by the option that the help shows."
    UNKNOWN_GIVEN "MF0616" "value for an unknown name"
        "`--parameter`, `--import`, `--attribute` or `--values` gives a value under a name that no template of the \
         inputs uses. Most often the name is misspelt; the nearest ones are shown."
    VALUES "MF0617" "unrecognised values file"
        "A file for `--values` is JSON or YAML with any of `parameters`, `imports` and `attributes`, each an object \
         from names to values. Files that `aws cloudformation` takes are read too: a list of `ParameterKey` and \
         `ParameterValue`, or an object with `Parameters`."
    UNKNOWN_KIND "MF0618" "ambiguous kind of a resource"
        "A request body as the AWS CLI takes it does not always tell its kind: listeners alone may be a virtual \
         node's, a virtual router's or a virtual gateway's. Give `--kind`, or write the name that the AWS CLI took as \
         an option (`virtualNodeName`, `routeName`, …) beside `spec`."
    KUBERNETES_VERSION "MF0619" "unsupported version of App Mesh custom resources"
        "`appmesh.k8s.aws/v1beta2` is read, which controllers of App Mesh serve since 1.0. The older v1beta1 has \
         names where v1beta2 has refs, and routes inside virtual services."
    MEMBERSHIP "MF0620" "Kubernetes object without a mesh or gateway"
        "As with the controller, an object belongs to the one mesh whose `namespaceSelector` matches the labels of \
         its namespace (none set: nothing; an empty one: everything), and a gateway route to the one gateway whose \
         selectors match its namespace's labels and its own. `meshRef` and `virtualGatewayRef`, as the cluster fills \
         them in, say it directly. Give the manifests of the namespaces with their labels, what `kubectl get -o yaml` \
         prints, or `--mesh` and `--parent`."
    BAD_REFERENCE "MF0621" "invalid reference in a Kubernetes manifest"
        "An ARN of another kind than the field takes, or a backend group that is not among the inputs."
    PLACEHOLDER "MF0622" "unfilled template placeholder"
        "The file is a template: a shell (`${NAME}`), jq (`$NAME` in the place of a JSON value) or Helm \
         (`{{ .Values.name }}`) fills it in before it is read. `${NAME}` and `$NAME` are filled in by \
         `--parameter NAME=VALUE`; of a chart, give what `helm template` prints."
    WORKLOAD "MF0940" "invalid workload"
        "A file of workloads is the short form of what runs beside proxies: `workloads`, each with a `virtualNode` or \
         a `virtualGateway`. A gateway runs no application; secrets are ARNs of Secrets Manager or Systems Manager; \
         one workload stands for one proxy."
}
