//! The codes of this crate's problems.

meshform_model::codes! {
    BAD_REQUEST "MF1001" "unreadable API request"
        "The body is not JSON, is larger than 1 MiB, or has members that the operation does not have; or a parameter \
         of the query is not what the API says."
    NO_OPERATION "MF1002" "unknown API operation"
        "The App Mesh API has no operation with this method and path. Paths begin with `/v20190125`; a slash within a \
         name is sent as `%2F`."
    TOKEN_REUSED "MF1004" "client token used for another request"
        "A `clientToken` names one request, so that the same request may be sent again. This one was sent before with \
         another content."
    PAGE "MF1005" "invalid page token"
        "`nextToken` is taken from the answer to the request before, of the same operation with the same path. Leave \
         it out to begin at the first page."
    TAGS "MF1006" "too many tags"
        "A resource has at most 50 tags, those that it had before included."
    FORBIDDEN "MF1007" "API key without permission"
        "A key writes resources of its own owner, in the meshes that it was made for; a read-only key writes nothing. \
         An administrator's key may do everything."
    SIGNATURE "MF1008" "request signature missing or invalid"
        "Requests are signed by AWS's signature version 4 with a key of this server (`meshform keys create`), for the \
         service `appmesh`. A proxy in front must keep the header `Host`, which is signed."
    UNKNOWN_KEY "MF1009" "unknown API key"
        "The access key id is not one of this server's, or was revoked. Keys of AWS are not known here: only AWS \
         could check them. Make one with `meshform keys create`."
    CLOCK "MF1010" "request time too far from the server's"
        "A signed request is taken for five minutes before and after the time that it says, so that it cannot be sent \
         again later. One of the two clocks is wrong."
    RATE "MF1011" "too many requests"
        "A key may make so many requests a second as the server's `rate` says. Clients of AWS wait and try again by \
         themselves."
    INTERNAL "MF1012" "failure of the server"
        "The server failed while it answered; its log says where. What was stored stays as it was."
    SETTINGS "MF1013" "invalid server settings"
        "A setting of `meshform serve` cannot be, or does not go with another one. Without authentication the server \
         listens on a loopback address only."
    MASTER_KEY "MF1014" "invalid or wrong master key"
        "The secrets of API keys are kept encrypted under a master key: 32 bytes as Base64, from a file or from \
         MESHFORM_MASTER_KEY. `meshform keys init` makes one; every server of a store needs the same."
    API_CLIENT "MF1015" "failed request to an App Mesh API"
        "A server of the App Mesh API could not be reached, or refused what the command asked of it. The message says \
         what it answered."
    TOKEN "MF1016" "invalid proxy token request"
        "A token is for one proxy, or for every proxy of a mesh, and ends after a time: `meshform token \
         mesh/MESH/virtualNode/NAME --ttl 24h`. It is made with the master key of the servers."
    LOGIN "MF0824" "login with an AWS identity refused"
        "Somebody logs in with an identity of AWS by a signed request for STS's `GetCallerIdentity`, which `meshform keys session \
         --aws` makes for one server. The identity must be one that `meshform keys trust` has let in: a role, by its ARN \
         without the path, or a user."
    STS "MF0825" "AWS STS unreachable"
        "The server asks AWS's Security Token Service who has signed a request to log in (`--sts`). It did not answer, or \
         not as STS does; the message says how."
    TLS "MF1017" "unusable server certificate"
        "The server's certificate, its key or the authority of the proxies' certificates cannot be read, or the key is \
         not that of the certificate. The message says which file, and why."
}
