//! How long a user lets an operation take: the customary `timeouts` block.

use std::future::Future;
use std::time::Duration;

use crate::schema::{Attribute, NestedBlock};
use crate::validate::validator;
use crate::value::Value;
use crate::{Context, Diagnostic};

/// A `timeouts` block for these operations, such as `["create", "delete"]`.
pub fn block<const N: usize>(operations: [&'static str; N]) -> NestedBlock {
    operations
        .into_iter()
        .fold(NestedBlock::single("timeouts"), |block, operation| {
            let attribute = Attribute::string(operation)
                .optional()
                .description("How long it may take, such as `30m`.");
            block.attribute(
                attribute.validate(validator("a duration", |value| match value.as_str() {
                    Some(text) if parse(text).is_none() => Err(format!(
                        "{text:?} is not a duration such as `90s`, `30m` or `1h30m`."
                    )),
                    _ => Ok(()),
                })),
            )
        })
}

/// What the block of a configuration, plan or state says about an operation, or the usual time.
pub fn of(value: &Value, operation: &str, usual: Duration) -> Duration {
    value
        .get("timeouts")
        .str(operation)
        .and_then(parse)
        .unwrap_or(usual)
}

/// A duration as Terraform's users write it: `1h30m`, `90s`, `1.5h`, `250ms`.
pub fn parse(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at_checked(end)?;
        let unit_end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(unit_end)?;
        let seconds = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 0.001,
            _ => return None,
        };
        let part = Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()?;
        total = total.checked_add(part)?;
        rest = after;
    }
    (!text.is_empty()).then_some(total)
}

impl Context {
    /// Lets work go on for so long, or until the user wants everything to stop.
    ///
    /// # Errors
    /// When it did not end before.
    pub async fn within<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Result<T, Diagnostic> {
        tokio::select! {
            done = work => Ok(done),
            () = tokio::time::sleep(limit) => Err(Diagnostic::error(
                "Timed out",
                format!("It took longer than {limit:?}. The `timeouts` block of the resource may allow more."),
            )),
            () = self.cancelled() => {
                Err(Diagnostic::error("Cancelled", "The operation was cancelled before it was done."))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_users_write_them() {
        assert_eq!(parse("1h30m"), Some(Duration::from_secs(5400)));
        assert_eq!(parse("1.5h"), Some(Duration::from_secs(5400)));
        assert_eq!(parse("250ms"), Some(Duration::from_millis(250)));
        for wrong in [
            "",
            "5",
            "m",
            "1d",
            "-1s",
            "1..5s",
            "1e9h",
            "99999999999999999999h",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
