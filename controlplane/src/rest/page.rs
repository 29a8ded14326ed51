//! Pages of lists: where the next one begins travels in the token, sealed, so that the server keeps nothing and a list
//! goes on where it was, whatever is written in between.

use crate::codes;
use crate::fault::Fault;
use crate::seal::Sealer;

/// How many there are in a page at most, and where nothing is asked: as in the API of App Mesh.
const MOST: usize = 100;

/// Reads `limit`, of which at most `most` may be asked.
pub(crate) fn limit(given: Option<&str>, most: usize) -> Result<usize, Fault> {
    let Some(text) = given else {
        return Ok(most.min(MOST));
    };
    // A number is its digits: the library also takes a sign.
    let digits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    match digits.and_then(|digits| digits.parse::<usize>().ok()) {
        Some(limit) if (1..=most).contains(&limit) => Ok(limit),
        _ => Err(Fault::bad(
            codes::BAD_REQUEST,
            format!("limit: `{text}` is not a number from 1 to {most}"),
        )),
    }
}

/// The token after an item of a list. `list` names operation and path: the token belongs to no other.
pub(crate) fn token(sealer: &Sealer, list: &str, last: &str) -> Result<String, Fault> {
    sealer.seal(list, last.as_bytes()).ok_or_else(|| {
        Fault::internal("no page token can be made: the system's random number generator failed")
    })
}

/// The item after which the page begins.
pub(crate) fn after(sealer: &Sealer, list: &str, token: Option<&str>) -> Result<Option<String>, Fault> {
    let Some(token) = token else {
        return Ok(None);
    };
    let opened = sealer.open(list, token);
    match opened.and_then(|bytes| String::from_utf8(bytes).ok()) {
        Some(after) => Ok(Some(after)),
        None => Err(Fault::bad(
            codes::PAGE,
            "nextToken: it is not from a page of this list; leave it out to begin at the first page",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_digits_within_its_bounds() {
        assert_eq!(limit(Some("7"), 100).ok(), Some(7));
        assert_eq!(limit(None, 50).ok(), Some(50));
        for wrong in ["", "0", "101", "+5", "-1", "5.0", " 5", "99999999999999999999999"] {
            assert!(limit(Some(wrong), 100).is_err(), "{wrong}");
        }
    }
}
