//! The codes of what agents say, and of what is said of the proxies that they look after.

use meshform_model::diag::Code;
use std::fmt::Display;

meshform_model::codes! {
    REJECTED "MF0430" "release refused by Envoy"
        "The Envoy of at least one proxy rejected its part of the current release. Its agent rolled back to the \
         last accepted release, so traffic continues as before; a new proxy without one stays unhealthy. The \
         message gives Envoy's error and, where known, the resource and field that it comes from. The agent does \
         not retry the same configuration; the next release that changes it resolves the problem."
    NOT_SERVING "MF0431" "unhealthy proxy"
        "Envoy has exited, does not answer its agent, or is not ready; the reasons say which. The log of the \
         proxy's container has more. An Envoy that exits is restarted up to MESHFORM_RESTARTS times within ten \
         minutes. After that the agent gives up and exits, and `meshform status` shows the proxy as failing until \
         an agent that was started later serves in its place, or, where other instances of the node serve, for 25 \
         minutes; at most for a day."
    SILENT "MF0432" "proxy without a recent report"
        "An agent reports its proxy's state every ten minutes. This one has not for 25 minutes and did not \
         announce its end: it was killed, or cannot write to the bucket. Publishing a release removes such reports \
         after a day."
    SETTING "MF0433" "invalid agent setting"
        "A variable of the agent, or a field of the file that MESHFORM_CONFIG names, is invalid, or a required one \
         is missing. `meshform-agent --help` lists them all. After an error nothing was started; after a warning \
         the setting is ignored, or does what the warning says."
    UNPUBLISHED "MF0434" "proxy without a published release"
        "The store has no `current.json` for this proxy. Either its mesh is not published to this bucket and \
         prefix, or MESHFORM_PROXY (or APPMESH_RESOURCE_ARN) names a virtual node or gateway that the mesh does \
         not have. A proxy that has run before keeps its last good release."
    DENIED "MF0435" "bucket access denied to an agent"
        "The role of the proxy's task or pod may not read or write an object: `meshform policy --proxy` writes the \
         policy that it needs. Or the bucket rejects the credentials; the message says which. Without \
         `s3:ListBucket`, S3 also answers 403 for objects that do not exist. The proxy keeps its configuration, \
         and the agent retries."
    AWAY "MF0436" "store unreachable for an agent"
        "The store cannot be reached, is overloaded, or answers with an error. The proxy keeps its configuration, \
         and the agent retries until the store answers. Missing credentials are reported here too."
    MALFORMED "MF0437" "malformed object in a store"
        "An object is damaged, truncated, of another proxy, or in a newer format. It is not used. `meshform \
         release` writes damaged objects again; for a newer format, update the agent."
    CLOCK "MF0438" "wrong clock on a proxy's machine"
        "S3 rejects requests whose signing time is more than five minutes off. The message has both times. Correct \
         the clock of the machine; until then the proxy keeps its configuration."
    UNCONFIRMED "MF0439" "release without confirmation by Envoy"
        "Envoy has neither accepted nor rejected a release within a minute: it is still starting, waits for a \
         server that it needs, or does not watch its directory. The agent keeps checking and tries again."
    DIRECTORY "MF0440" "unusable agent directory"
        "MESHFORM_DIR cannot be read or written, its disk is full, or another agent uses it. Each proxy needs its \
         own directory that its agent may write to. Envoy keeps the files that it has."
    CERTIFICATES "MF0441" "changed certificate not in use"
        "Certificate files have changed, and Envoy rejected them or could not be asked. It keeps the previous \
         ones. Check that certificate and key belong together; the next change of the files is tried again."
    OTHER_DIRECTORY "MF0442" "proxy profile for another directory"
        "The proxy profile sets a `directory` that differs from this agent's, so Envoy would look for its files \
         elsewhere. Remove it from the profile: with an agent, MESHFORM_DIR sets the directory."
    EXPORT "MF0444" "certificate that cannot be exported from ACM"
        "The proxy profile takes a certificate from AWS Certificate Manager, and the agent could not export it. \
         ACM exports certificates of a private authority, and public ones that were requested with export enabled. \
         The role of the proxy's task needs the policy that `meshform policy --proxy` writes with `--certificate` \
         or the mesh's files. A proxy that has the certificate already keeps it; one without keeps its previous \
         release, and the agent retries."
    ENDING "MF0445" "ACM certificate about to expire"
        "A certificate that the agent exported expires within a week, and ACM has no newer one. ACM renews \
         certificates that it issued sixty days (private authorities) or forty-five days (public ones) before they \
         expire; imported ones it does not. Check the certificate's renewal status in ACM."
    OLDER "MF0447" "release older than the accepted one"
        "The store's object for the proxy has a smaller sequence number than one that the agent has seen, so it is \
         ignored: a slow publisher must not roll proxies back. The next release corrects that. If the store or the \
         bucket was re-created under the same name, its sequence numbers start again: stop the agent, empty \
         MESHFORM_DIR and start it, or replace the task."
    FALLBACK "MF0446" "proxy started without its control plane"
        "Envoy's bootstrap is for ADS, and the control plane did not become ready (`/readyz`) within \
         MESHFORM_CONTROL_PLANE_WAIT. Envoy was therefore started with the files of the last release, from the \
         store or the agent's disk, and follows releases by files. It returns to ADS at its next start: replace \
         the task once the control plane is back, or set MESHFORM_RESTART=idle."
    LOOKUP "MF0450" "failed lookup of endpoints"
        "The poller, or a proxy that queries Cloud Map itself, could not look up the instances of a virtual node: \
         Cloud Map does not have the namespace or service in AWS_REGION, refused the request, or cannot be \
         reached; a name could not be resolved; or the file that MESHFORM_ENDPOINTS names cannot be read. The \
         node's endpoints stay as they were, and the lookup is retried."
    IDLE "MF0451" "poller without nodes to look up"
        "Nothing that is published for the poller's mesh uses Cloud Map discovery. That is right for a mesh \
         without it, or before its first release. Otherwise MESHFORM_MESH or MESHFORM_STORE does not match what \
         applies publish to."
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
