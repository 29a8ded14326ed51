//! Amazon resource names, taken apart in one place.

use std::fmt;

/// The parts of `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`. None of them is checked, and any may be empty: S3 leaves
/// out region and account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arn<'a> {
    /// `aws`, or another of AWS's partitions.
    pub partition: &'a str,
    /// The service as ARNs spell it: `appmesh`, `acm-pca`.
    pub service: &'a str,
    /// The region, `eu-west-1`; empty for global services.
    pub region: &'a str,
    /// The 12 digits of the account.
    pub account: &'a str,
    /// The rest, which may have colons of its own: `mesh/apps/virtualNode/a`.
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Takes an ARN apart; `None` when the text is not one. Any part may be an expression of CloudFormation, whose colons
    /// (`${AWS::Region}`) separate nothing.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut rest = text.strip_prefix("arn:")?;
        let mut part = || {
            let (part, after) = rest.split_at_checked(separator(rest)?)?;
            rest = after.strip_prefix(':')?;
            Some(part)
        };
        let (partition, service, region, account) = (part()?, part()?, part()?, part()?);
        Some(Self {
            partition,
            service,
            region,
            account,
            resource: rest,
        })
    }
}

/// Whether a text is an account id: 12 digits.
pub fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Where the first colon is that is not within `${…}`.
fn separator(text: &str) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = text.get(at..)?;
        let colon = rest.find(':')?;
        match rest.find("${").filter(|start| *start < colon) {
            Some(start) => at += start + rest.get(start..)?.find('}')? + 1,
            None => return Some(at + colon),
        }
    }
}

impl fmt::Display for Arn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            partition,
            service,
            region,
            account,
            resource,
        } = self;
        write!(f, "arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

#[cfg(test)]
mod tests {
    use super::{Arn, is_account};

    #[test]
    fn accounts_are_twelve_digits() {
        assert!(is_account("012345678901"));
        for text in ["", "12345678901", "1234567890123", "12345678901a", "١٢٣٤٥٦"] {
            assert!(!is_account(text), "{text}");
        }
    }

    #[test]
    fn an_arn_is_taken_apart_and_put_together_again() {
        for (text, parts) in [
            (
                "arn:aws-cn:appmesh:cn-north-1:123456789012:mesh/apps/virtualNode/a",
                [
                    "aws-cn",
                    "appmesh",
                    "cn-north-1",
                    "123456789012",
                    "mesh/apps/virtualNode/a",
                ],
            ),
            ("arn:aws:s3:::bucket/key", ["aws", "s3", "", "", "bucket/key"]),
            (
                "arn:aws:secretsmanager:eu-west-1:1:secret:db:password::",
                ["aws", "secretsmanager", "eu-west-1", "1", "secret:db:password::"],
            ),
            (
                "arn:${AWS::Partition}:appmesh:${AWS::Region}:${AWS::AccountId}:mesh/${Name}",
                [
                    "${AWS::Partition}",
                    "appmesh",
                    "${AWS::Region}",
                    "${AWS::AccountId}",
                    "mesh/${Name}",
                ],
            ),
        ] {
            let arn = Arn::parse(text).unwrap();
            assert_eq!(
                [arn.partition, arn.service, arn.region, arn.account, arn.resource],
                parts
            );
            assert_eq!(arn.to_string(), text);
        }
    }

    #[test]
    fn other_texts_are_none() {
        for text in [
            "",
            "arnold",
            "arn:b2",
            "arn:aws:appmesh:mesh/apps",
            "aws:arn:appmesh:eu-west-1:1:mesh/apps",
            "arn:${AWS::Partition:appmesh:eu-west-1:1:mesh/apps",
        ] {
            assert_eq!(Arn::parse(text), None, "{text}");
        }
    }
}
