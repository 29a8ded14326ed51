//! The codes of what agents say, and of what is said of the proxies that they look after.

use meshform_model::diag::{Code, CodeInfo};
use std::fmt::Display;

/// Envoy refused the current release.
pub const REJECTED: Code = Code("MF0430");
/// A proxy does not serve.
pub const NOT_SERVING: Code = Code("MF0431");
/// A proxy reports nothing any more.
pub const SILENT: Code = Code("MF0432");
/// An agent is set up in a way that cannot work.
pub const SETTING: Code = Code("MF0433");
/// Nothing is published for a proxy.
pub const UNPUBLISHED: Code = Code("MF0434");
/// A bucket refuses what an agent asks.
pub const DENIED: Code = Code("MF0435");
/// A store does not answer, or not as it should.
pub const AWAY: Code = Code("MF0436");
/// An object that an agent read is not what it should be.
pub const MALFORMED: Code = Code("MF0437");
/// The clock of a proxy's machine is wrong.
pub const CLOCK: Code = Code("MF0438");
/// Envoy has not confirmed a release.
pub const UNCONFIRMED: Code = Code("MF0439");
/// An agent's directory cannot be used.
pub const DIRECTORY: Code = Code("MF0440");
/// Certificates that have changed are not in use.
pub const CERTIFICATES: Code = Code("MF0441");
/// A bundle is for another directory than the agent's.
pub const OTHER_DIRECTORY: Code = Code("MF0442");
/// A certificate of ACM cannot be exported.
pub const EXPORT: Code = Code("MF0444");
/// A certificate of ACM ends, and there is no other.
pub const ENDING: Code = Code("MF0445");

/// What the documentation says of them.
pub const CODES: &[CodeInfo] = &[
    CodeInfo {
        code: REJECTED,
        title: "release refused by Envoy",
        explanation: "The Envoy of at least one proxy did not take its part of the current release. Its agent went back \
            to the last release that was taken, so requests go on as before. The message has what Envoy says, and which \
            resource and field it comes from where that is known. The agent does not try the same configuration again; \
            the next release that changes it heals the proxy.",
    },
    CodeInfo {
        code: NOT_SERVING,
        title: "proxy that does not serve",
        explanation: "Envoy has ended, does not answer its agent, or is not ready; the reasons say which. The log of the \
            proxy's container has more. An Envoy that ends is started again up to MESHFORM_RESTARTS times within ten \
            minutes.",
    },
    CodeInfo {
        code: SILENT,
        title: "proxy without a recent report",
        explanation: "An agent writes how its proxy is every ten minutes. This one has not for 25 minutes and did not \
            say that it ends: it was killed, or cannot write to the bucket. A release takes such reports away after a day.",
    },
    CodeInfo {
        code: SETTING,
        title: "invalid agent setting",
        explanation: "A variable of the agent, or a field of the file that MESHFORM_CONFIG names, has a value that cannot \
            be used, or one that is needed is missing. `meshform-agent --help` lists all of them. Nothing was started.",
    },
    CodeInfo {
        code: UNPUBLISHED,
        title: "nothing published for a proxy",
        explanation: "The store has no `current.json` of this proxy. Either its mesh is not published to this bucket and \
            prefix, or MESHFORM_PROXY (or APPMESH_RESOURCE_ARN) names a virtual node or gateway that the mesh does not \
            have. A proxy that has run before goes on with its last good release.",
    },
    CodeInfo {
        code: DENIED,
        title: "bucket access denied to an agent",
        explanation: "The role of the proxy's task or pod may not read or write an object. `meshform policy --proxy` \
            writes the policy that it needs. Without `s3:ListBucket` S3 also answers 403 for objects that are not there. \
            The proxy goes on with what it has, and the agent asks again.",
    },
    CodeInfo {
        code: AWAY,
        title: "store out of reach of an agent",
        explanation: "The store cannot be reached, is overloaded, or answers with an error. The proxy goes on with what it \
            has, and the agent asks again until the store answers. Credentials that cannot be had are told here too.",
    },
    CodeInfo {
        code: MALFORMED,
        title: "malformed object in a store",
        explanation: "An object is damaged, cut short, of another proxy, or of a format that a newer version writes. It is \
            not used. `meshform release` writes what is damaged again; for a newer format update the agent.",
    },
    CodeInfo {
        code: CLOCK,
        title: "clock of a proxy's machine is wrong",
        explanation: "S3 refuses requests that are signed more than five minutes away from its own time. The message has \
            both times. Set the clock of the machine; the proxy goes on with what it has until then.",
    },
    CodeInfo {
        code: UNCONFIRMED,
        title: "release not confirmed by Envoy",
        explanation: "Envoy has neither taken nor refused a release within a minute: it is not up yet, waits for a \
            server that it needs, or does not read its directory. The agent goes on to look and tries again.",
    },
    CodeInfo {
        code: DIRECTORY,
        title: "agent directory cannot be used",
        explanation: "MESHFORM_DIR cannot be read or written, its disk is full, or another agent runs on it. Each proxy \
            needs a directory of its own that its agent may write. Envoy goes on with the files that it has.",
    },
    CodeInfo {
        code: CERTIFICATES,
        title: "changed certificate not in use",
        explanation: "Files of certificates have changed, and Envoy refused them or could not be asked. It goes on with \
            those that it had. Certificate and key must belong together; the next change is tried again.",
    },
    CodeInfo {
        code: OTHER_DIRECTORY,
        title: "proxy profile for another directory",
        explanation: "The proxy profile names a `directory` that is not the one of this agent, so Envoy would look for its \
            files elsewhere. Take it out of the profile: with an agent MESHFORM_DIR says it.",
    },
    CodeInfo {
        code: EXPORT,
        title: "certificate that cannot be exported from ACM",
        explanation: "The proxy profile says that a certificate comes from AWS Certificate Manager, and the agent could \
            not get it. ACM exports certificates of a private authority, and public ones that were requested with export \
            enabled. The role of the proxy's task needs what `meshform policy --proxy` writes with `--certificate` or the \
            mesh's files. A proxy that has the certificate already goes on with it; one that has not keeps the release \
            that it had, and the agent tries again.",
    },
    CodeInfo {
        code: ENDING,
        title: "certificate of ACM that ends soon",
        explanation: "A certificate that the agent exported ends within a week, and ACM has no newer one. ACM renews what \
            it issued sixty days (private authorities) or forty-five days (public ones) before the end; imported ones it \
            does not. Look at the certificate's renewal status in ACM.",
    },
];

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_code_of_a_message_stays() {
        assert_eq!(told(AWAY, "no answer"), "MF0436: no answer");
        assert_eq!(told(AWAY, told(CLOCK, "late")), "MF0438: late");
    }
}
