//! Numbers as Terraform means them: decimal text of any size, compared by value.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A number without rounding. Whole numbers that fit 64 bits are kept as such; everything else keeps the
/// decimal text it came with, so that what is echoed to Terraform is what Terraform sent.
#[derive(Clone)]
pub struct Number(Repr);

#[derive(Clone)]
enum Repr {
    Int(i64),
    /// Never a whole number that fits `Int`.
    Text(Box<str>),
}

/// The text was not a decimal number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a decimal number")]
pub struct NotANumber(String);

/// Sign, digits without zeros at either end, and the power of ten of the last digit.
#[derive(PartialEq, Eq)]
struct Canonical {
    negative: bool,
    digits: String,
    exponent: i64,
}

/// Exponents beyond this are refused: no configuration means them, and arithmetic on them must not overflow.
const MAX_EXPONENT: i64 = 1_000_000_000;

impl Number {
    /// The number a person means by this float: its shortest decimal text. `None` for NaN and infinities.
    pub fn from_f64(value: f64) -> Option<Self> {
        value
            .is_finite()
            .then(|| format!("{value}").parse().ok())
            .flatten()
    }

    /// The exact value of a float, digit by digit; this is what a float on the wire stands for.
    pub fn from_f64_exact(value: f64) -> Option<Self> {
        // 1074 digits after the point are enough for every double, and the formatting is exact.
        value
            .is_finite()
            .then(|| format!("{value:.1074}").parse().ok())
            .flatten()
    }

    /// The number as `i64`, when it is complete and fits.
    pub fn as_i64(&self) -> Option<i64> {
        match &self.0 {
            Repr::Int(value) => Some(*value),
            Repr::Text(_) => None,
        }
    }

    /// The number as `u64`, when it is complete and fits.
    pub fn as_u64(&self) -> Option<u64> {
        match &self.0 {
            Repr::Int(value) => u64::try_from(*value).ok(),
            Repr::Text(text) => text.parse().ok(),
        }
    }

    /// The nearest number of 64 bits; digits beyond its precision are lost.
    pub fn as_f64(&self) -> f64 {
        match &self.0 {
            // Rounding is what the caller asked for.
            #[allow(clippy::cast_precision_loss)]
            Repr::Int(value) => *value as f64,
            Repr::Text(text) => text.parse().unwrap_or(f64::NAN),
        }
    }

    fn canonical(&self) -> Canonical {
        match &self.0 {
            Repr::Int(value) => Canonical::of(&value.to_string()),
            Repr::Text(text) => Canonical::of(text),
        }
        .unwrap_or(Canonical {
            negative: false,
            digits: String::new(),
            exponent: 0,
        })
    }
}

impl Canonical {
    fn of(text: &str) -> Option<Self> {
        let (negative, rest) = match text.as_bytes().first()? {
            b'-' => (true, text.get(1..)?),
            b'+' => (false, text.get(1..)?),
            _ => (false, text),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
            None => (rest, 0),
        };
        if exponent.abs() > MAX_EXPONENT {
            return None;
        }
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !plain(whole) || !plain(fraction) {
            return None;
        }
        let fraction = fraction.trim_end_matches('0');
        let all = format!("{whole}{fraction}");
        let digits = all.trim_start_matches('0');
        let kept = digits.trim_end_matches('0');
        let shift = i64::try_from(fraction.len()).ok()?;
        let dropped = i64::try_from(digits.len().checked_sub(kept.len())?).ok()?;
        if kept.is_empty() {
            return Some(Self {
                negative: false,
                digits: String::new(),
                exponent: 0,
            });
        }
        Some(Self {
            negative,
            digits: kept.to_owned(),
            exponent: exponent - shift + dropped,
        })
    }

    fn as_i64(&self) -> Option<i64> {
        if self.digits.is_empty() {
            return Some(0);
        }
        let zeros = usize::try_from(self.exponent).ok().filter(|zeros| *zeros < 20)?;
        let sign = if self.negative { "-" } else { "" };
        format!("{sign}{}{}", self.digits, "0".repeat(zeros)).parse().ok()
    }

    fn magnitude(&self, other: &Self) -> Ordering {
        let lead = |number: &Self| (number.digits.len() as i64).saturating_add(number.exponent);
        match (self.digits.is_empty(), other.digits.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => lead(self)
                .cmp(&lead(other))
                .then_with(|| self.digits.cmp(&other.digits)),
        }
    }
}

/// The same text as JSON would write it: no plus sign, no zeros in front, and none at the end of a plain
/// fraction (a float printed with 1074 digits would drag them along).
fn tidy(text: &str) -> String {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.trim_start_matches('+')),
    };
    let end = rest.find(['.', 'e', 'E']).unwrap_or(rest.len());
    let (whole, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let plain = after.starts_with('.') && !after.contains(['e', 'E']);
    let after = if plain {
        after.trim_end_matches('0').trim_end_matches('.')
    } else {
        after
    };
    format!("{sign}{whole}{after}")
}

impl FromStr for Number {
    type Err = NotANumber;

    fn from_str(text: &str) -> Result<Self, NotANumber> {
        if let Ok(value) = text.parse::<i64>() {
            return Ok(Self(Repr::Int(value)));
        }
        let short = || NotANumber(text.chars().take(64).collect());
        let canonical = Canonical::of(text).ok_or_else(short)?;
        Ok(match canonical.as_i64() {
            Some(value) => Self(Repr::Int(value)),
            None => Self(Repr::Text(tidy(text).into())),
        })
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Repr::Int(a), Repr::Int(b)) => a == b,
            (Repr::Text(a), Repr::Text(b)) => a == b || self.canonical() == other.canonical(),
            _ => false,
        }
    }
}

impl Eq for Number {}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        if let (Repr::Int(a), Repr::Int(b)) = (&self.0, &other.0) {
            return a.cmp(b);
        }
        let (a, b) = (self.canonical(), other.canonical());
        match (a.negative, b.negative) {
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => a.magnitude(&b),
            (true, true) => b.magnitude(&a),
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Int(value) => write!(f, "{value}"),
            Repr::Text(text) => f.write_str(text),
        }
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Number({self})")
    }
}

macro_rules! from_whole {
    ($($ty:ty),*) => { $(impl From<$ty> for Number {
        fn from(value: $ty) -> Self { Self(Repr::Int(i64::from(value))) }
    })* };
}
from_whole!(i8, i16, i32, i64, u8, u16, u32);

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        match i64::try_from(value) {
            Ok(value) => Self(Repr::Int(value)),
            Err(_) => Self(Repr::Text(value.to_string().into())),
        }
    }
}

impl From<usize> for Number {
    fn from(value: usize) -> Self {
        Self::from(value as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn n(text: &str) -> Number {
        text.parse().unwrap()
    }

    #[test]
    fn numbers_are_equal_by_value_and_keep_their_text() {
        assert_eq!(n("1.50"), n("1.5"));
        assert_eq!(n("100e-2"), n("1"));
        assert_eq!(n("1e2").as_i64(), Some(100));
        assert_eq!(n("-0"), n("0.0"));
        assert_ne!(n("0.1"), Number::from_f64_exact(0.1).unwrap());
        assert_eq!(n("0.1"), Number::from_f64(0.1).unwrap());
        assert_eq!(n("0.5"), Number::from_f64_exact(0.5).unwrap());
        assert_eq!(
            n("12345678901234567890123").to_string(),
            "12345678901234567890123"
        );
        assert_eq!(n("18446744073709551615").as_u64(), Some(u64::MAX));
        assert_eq!(n("1e400").to_string(), "1e400");
    }

    #[test]
    fn order_is_numeric() {
        let sorted = [
            "-1e30",
            "-2",
            "-1.5",
            "0",
            "1e-9",
            "0.5",
            "2",
            "10",
            "1e19",
            "12345678901234567890123",
        ];
        for pair in sorted.windows(2) {
            assert!(n(pair[0]) < n(pair[1]), "{} < {}", pair[0], pair[1]);
        }
    }

    #[test]
    fn hostile_text_is_refused() {
        for text in [
            "",
            "-",
            "1.",
            ".5",
            "1e",
            "1e99999999999999999999",
            "0x10",
            "NaN",
            "inf",
            "1 ",
            "１",
        ] {
            assert!(text.parse::<Number>().is_err(), "{text}");
        }
        assert!(Number::from_f64(f64::NAN).is_none());
        assert!(Number::from_f64_exact(f64::INFINITY).is_none());
    }
}
