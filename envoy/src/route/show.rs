//! An explanation as text for people.

use super::{Explanation, RouteOutcome, RouteVerdict, Sent};
use std::fmt;

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for pass in &self.passes {
            writeln!(f, "{} → {}", pass.listener, pass.table)?;
            match &pass.virtual_host {
                Some(host) => writeln!(f, "  virtual host {host}")?,
                None => writeln!(f, "  no virtual host")?,
            }
            for route in &pass.considered {
                let verdict = match &route.verdict {
                    RouteVerdict::Taken => "taken".to_owned(),
                    RouteVerdict::Not(reason) => format!("no: {reason}"),
                    RouteVerdict::NotReached => "not reached".to_owned(),
                };
                writeln!(f, "    {}: {verdict}", route.route)?;
            }
        }
        match &self.outcome {
            RouteOutcome::Sent(sent) => sent.fmt(f),
            RouteOutcome::NotFound(why) => write!(f, "404: {why}"),
            RouteOutcome::Closed(why) => write!(f, "connection closed: {why}"),
            RouteOutcome::PassedOn => f.write_str("passed on to where it was going"),
        }
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "sent as {} {}", self.host, self.path)?;
        for target in &self.targets {
            let tls = match target.tls {
                None => "",
                Some(true) => ", TLS",
                Some(false) => ", TLS, certificate not checked",
            };
            writeln!(
                f,
                "  {:>5.1} % {} ({}{tls})",
                target.percent, target.node, target.cluster
            )?;
        }
        writeln!(
            f,
            "timeout {} ({})",
            seconds(self.timeout.value),
            self.timeout.source
        )?;
        if let Some(idle) = &self.idle_timeout {
            writeln!(f, "idle timeout {} ({})", seconds(idle.value), idle.source)?;
        }
        match &self.retry {
            None => f.write_str("no retry"),
            Some(retry) => {
                let policy = &retry.value;
                write!(f, "{} retries on {}", policy.retries, policy.on.join(", "))?;
                if let Some(per_try) = policy.per_try {
                    write!(f, ", {} per try", seconds(per_try))?;
                }
                write!(f, " ({})", retry.source)
            }
        }
    }
}

fn seconds(duration: std::time::Duration) -> String {
    if duration.is_zero() {
        "none".to_owned()
    } else {
        format!("{} s", duration.as_secs_f64())
    }
}
