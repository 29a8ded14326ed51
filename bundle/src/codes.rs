//! The codes of what agents say, and of what is said of the proxies that they look after.

use meshform_model::diag::Code;
use std::fmt::Display;

meshform_model::codes! {
    REJECTED "MF0430" "release refused by Envoy"
        "The Envoy of at least one proxy did not take its part of the current release. Its agent went back to the \
         last release that was taken, so requests go on as before; a new proxy that has none stays unhealthy. The message has what Envoy says, and which \
         resource and field it comes from where that is known. The agent does not try the same configuration again; \
         the next release that changes it heals the proxy."
    NOT_SERVING "MF0431" "proxy that does not serve"
        "Envoy has ended, does not answer its agent, or is not ready; the reasons say which. The log of the proxy's \
         container has more. An Envoy that ends is started again up to MESHFORM_RESTARTS times within ten minutes. After that the agent gives \
         up and ends, and `meshform status` shows the proxy as failing until an agent that was started later serves in its place, or, \
         where other instances of the node serve, for 25 minutes; at most for a day."
    SILENT "MF0432" "proxy without a recent report"
        "An agent writes how its proxy is every ten minutes. This one has not for 25 minutes and did not say that it \
         ends: it was killed, or cannot write to the bucket. A release takes such reports away after a day."
    SETTING "MF0433" "invalid agent setting"
        "A variable of the agent, or a field of the file that MESHFORM_CONFIG names, has a value that cannot be used, \
         or one that is needed is missing. `meshform-agent --help` lists all of them. After an error nothing was started; after a \
         warning the setting is ignored, or does what the warning says."
    UNPUBLISHED "MF0434" "proxy without a published release"
        "The store has no `current.json` of this proxy. Either its mesh is not published to this bucket and prefix, \
         or MESHFORM_PROXY (or APPMESH_RESOURCE_ARN) names a virtual node or gateway that the mesh does not have. A \
         proxy that has run before goes on with its last good release."
    DENIED "MF0435" "bucket access denied to an agent"
        "The role of the proxy's task or pod may not read or write an object: `meshform policy --proxy` writes the \
         policy that it needs. Or the bucket does not accept the credentials, or no longer; the message says which. Without `s3:ListBucket` S3 also answers 403 for objects that are not there. The proxy \
         goes on with what it has, and the agent asks again."
    AWAY "MF0436" "store out of reach of an agent"
        "The store cannot be reached, is overloaded, or answers with an error. The proxy goes on with what it has, \
         and the agent asks again until the store answers. Credentials that cannot be had are told here too."
    MALFORMED "MF0437" "malformed object in a store"
        "An object is damaged, cut short, of another proxy, or of a format that a newer version writes. It is not \
         used. `meshform release` writes what is damaged again; for a newer format update the agent."
    CLOCK "MF0438" "wrong clock on a proxy's machine"
        "S3 refuses requests that are signed more than five minutes away from its own time. The message has both \
         times. Set the clock of the machine; the proxy goes on with what it has until then."
    UNCONFIRMED "MF0439" "release without confirmation by Envoy"
        "Envoy has neither taken nor refused a release within a minute: it is not up yet, waits for a server that it \
         needs, or does not read its directory. The agent goes on to look and tries again."
    DIRECTORY "MF0440" "unusable agent directory"
        "MESHFORM_DIR cannot be read or written, its disk is full, or another agent runs on it. Each proxy needs a \
         directory of its own that its agent may write. Envoy goes on with the files that it has."
    CERTIFICATES "MF0441" "changed certificate not in use"
        "Files of certificates have changed, and Envoy refused them or could not be asked. It goes on with those that \
         it had. Certificate and key must belong together; the next change is tried again."
    OTHER_DIRECTORY "MF0442" "proxy profile for another directory"
        "The proxy profile names a `directory` that is not the one of this agent, so Envoy would look for its files \
         elsewhere. Take it out of the profile: with an agent MESHFORM_DIR says it."
    EXPORT "MF0444" "certificate that cannot be exported from ACM"
        "The proxy profile says that a certificate comes from AWS Certificate Manager, and the agent could not get it. \
         ACM exports certificates of a private authority, and public ones that were requested with export enabled. The \
         role of the proxy's task needs what `meshform policy --proxy` writes with `--certificate` or the mesh's files. \
         A proxy that has the certificate already goes on with it; one that has not keeps the release that it had, and \
         the agent tries again."
    ENDING "MF0445" "certificate of ACM that ends soon"
        "A certificate that the agent exported ends within a week, and ACM has no newer one. ACM renews what it issued \
         sixty days (private authorities) or forty-five days (public ones) before the end; imported ones it does not. \
         Look at the certificate's renewal status in ACM."
    OLDER "MF0447" "release older than one that was taken"
        "The store's object for the proxy has a smaller sequence than one that the agent has seen, so it is not used: a slow \
         publisher must not turn proxies back. The next release corrects that. Where the store or the bucket was made anew under \
         the same name its sequences begin again: stop the agent, empty MESHFORM_DIR, and start it, or replace the task."
    FALLBACK "MF0446" "proxy started without its control plane"
        "The bootstrap that Envoy is given is for ADS, and the control plane did not say that it is ready (`/readyz`) within \
         MESHFORM_CONTROL_PLANE_WAIT. So Envoy was started with the files of the last release, from the store or the agent's \
         disk, and follows releases by files. It returns to ADS when it is next started: replace the task once the control \
         plane is back, or set MESHFORM_RESTART=idle."
    LOOKUP "MF0450" "failed lookup of endpoints"
        "The poller, or a proxy that asks Cloud Map itself, could not look up the instances of a virtual node: Cloud Map does not \
         have the namespace or service in AWS_REGION, refused the request, or cannot be reached; a name could not be resolved; or \
         the file that MESHFORM_ENDPOINTS names cannot be read. The node's endpoints stay what they were, and it asks again."
    IDLE "MF0451" "poller without nodes to look up"
        "Nothing that is published for the poller's mesh is found by Cloud Map. That is right for a mesh without Cloud Map \
         discovery, or before its first release. Otherwise MESHFORM_MESH or MESHFORM_STORE is not what applies publish to."
}

/// A message with its code, as agents log and report it. One that has a code already keeps that.
pub fn told(code: Code, message: impl Display) -> String {
    let message = message.to_string();
    let has_code = CODES.iter().any(|info| message.starts_with(info.code.0));
    if has_code {
        message
    } else {
        format!("{code}: {message}")
    }
}

/// A message with what it is about before it: its code stays in front.
pub fn told_of(code: Code, what: &str, message: &str) -> String {
    let own = CODES.iter().find_map(|info| {
        let rest = message.strip_prefix(info.code.0)?.strip_prefix(": ")?;
        Some((info.code, rest))
    });
    let (code, message) = own.unwrap_or((code, message));
    told(code, format!("{what}: {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_code_of_a_message_stays() {
        assert_eq!(told(AWAY, "no answer"), "MF0436: no answer");
        assert_eq!(told(AWAY, told(CLOCK, "late")), "MF0438: late");
        assert_eq!(told_of(AWAY, "not written", "full"), "MF0436: not written: full");
        assert_eq!(
            told_of(AWAY, "not written", &told(CLOCK, "late")),
            "MF0438: not written: late"
        );
    }
}
