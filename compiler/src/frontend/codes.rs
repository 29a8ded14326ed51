//! The codes of problems that readers and the recognition of input forms report.

use meshform_model::diag::{Code, CodeInfo};

/// The bytes are not a text.
pub const NOT_TEXT: Code = Code("MF0601");
/// The input is beyond a limit of size, depth or count.
pub const TOO_LARGE: Code = Code("MF0602");
/// The text is not JSON.
pub const JSON_SYNTAX: Code = Code("MF0603");
/// The text is not YAML.
pub const YAML_SYNTAX: Code = Code("MF0604");
/// A name stands twice in one object.
pub const DUPLICATE_KEY: Code = Code("MF0605");
/// A YAML construct that has no meaning here.
pub const YAML_CONSTRUCT: Code = Code("MF0606");
/// The input is of none of the known forms.
pub const UNKNOWN_FORM: Code = Code("MF0607");
/// A resource lacks a name, or the name of what contains it.
pub const NO_NAME: Code = Code("MF0608");
/// A CloudFormation expression has no value.
pub const NO_VALUE: Code = Code("MF0609");
/// A resource type in App Mesh's namespace that App Mesh does not have.
pub const UNKNOWN_TYPE: Code = Code("MF0610");
/// A Terraform state of another format.
pub const STATE_VERSION: Code = Code("MF0611");
/// An input in which there is no mesh resource.
pub const NOTHING_FOUND: Code = Code("MF0612");
/// Something beside a resource's properties that is not known.
pub const UNKNOWN_PROPERTY: Code = Code("MF0613");
/// A resource that is complete but could not be read as its kind.
pub const NOT_TYPED: Code = Code("MF0614");
/// A CloudFormation expression that is wrong in itself.
pub const BAD_EXPRESSION: Code = Code("MF0615");
/// A value is given for which no input asks.
pub const UNKNOWN_GIVEN: Code = Code("MF0616");
/// A values file of another form.
pub const VALUES: Code = Code("MF0617");
/// A body whose kind is not told.
pub const UNKNOWN_KIND: Code = Code("MF0618");
/// A Kubernetes manifest of another version.
pub const KUBERNETES_VERSION: Code = Code("MF0619");
/// An object of Kubernetes of which the mesh or gateway is not known.
pub const MEMBERSHIP: Code = Code("MF0620");
/// A reference of a Kubernetes manifest that leads nowhere.
pub const BAD_REFERENCE: Code = Code("MF0621");
/// A placeholder that another tool fills in.
pub const PLACEHOLDER: Code = Code("MF0622");
/// A workload that says what cannot be.
pub const WORKLOAD: Code = Code("MF0940");

/// What the documentation says of each.
pub const CODES: &[CodeInfo] = &[
    CodeInfo {
        code: NOT_TEXT,
        title: "input is not UTF-8 text",
        explanation: "The input holds bytes that are not UTF-8, or a NUL. Save the file as UTF-8; a binary file \
                      (a plan, an archive) is not an input form.",
    },
    CodeInfo {
        code: TOO_LARGE,
        title: "input too large",
        explanation: "The input is beyond a limit: 64 MiB of text, 64 levels of nesting, 4 million values, \
                      200,000 values made by YAML aliases, or 64 MiB made by CloudFormation's expressions. The limits keep a broken or hostile file from taking \
                      the memory of the machine. Split the input.",
    },
    CodeInfo {
        code: JSON_SYNTAX,
        title: "JSON syntax error",
        explanation: "The text breaks JSON's grammar at the place shown. Shell templates with `$NAME` in the \
                      place of a value have to be filled in first, for instance with `envsubst`.",
    },
    CodeInfo {
        code: YAML_SYNTAX,
        title: "YAML syntax error",
        explanation: "The text breaks YAML's grammar at the place shown. Most often an indentation is wrong, or \
                      a value that begins with a special character lacks quotes.",
    },
    CodeInfo {
        code: DUPLICATE_KEY,
        title: "duplicate key in an object",
        explanation: "Most tools silently take the last of the two. Which one was meant cannot be known, so both \
                      places are shown; remove one.",
    },
    CodeInfo {
        code: YAML_CONSTRUCT,
        title: "unsupported YAML construct",
        explanation: "A mapping key that is not a plain text, or a tag that neither YAML nor CloudFormation \
                      knows. Known tags are CloudFormation's short functions (`!Ref`, `!Sub`, `!GetAtt`, …) and \
                      YAML's own (`!!str`, `!!int`, …).",
    },
    CodeInfo {
        code: UNKNOWN_FORM,
        title: "unrecognised input format",
        explanation: "Known forms are CloudFormation templates, App Mesh JSON or YAML as the AWS CLI takes it \
                      (`meshName`, `virtualNodeName`, `spec`) and gives it (`virtualNode: {…}`), Terraform state \
                      of version 4, and the output of `terraform show -json`.",
    },
    CodeInfo {
        code: NO_NAME,
        title: "resource without a name",
        explanation: "A resource is known by its mesh, its kind, its parent and its name. The AWS CLI could take \
                      these as options beside the file; here they stand in the file (`meshName`, `routeName`, …), or are \
                      given by `--mesh`, `--parent` (the virtual router or gateway of a route) and `--name`. A body \
                      that is alone in its file takes the file's name where no other is given.",
    },
    CodeInfo {
        code: NO_VALUE,
        title: "unresolved CloudFormation expression",
        explanation: "The value depends on a parameter without a default, on an export of a stack that is not among the \
                      inputs, or on what a resource gets once it is deployed. Give the templates of such stacks \
                      together; what no template has is given by `--parameter NAME=VALUE`, `--import NAME=VALUE` or \
                      `--attribute LOGICAL.ATTRIBUTE=VALUE`, or all together in a file by `--values FILE`. The help \
                      shows the very option to write.",
    },
    CodeInfo {
        code: UNKNOWN_TYPE,
        title: "unknown resource type",
        explanation: "The type is in App Mesh's namespace, but App Mesh has no such type; or the type of a resource is \
                      not a plain text.",
    },
    CodeInfo {
        code: STATE_VERSION,
        title: "unsupported Terraform state version",
        explanation: "States of version 4 are read; Terraform writes them since 0.12. Older states are brought \
                      forward by running Terraform 0.12 or newer once.",
    },
    CodeInfo {
        code: NOTHING_FOUND,
        title: "no mesh resource found",
        explanation: "The input was read, but it holds no resource of a mesh.",
    },
    CodeInfo {
        code: UNKNOWN_PROPERTY,
        title: "unknown attribute",
        explanation: "A resource of a template has something beside `Type`, `Properties`, `Metadata`, `Condition`, \
                      `DependsOn` and the policies of CloudFormation. Most often it belongs into `Properties`.",
    },
    CodeInfo {
        code: NOT_TYPED,
        title: "unreadable resource",
        explanation: "The resource passed validation, and still could not be read. This is a fault of meshform; \
                      please report it with the message.",
    },
    CodeInfo {
        code: BAD_EXPRESSION,
        title: "invalid CloudFormation expression",
        explanation: "An expression names a parameter, a resource, a condition or a mapping that the template \
                      does not have, or has arguments of the wrong form.",
    },
    CodeInfo {
        code: UNKNOWN_GIVEN,
        title: "value for an unknown name",
        explanation: "`--parameter`, `--import`, `--attribute` or `--values` gives a value under a name that no template \
                      of the inputs uses. Most often the name is misspelt; the nearest ones are shown.",
    },
    CodeInfo {
        code: VALUES,
        title: "unrecognised values file",
        explanation: "A file for `--values` is JSON or YAML with any of `parameters`, `imports` and `attributes`, each an \
                      object from names to values. Files that `aws cloudformation` takes are read too: a list of \
                      `ParameterKey` and `ParameterValue`, or an object with `Parameters`.",
    },
    CodeInfo {
        code: UNKNOWN_KIND,
        title: "ambiguous kind of a resource",
        explanation: "A request body as the AWS CLI takes it does not always tell its kind: listeners alone may be a \
                      virtual node's, a virtual router's or a virtual gateway's. Give `--kind`, or write the name that \
                      the AWS CLI took as an option (`virtualNodeName`, `routeName`, …) beside `spec`.",
    },
    CodeInfo {
        code: KUBERNETES_VERSION,
        title: "unsupported version of App Mesh custom resources",
        explanation: "`appmesh.k8s.aws/v1beta2` is read, which controllers of App Mesh serve since 1.0. The older v1beta1 \
                      has names where v1beta2 has refs, and routes inside virtual services.",
    },
    CodeInfo {
        code: MEMBERSHIP,
        title: "Kubernetes object without a mesh or gateway",
        explanation: "As with the controller, an object belongs to the one mesh whose `namespaceSelector` matches the labels \
                      of its namespace (none set: nothing; an empty one: everything), and a gateway route to the one \
                      gateway whose selectors match its namespace's labels and its own. `meshRef` and \
                      `virtualGatewayRef`, as the cluster fills them in, say it directly. Give the manifests of the \
                      namespaces with their labels, what `kubectl get -o yaml` prints, or `--mesh` and `--parent`.",
    },
    CodeInfo {
        code: BAD_REFERENCE,
        title: "invalid reference in a Kubernetes manifest",
        explanation: "An ARN of another kind than the field takes, or a backend group that is not among the inputs.",
    },
    CodeInfo {
        code: PLACEHOLDER,
        title: "unfilled template placeholder",
        explanation: "The file is a template: a shell (`${NAME}`) or Helm (`{{ .Values.name }}`) fills it in before it is a \
                      manifest. `${NAME}` is filled in by `--parameter NAME=VALUE`; of a chart, give what \
                      `helm template` prints.",
    },
    CodeInfo {
        code: WORKLOAD,
        title: "invalid workload",
        explanation: "A file of workloads is the short form of what runs beside proxies: `workloads`, each with a \
                      `virtualNode` or a `virtualGateway`. A gateway runs no application; secrets are ARNs of Secrets \
                      Manager or Systems Manager; one workload stands for one proxy.",
    },
];
