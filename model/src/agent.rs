//! What agents beside proxies, and those who write their tasks and read their reports, must agree about. A test of the agent
//! holds its table of variables against it.

/// The port of `/health`, `/status` and `/metrics` where `MESHFORM_LISTEN` says nothing.
pub const PORT: u16 = 9903;

/// Where the agent keeps what it brought, where `MESHFORM_DIR` says nothing.
pub const DIRECTORY: &str = "/var/lib/meshform";

/// How often an agent writes a status that has not changed: each is a PUT, which in S3 costs more than ten times what a GET
/// does.
pub const REPORT_SECONDS: u64 = 600;

/// How often where the proxy asks Cloud Map itself: a plan takes what it says for five minutes, and up to two lie between two
/// questions.
pub const OWN_REPORT_SECONDS: u64 = 150;

/// Without a report for so long an agent is not there any more: it has missed two and half of a third.
pub const LOST_SECONDS: u64 = REPORT_SECONDS * 5 / 2;

/// The variables of the agent that others write.
pub mod variables {
    pub const ADS_BOOTSTRAP: &str = "MESHFORM_ADS_BOOTSTRAP";
    pub const CONTROL_PLANE: &str = "MESHFORM_CONTROL_PLANE";
    pub const DIR: &str = "MESHFORM_DIR";
    pub const PROXY: &str = "MESHFORM_PROXY";
    pub const STOP_TIMEOUT: &str = "MESHFORM_STOP_TIMEOUT";
    pub const STORE: &str = "MESHFORM_STORE";
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_agent_is_lost_after_25_minutes() {
        // Messages say so (MF0612).
        assert_eq!(super::LOST_SECONDS, 25 * 60);
    }
}
