//! The codes of this crate's problems.

meshform_model::codes! {
    EVENT "MF0980" "unknown Lambda event"
        "The Lambda function `meshform-cfn` takes requests of custom resources, requests of its macro and events of \
         its schedule. Custom resources are of types like `Custom::AppMeshVirtualNode`, as the macro writes them, and \
         their answer goes to an `https` address. Nothing was written."
    SETTING "MF0981" "invalid Lambda function setting"
        "The function's environment says where the mesh is kept (`MESHFORM_STORE`, such as `s3://BUCKET/PREFIX`). The \
         template that deploys the function sets it from its parameters."
    TAKEN "MF0982" "resource of another stack or owner"
        "A stack creates what is not there, and takes over what `meshform adopt --owner cloudformation` has written. \
         What another stack, a Terraform state or a person has stays theirs: nothing was written. The parameter \
         `TakeOver` of the function's stack names other owners whose resources stacks may take over."
    TWICE "MF0983" "duplicate resource in a stack"
        "CloudFormation creates a renamed logical id before it deletes the old one, and both name the same resource. \
         Let the old one go first: an update that gives it `DeletionPolicy: Retain`, then one that takes it out of \
         the template. What it was still belongs to the stack: name the owner from the message in `TakeOver` of the \
         function's stack while the new id comes."
    CLAIM "MF0984" "unreadable claim of a stack"
        "What the store remembers of a resource of a stack (a setting `cloudformation/…`) is not a claim that this \
         version can read. Nothing was written. A newer version of the function may have written it."
    CONTENDED "MF0985" "resource under constant concurrent writes"
        "Every attempt found the resource changed by somebody else since it was read. Nothing of this request is \
         left; try the stack operation again."
    ANSWER "MF0986" "undelivered answer to CloudFormation"
        "What was asked for is done, and CloudFormation's address for the answer did not take it. Lambda sends the \
         event again, which changes nothing and answers once more."
    PANIC "MF0987" "bug in the Lambda function"
        "A part of the function ended where it must not. The stack operation fails and may be tried again; please \
         report it with the function's log."
    OVERTAKEN "MF0988" "overtaken request"
        "Lambda delivers an event at least once, so that one may arrive again after later ones for the same resource. \
         It changes nothing, and CloudFormation does not wait for its answer any more."
}
