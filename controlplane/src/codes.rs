//! The codes of this crate's problems.

meshform_model::codes! {
    BAD_REQUEST "MF1001" "unreadable API request"
        "The body is not JSON, is larger than 1 MiB, or has members that the operation does not have; or a query \
         parameter does not match the API."
    NO_OPERATION "MF1002" "unknown API operation"
        "The App Mesh API has no operation with this method and path. Paths begin with `/v20190125`; a slash within a \
         name is sent as `%2F`."
    TOKEN_REUSED "MF1004" "client token used for another request"
        "A `clientToken` identifies one request, so that it can be sent again safely. This one was sent before \
         with other content."
    PAGE "MF1005" "invalid page token"
        "`nextToken` must come from the previous response to the same operation with the same path. Leave it out \
         to start at the first page."
    TAGS "MF1006" "too many tags"
        "A resource has at most 50 tags, including those that it already has."
    FORBIDDEN "MF1007" "API key without permission"
        "A key may write resources of its own owner, in the meshes that it was created for; a read-only key may \
         write nothing. An administrator's key may do everything."
    SIGNATURE "MF1008" "request signature missing or invalid"
        "Requests are signed with AWS's signature version 4 and a key of this server (`meshform keys create`), for \
         the service `appmesh`. A proxy in front must not change the header `Host`, which is signed."
    UNKNOWN_KEY "MF1009" "unknown API key"
        "The access key id is not one of this server's, or was revoked. Keys of AWS do not work here: only AWS \
         could verify them. Create one with `meshform keys create`."
    CLOCK "MF1010" "request time too far from the server's"
        "A signed request is accepted for five minutes before and after its own time, so that it cannot be \
         replayed later. Correct the clock that is wrong."
    RATE "MF1011" "too many requests"
        "A key exceeded the request rate that the server's `rate` setting allows. Wait and send the request again, \
         as AWS's clients do automatically; or raise `rate`."
    INTERNAL "MF1012" "internal server error"
        "The server failed while it processed the request; its log has the details. Stored data is unchanged."
    SETTINGS "MF1013" "invalid server settings"
        "A setting of `meshform serve` is invalid, or conflicts with another. Correct the setting that the message \
         names. Without authentication the server only listens on a loopback address."
    MASTER_KEY "MF1014" "invalid or wrong master key"
        "The secrets of API keys are encrypted under a master key: 32 bytes as Base64, from a file or from \
         MESHFORM_MASTER_KEY. Create one with `meshform keys init`; all servers of a store need the same."
    API_CLIENT "MF1015" "failed request to an App Mesh API"
        "A server of the App Mesh API could not be reached, or rejected the command's request. The message has its \
         answer."
    TOKEN "MF1016" "invalid proxy token request"
        "A token is for one proxy, or for every proxy of a mesh, and expires: `meshform token \
         mesh/MESH/virtualNode/NAME --ttl 24h`. It is created with the servers' master key."
    LOGIN "MF0824" "login with an AWS identity refused"
        "A login with an AWS identity is a signed request for STS's `GetCallerIdentity`, which `meshform keys \
         session --aws` makes for one server. The identity must be allowed by `meshform keys trust`: a role, by \
         its ARN without the path, or a user."
    STS "MF0825" "AWS STS unreachable"
        "The server asks AWS's Security Token Service who signed a login request (`--sts`). It did not answer, or \
         not as STS does; the message says how."
    TLS "MF1017" "unusable server certificate"
        "The server's certificate, its key or the authority of the proxies' certificates cannot be read, or the \
         key does not match the certificate. The message says which file, and why."
}
