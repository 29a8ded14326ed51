//! The codes of this crate's problems.

meshform_model::codes! {
    EVENT "MF0980" "unknown Lambda event"
        "The Lambda function `meshform-cfn` takes requests of custom resources, requests of its macro and events of \
         its schedule. Custom resources are of types like `Custom::AppMeshVirtualNode`, as the macro writes them, and \
         their answer goes to an `https` address. Nothing was written."
    SETTING "MF0981" "invalid Lambda function setting"
        "The function's environment sets where the mesh is stored (`MESHFORM_STORE`, such as \
         `s3://BUCKET/PREFIX`). The template that deploys the function fills it from its parameters."
    TAKEN "MF0982" "resource of another stack or owner"
        "A stack creates resources that do not exist, and takes over those that `meshform adopt --owner \
         cloudformation` has written. Resources of another stack, a Terraform state or a person stay theirs: \
         nothing was written. To let stacks take over resources of other owners, name these in the parameter \
         `TakeOver` of the function's stack."
    TWICE "MF0983" "duplicate resource in a stack"
        "CloudFormation creates a renamed logical id before it deletes the old one, and both name the same \
         resource. Release the old one first: an update that sets `DeletionPolicy: Retain` on it, then one that \
         removes it from the template. The resource still belongs to the stack: name the owner from the message in \
         `TakeOver` of the function's stack while the new id is created."
    CLAIM "MF0984" "unreadable claim of a stack"
        "The store's note about a resource of a stack (a setting `cloudformation/…`) is not a claim that this \
         version can read. Nothing was written. A newer version of the function may have written it."
    ANSWER "MF0986" "undelivered response to CloudFormation"
        "The request is done, but CloudFormation's response URL did not accept the response. Lambda delivers the \
         event again, which changes nothing and responds once more."
    PANIC "MF0987" "crash of the Lambda function"
        "A part of the function panicked. The stack operation fails and may be retried; please report it with the \
         function's log."
    OVERTAKEN "MF0988" "superseded request"
        "Lambda delivers an event at least once, so one may arrive again after later ones for the same resource. \
         It changes nothing, and CloudFormation no longer waits for its response."
}
