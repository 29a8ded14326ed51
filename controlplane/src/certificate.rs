//! When a certificate expires. Whoever verifies certificates looks at that once, when a connection begins, and does not tell it;
//! the libraries that do bring a reader of everything that ASN.1 can say.

use meshform_store::Timestamp;

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// The time that X.509 calls `notAfter`, of a certificate in DER.
pub(crate) fn expiry(der: &[u8]) -> Option<Timestamp> {
    let (certificate, _) = part(der, SEQUENCE)?;
    let (mut rest, _) = part(certificate, SEQUENCE)?;
    if let Some((_, after)) = part(rest, VERSION) {
        rest = after;
    }
    // Serial number, algorithm of the signature, issuer.
    for tag in [INTEGER, SEQUENCE, SEQUENCE] {
        (_, rest) = part(rest, tag)?;
    }
    let (validity, _) = part(rest, SEQUENCE)?;
    let (_, rest) = time(validity)?;
    time(rest).map(|(until, _)| until)
}

/// The content of a value with that tag, and what comes after it.
fn part(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (_, rest) = der.split_first().filter(|(found, _)| **found == tag)?;
    let (short, rest) = rest.split_first()?;
    let (length, rest) = match usize::from(*short) {
        short @ ..0x80 => (short, rest),
        long => {
            let (bytes, rest) = rest
                .split_at_checked(long - 0x80)
                .filter(|(bytes, _)| bytes.len() <= 4)?;
            let length = bytes
                .iter()
                .fold(0, |length, byte| (length << 8) | usize::from(*byte));
            (length, rest)
        }
    };
    rest.split_at_checked(length)
}

fn time(der: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (text, rest, century) = match part(der, UTC_TIME) {
        Some((text, rest)) => {
            let century = if text.first()? < &b'5' { "20" } else { "19" };
            (text, rest, century)
        }
        None => part(der, GENERALIZED_TIME).map(|(text, rest)| (text, rest, ""))?,
    };
    let text = format!("{century}{}", std::str::from_utf8(text).ok()?);
    let digits = text.strip_suffix('Z').filter(|digits| digits.len() == 14)?;
    let [year, month, day, hour, minute, second] = [(0, 4), (4, 6), (6, 8), (8, 10), (10, 12), (12, 14)]
        .map(|(from, to)| digits.get(from..to).unwrap_or_default());
    let at = format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z");
    Some((at.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_both_forms() {
        let read = |tag: u8, text: &str| {
            let mut der = vec![tag, u8::try_from(text.len()).unwrap()];
            der.extend(text.as_bytes());
            time(&der).map(|(at, _)| at.to_string())
        };
        for (text, expected) in [
            ("19700101000000Z", "1970-01-01T00:00:00"),
            ("20240229235959Z", "2024-02-29T23:59:59"),
            ("20261130204500Z", "2026-11-30T20:45:00"),
            ("21000301000000Z", "2100-03-01T00:00:00"),
        ] {
            assert!(
                read(GENERALIZED_TIME, text).unwrap().starts_with(expected),
                "{text}"
            );
        }
        assert!(
            read(UTC_TIME, "491231235959Z")
                .unwrap()
                .starts_with("2049-12-31T23:59:59")
        );
        assert!(read(UTC_TIME, "500101000000Z").unwrap().starts_with("1950-01-01"));
        for wrong in ["20240229235959", "2024022923595Z", "2024022923595xZ", "Z", ""] {
            assert_eq!(read(GENERALIZED_TIME, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_no_certificate_has_no_end() {
        let mut certificate = vec![SEQUENCE, 0x84, 0, 0, 0, 0];
        assert_eq!(expiry(&certificate), None);
        certificate.extend([SEQUENCE, 0x85, 1, 1, 1, 1, 1]);
        for length in 0..=certificate.len() {
            assert_eq!(expiry(&certificate[..length]), None);
        }
    }
}
