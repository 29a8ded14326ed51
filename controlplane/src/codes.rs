//! The codes of this crate's problems.

use meshform_model::diag::{Code, CodeInfo};

/// A request that the API cannot read.
pub const BAD_REQUEST: Code = Code("MF1001");
/// A path or method that the API does not have.
pub const NO_OPERATION: Code = Code("MF1002");
/// A resource, or what it would be in, that is not there.
pub const NOT_FOUND: Code = Code("MF1003");
/// Another request under a token that was used.
pub const TOKEN_REUSED: Code = Code("MF1004");
/// A page token of another list.
pub const PAGE: Code = Code("MF1005");
/// Too many tags.
pub const TAGS: Code = Code("MF1006");
/// A caller who may not do this.
pub const FORBIDDEN: Code = Code("MF1007");
/// A request without a signature, or with one that does not hold.
pub const SIGNATURE: Code = Code("MF1008");
/// A key that is not known.
pub const UNKNOWN_KEY: Code = Code("MF1009");
/// A clock that is off.
pub const CLOCK: Code = Code("MF1010");
/// Too many requests.
pub const RATE: Code = Code("MF1011");
/// A failure of the server.
pub const INTERNAL: Code = Code("MF1012");
/// A setting of the server that cannot be.
pub const SETTINGS: Code = Code("MF1013");
/// A master key that is none, or another one.
pub const MASTER_KEY: Code = Code("MF1014");

/// A server of the API that cannot be asked.
pub const API_CLIENT: Code = Code("MF1015");

/// A token of a proxy that cannot be made.
pub const TOKEN: Code = Code("MF1016");
/// Certificates with which the server cannot listen.
pub const TLS: Code = Code("MF1017");

/// What the documentation says of them.
pub const CODES: &[CodeInfo] = &[
    CodeInfo {
        code: BAD_REQUEST,
        title: "unreadable API request",
        explanation: "The body is not JSON, is larger than 1 MiB, or has members that the operation does not have; or a \
                      parameter of the query is not what the API says.",
    },
    CodeInfo {
        code: NO_OPERATION,
        title: "unknown API operation",
        explanation: "The App Mesh API has no operation with this method and path. Paths begin with `/v20190125`; a slash \
                      within a name is sent as `%2F`.",
    },
    CodeInfo {
        code: NOT_FOUND,
        title: "resource not found",
        explanation: "The resource, or the mesh, virtual router or virtual gateway that it would be in, is not in the \
                      store. A resource of another account's mesh is not found either.",
    },
    CodeInfo {
        code: TOKEN_REUSED,
        title: "client token used for another request",
        explanation: "A `clientToken` names one request, so that the same request may be sent again. This one was sent \
                      before with another content.",
    },
    CodeInfo {
        code: PAGE,
        title: "invalid page token",
        explanation: "`nextToken` is taken from the answer to the request before, of the same operation with the same \
                      path. Leave it out to begin at the first page.",
    },
    CodeInfo {
        code: TAGS,
        title: "too many tags",
        explanation: "A resource has at most 50 tags, those that it had before included.",
    },
    CodeInfo {
        code: FORBIDDEN,
        title: "API key without permission",
        explanation: "A key writes resources of its own owner, in the meshes that it was made for; a read-only key \
                      writes nothing. An administrator's key may do everything.",
    },
    CodeInfo {
        code: SIGNATURE,
        title: "request signature missing or invalid",
        explanation: "Requests are signed by AWS's signature version 4 with a key of this server (`meshform keys create`), \
                      for the service `appmesh`. A proxy in front must keep the header `Host`, which is signed.",
    },
    CodeInfo {
        code: UNKNOWN_KEY,
        title: "unknown API key",
        explanation: "The access key id is not one of this server's, or was revoked. Keys of AWS are not known here: only \
                      AWS could check them. Make one with `meshform keys create`.",
    },
    CodeInfo {
        code: CLOCK,
        title: "request time too far from the server's",
        explanation: "A signed request is taken for five minutes before and after the time that it says, so that it cannot \
                      be sent again later. One of the two clocks is wrong.",
    },
    CodeInfo {
        code: RATE,
        title: "too many requests",
        explanation: "A key may make so many requests a second as the server's `rate` says. Clients of AWS wait and try \
                      again by themselves.",
    },
    CodeInfo {
        code: INTERNAL,
        title: "failure of the server",
        explanation: "The server failed while it answered; its log says where. What was stored stays as it was.",
    },
    CodeInfo {
        code: SETTINGS,
        title: "invalid server settings",
        explanation: "A setting of `meshform serve` cannot be, or does not go with another one. Without authentication \
                      the server listens on a loopback address only.",
    },
    CodeInfo {
        code: MASTER_KEY,
        title: "invalid or wrong master key",
        explanation: "The secrets of API keys are kept encrypted under a master key: 32 bytes as Base64, from a file or \
                      from MESHFORM_MASTER_KEY. `meshform keys init` makes one; every server of a store needs the same.",
    },
    CodeInfo {
        code: API_CLIENT,
        title: "failed request to an App Mesh API",
        explanation: "A server of the App Mesh API could not be reached, or refused what the command asked of it. The \
                      message says what it answered.",
    },
    CodeInfo {
        code: TOKEN,
        title: "invalid proxy token request",
        explanation: "A token is for one proxy, or for every proxy of a mesh, and ends after a time: `meshform token \
                      mesh/MESH/virtualNode/NAME --ttl 24h`. It is made with the master key of the servers.",
    },
    CodeInfo {
        code: TLS,
        title: "unusable server certificate",
        explanation: "The server's certificate, its key or the authority of the proxies' certificates cannot be read, or \
                      the key is not that of the certificate. The message says which file, and why.",
    },
];
