//! The codes of problems that readers and the recognition of input forms report.

meshform_model::codes! {
    UNREAD "MF0190" "template missing from the inputs"
        "An input refers to a template that is not among the inputs: the template of a nested stack, the template \
         of a stack of a CDK assembly, or one that a macro such as `AWS::Include` inserts. Its resources are \
         missing from the result. Local files are opened automatically, relative to the template that names them; \
         for a template in a bucket, download it and put the local path in place of the URL."
    CONSTRAINT "MF0191" "parameter value outside its constraints"
        "The template restricts the values of its parameter (`AllowedValues`, `MinValue`, `MaxValue`, `MinLength`, \
         `MaxLength`, `AllowedPattern`, `Type: Number`), and the value that was given is not allowed. \
         CloudFormation would reject it too. A pattern that only Java's regular expressions support is not \
         checked; that is a warning."
    NOT_TEXT "MF0601" "input that is not UTF-8 text"
        "The input contains bytes that are not UTF-8, or a NUL. Save the file as UTF-8; binary files (a plan, an \
         archive) are not supported."
    TOO_LARGE "MF0602" "input too large"
        "The input exceeds a limit: 32 MiB of text, 64 levels of nesting, 2 million values, 200,000 values made by \
         YAML aliases or by loops of a template, or 32 MiB made by CloudFormation's expressions. The limits keep a \
         broken or malicious file from exhausting the machine's memory. Split the input."
    JSON_SYNTAX "MF0603" "JSON syntax error"
        "The text breaks JSON's grammar at the place shown. A value that lacks its quotes, a comma after the last \
         element and a comment are the usual causes."
    YAML_SYNTAX "MF0604" "YAML syntax error"
        "The text breaks YAML's grammar at the place shown. Most often an indentation is wrong, or a value that \
         begins with a special character lacks quotes."
    DUPLICATE_KEY "MF0605" "duplicate key in an object"
        "Most tools silently use the last of two equal keys. Which one was meant is unknown, so both are shown; \
         remove one."
    YAML_CONSTRUCT "MF0606" "unsupported YAML construct"
        "A mapping key is not a plain string, or a tag is known neither to YAML nor to CloudFormation. Supported \
         tags are CloudFormation's short functions (`!Ref`, `!Sub`, `!GetAtt`, …) and YAML's own (`!!str`, \
         `!!int`, …)."
    UNKNOWN_FORM "MF0607" "unrecognised input format"
        "Known forms are CloudFormation templates, App Mesh JSON or YAML as the AWS CLI takes it (`meshName`, \
         `virtualNodeName`, `spec`) and gives it (`virtualNode: {…}`), Terraform state of version 4, and the output \
         of `terraform show -json`."
    NO_NAME "MF0608" "resource without a name"
        "A resource is identified by its mesh, its kind, its parent and its name. The AWS CLI takes these as \
         options beside the file; here they are in the file (`meshName`, `routeName`, …), or given by `--mesh`, \
         `--parent` (the virtual router or gateway of a route) and `--name`. A single body in a file gets the \
         file's name if there is no other."
    NO_VALUE "MF0609" "unresolved CloudFormation expression"
        "The value depends on a parameter without a default, on an export of a stack that is not among the inputs, \
         or on an attribute that exists only after deployment. Give the templates of such stacks together; set \
         other values with `--parameter NAME=VALUE`, `--import NAME=VALUE` or `--attribute \
         LOGICAL.ATTRIBUTE=VALUE`, or all of them in a file with `--values FILE`. The help shows the exact option. \
         A dynamic reference (`{{resolve:ssm:…}}`) has no option: replace it by its value."
    UNKNOWN_TYPE "MF0610" "unknown resource type"
        "The type is in App Mesh's namespace, but App Mesh has no such type; or a resource has no type, or one that is \
         not a plain text."
    STATE_VERSION "MF0611" "unsupported Terraform state version"
        "Terraform state of version 4, which Terraform has written since 0.12, is supported. To upgrade an older \
         state, run Terraform 0.12 or newer once."
    NOTHING_FOUND "MF0612" "input without mesh resources"
        "The input was read, but it holds no resource of a mesh."
    UNKNOWN_PROPERTY "MF0613" "unknown attribute"
        "A resource of a template has an attribute other than `Type`, `Properties`, `Metadata`, `Condition`, \
         `DependsOn` and CloudFormation's policies. Usually it belongs into `Properties`."
    NOT_TYPED "MF0614" "unreadable resource"
        "The resource passed validation but could not be read. This is a bug of meshform; please report it with \
         the message."
    BAD_EXPRESSION "MF0615" "invalid CloudFormation expression"
        "An expression names a parameter, a resource, a condition or a mapping that the template does not have, is \
         circular, has malformed arguments, or is no function of CloudFormation. For a name of another template, \
         use the option that the help shows."
    UNKNOWN_GIVEN "MF0616" "value for an unknown name"
        "`--parameter`, `--import`, `--attribute` or `--values` gives a value under a name that no template of the \
         inputs uses. Usually the name is misspelt; the closest ones are shown."
    VALUES "MF0617" "unrecognised values file"
        "A file for `--values` is JSON or YAML with any of `parameters`, `imports` and `attributes`, each an \
         object from names to values. Parameter files of `aws cloudformation` are accepted too: a list of \
         `ParameterKey` and `ParameterValue`, or an object with `Parameters`."
    UNKNOWN_KIND "MF0618" "ambiguous kind of a resource"
        "A request body of the AWS CLI does not always tell its kind: one with listeners only may be a virtual \
         node, a virtual router or a virtual gateway. Give `--kind`, or add the name that the AWS CLI takes as an \
         option (`virtualNodeName`, `routeName`, …) beside `spec`."
    KUBERNETES_VERSION "MF0619" "unsupported version of App Mesh custom resources"
        "`appmesh.k8s.aws/v1beta2` is supported, which App Mesh's controllers serve since 1.0. The older v1beta1 \
         has names in place of refs, and routes inside virtual services."
    MEMBERSHIP "MF0620" "Kubernetes object without a mesh or gateway"
        "As with the controller, an object belongs to the one mesh whose `namespaceSelector` matches the labels of \
         its namespace (unset: none; empty: all), and a gateway route to the one gateway whose selectors match its \
         namespace's labels and its own. `meshRef` and `virtualGatewayRef`, which the cluster fills in, take \
         precedence. Give the manifests of the namespaces with their labels, the output of `kubectl get -o yaml`, \
         or `--mesh` and `--parent`."
    BAD_REFERENCE "MF0621" "invalid reference in a Kubernetes manifest"
        "A reference is an ARN of another kind than the field accepts, or names a backend group that is not among \
         the inputs."
    PLACEHOLDER "MF0622" "unfilled template placeholder"
        "The file is a template that a shell (`${NAME}`), jq (`$NAME` in place of a JSON value) or Helm (`{{ \
         .Values.name }}`) fills in. Set `${NAME}` and `$NAME` with `--parameter NAME=VALUE`; for a chart, give \
         the output of `helm template`."
    WORKLOAD "MF0940" "invalid workload"
        "A workloads file lists what runs beside proxies: `workloads`, each with a `virtualNode` or a \
         `virtualGateway`. A gateway runs no application; secrets are ARNs of Secrets Manager or Systems Manager; \
         each proxy has one workload."
}
