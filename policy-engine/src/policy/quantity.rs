//! Kubernetes quantities as integers of a chosen unit: `500m` cores are 500 thousandths, `1Gi` is 1073741824 bytes.

/// What an amount is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Whole pieces, e.g. devices or bytes.
    One,
    /// Thousandths, e.g. of a GPU or a core.
    Milli,
}

/// Text that is no amount in the unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidQuantity {
    /// It does not have the form of a quantity.
    #[error("a quantity is digits with an optional fraction and suffix, e.g. 4, 0.5, 500m or 64Gi")]
    Form,
    /// It is below zero.
    #[error("a limit is not negative")]
    Negative,
    /// It has more decimals than the unit.
    #[error("at most three decimals count")]
    FinerThanMilli,
    /// It is no whole number.
    #[error("it counts whole pieces")]
    NotWhole,
    /// It is larger than the platform counts.
    #[error("it is larger than 2^63")]
    TooLarge,
}

/// No quantity that people mean is longer.
const MAX_LENGTH: usize = 64;

/// Reads a quantity exactly: what the unit cannot hold is an error, nothing is rounded.
///
/// # Errors
/// What is wrong with the text.
pub fn parse(text: &str, unit: Unit) -> Result<u64, InvalidQuantity> {
    read(text, unit, false)
}

/// Reads a quantity as the scheduler does: what is finer than the unit counts as one more of it.
///
/// # Errors
/// What is wrong with the text.
pub fn parse_up(text: &str, unit: Unit) -> Result<u64, InvalidQuantity> {
    read(text, unit, true)
}

/// Reads what there is of something: what is finer than the unit is left out.
///
/// # Errors
/// What is wrong with the text.
pub fn parse_down(text: &str, unit: Unit) -> Result<u64, InvalidQuantity> {
    let each = match unit {
        Unit::One => 1_000_000_000,
        Unit::Milli => 1_000_000,
    };
    let nanos = nanos(text)?;
    if nanos < 0 {
        return Err(InvalidQuantity::Negative);
    }
    i64::try_from(nanos / each).map(i64::unsigned_abs).map_err(|_| InvalidQuantity::TooLarge)
}

/// Reads a quantity of either sign in billionths. Kubernetes counts nothing finer: a part of one is one, away from zero.
///
/// # Errors
/// What is wrong with the text.
pub fn nanos(text: &str) -> Result<i128, InvalidQuantity> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let Factors { value, binary, decimal, suffix: _ } = factors(rest)?;
    if value == 0 {
        return Ok(0);
    }
    let value = value.checked_mul(1 << binary).ok_or(InvalidQuantity::TooLarge)?;
    let shift = decimal + 9;
    let scale = 10_u128.checked_pow(shift.unsigned_abs());
    let nanos = match scale {
        _ if shift >= 0 => scale.and_then(|scale| value.checked_mul(scale)).ok_or(InvalidQuantity::TooLarge)?,
        Some(scale) => value.div_ceil(scale),
        None => 1,
    };
    i128::try_from(nanos).map(|nanos| sign * nanos).map_err(|_| InvalidQuantity::TooLarge)
}

/// The amount in the API server's form (`0.5` as `500m`, `1024Mi` as `1Gi`); text that is no amount, or has an exponent, as
/// it is.
pub fn canonical(text: &str) -> String {
    rewritten(text).unwrap_or_else(|| text.to_owned())
}

fn rewritten(text: &str) -> Option<String> {
    const ONE: u128 = 1_000_000_000;
    let Factors { value, binary, decimal, suffix } = factors(text).ok()?;
    if value == 0 {
        return Some("0".into());
    }
    let _no_exponent = SUFFIXES.iter().find(|(name, ..)| *name == suffix)?;
    let shift = decimal + 9;
    let scale = 10_u128.checked_pow(shift.unsigned_abs())?;
    let value = value.checked_mul(1 << binary)?;
    let nanos =
        if shift < 0 { value.is_multiple_of(scale).then(|| value / scale)? } else { value.checked_mul(scale)? };
    // What was written with a binary suffix, and is no whole number, is written in decimals.
    let whole = binary > 0 && nanos.is_multiple_of(ONE);
    let fits = |(suffix, two, ten): &(&str, u32, i32)| {
        let unit = (1 << two) * 10_u128.pow((ten + 9).unsigned_abs());
        let may = if whole { *ten == 0 } else { *two == 0 };
        (may && nanos.is_multiple_of(unit)).then(|| format!("{}{suffix}", nanos / unit))
    };
    SUFFIXES.iter().find_map(fits)
}

fn read(text: &str, unit: Unit, up: bool) -> Result<u64, InvalidQuantity> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let Factors { mut value, binary, decimal, suffix: _ } = factors(rest)?;
    if value == 0 {
        return Ok(0);
    }
    if negative {
        return Err(InvalidQuantity::Negative);
    }
    let exponent = match unit {
        Unit::One => decimal,
        Unit::Milli => decimal + 3,
    };
    value = value.checked_mul(1 << binary).ok_or(InvalidQuantity::TooLarge)?;
    for _ in 0..exponent {
        value = value.checked_mul(10).ok_or(InvalidQuantity::TooLarge)?;
    }
    let mut rest = false;
    for _ in exponent..0 {
        if value % 10 != 0 && up {
            rest = true;
        } else if value % 10 != 0 {
            return Err(match unit {
                Unit::One => InvalidQuantity::NotWhole,
                Unit::Milli => InvalidQuantity::FinerThanMilli,
            });
        }
        value /= 10;
    }
    value += u128::from(rest);
    i64::try_from(value).map(i64::unsigned_abs).map_err(|_| InvalidQuantity::TooLarge)
}

/// An amount without a sign: value × 2^binary × 10^decimal.
struct Factors<'a> {
    value: u128,
    binary: u32,
    decimal: i32,
    suffix: &'a str,
}

fn factors(text: &str) -> Result<Factors<'_>, InvalidQuantity> {
    if text.len() > MAX_LENGTH {
        return Err(InvalidQuantity::Form);
    }
    let number_end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(number_end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return Err(InvalidQuantity::Form);
    }
    let (binary, exponent) = scale(suffix).ok_or(InvalidQuantity::Form)?;
    let fraction = fraction.trim_end_matches('0');
    let value = format!("0{whole}{fraction}").parse().map_err(|_| InvalidQuantity::TooLarge)?;
    let decimals = i32::try_from(fraction.len()).map_err(|_| InvalidQuantity::Form)?;
    Ok(Factors { value, binary, decimal: exponent - decimals, suffix })
}

/// Each suffix with the powers of two and of ten that it multiplies by; of each kind the largest first.
const SUFFIXES: [(&str, u32, i32); 16] = [
    ("Ei", 60, 0),
    ("Pi", 50, 0),
    ("Ti", 40, 0),
    ("Gi", 30, 0),
    ("Mi", 20, 0),
    ("Ki", 10, 0),
    ("E", 0, 18),
    ("P", 0, 15),
    ("T", 0, 12),
    ("G", 0, 9),
    ("M", 0, 6),
    ("k", 0, 3),
    ("", 0, 0),
    ("m", 0, -3),
    ("u", 0, -6),
    ("n", 0, -9),
];

/// The power of two and of ten that a suffix, or an exponent, multiplies by.
fn scale(suffix: &str) -> Option<(u32, i32)> {
    if let Some((_, two, ten)) = SUFFIXES.iter().find(|(name, ..)| *name == suffix) {
        return Some((*two, *ten));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?;
    let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let readable = (1..=3).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    Some((0, readable.then(|| exponent.parse().ok()).flatten()?))
}

/// Thousandths as people write them: `0.5`, `2`.
pub fn decimal(milli: u64) -> String {
    let text = format!("{}.{:03}", milli / 1000, milli % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Bytes as people write them: in the largest binary unit that they are a whole number of.
pub fn bytes(bytes: u64) -> String {
    const SUFFIXES: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    // 1536Mi says more than 1.5Gi, and 1Ti less than 1024Gi.
    let power = (bytes.trailing_zeros() / 10).min(3) as usize;
    if bytes == 0 { "0".into() } else { format!("{}{}", bytes >> (10 * power), SUFFIXES[power]) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_kubernetes_reads() {
        for (text, unit, value) in [
            ("4", Unit::Milli, 4000),
            ("0.5", Unit::Milli, 500),
            (".5", Unit::Milli, 500),
            ("500m", Unit::Milli, 500),
            ("1.2500", Unit::Milli, 1250),
            ("2e3", Unit::One, 2000),
            ("15e-1", Unit::Milli, 1500),
            ("512Gi", Unit::One, 512 << 30),
            ("0.5Ki", Unit::One, 512),
            ("5G", Unit::One, 5_000_000_000),
            ("-0", Unit::One, 0),
            ("0e999", Unit::One, 0),
        ] {
            assert_eq!(parse(text, unit), Ok(value), "{text}");
        }
    }

    #[test]
    fn refuses_what_it_cannot_hold_exactly() {
        for (text, unit, why) in [
            ("", Unit::One, InvalidQuantity::Form),
            ("lots", Unit::One, InvalidQuantity::Form),
            ("1.2.3", Unit::Milli, InvalidQuantity::Form),
            ("1gi", Unit::One, InvalidQuantity::Form),
            ("1e", Unit::One, InvalidQuantity::Form),
            ("1e++1", Unit::One, InvalidQuantity::Form),
            ("1 Gi", Unit::One, InvalidQuantity::Form),
            ("٣", Unit::One, InvalidQuantity::Form),
            ("-1", Unit::Milli, InvalidQuantity::Negative),
            ("0.0005", Unit::Milli, InvalidQuantity::FinerThanMilli),
            ("0.5", Unit::One, InvalidQuantity::NotWhole),
            ("8Ei", Unit::One, InvalidQuantity::TooLarge),
            ("1e999", Unit::One, InvalidQuantity::TooLarge),
        ] {
            assert_eq!(parse(text, unit), Err(why), "{text}");
        }
    }

    #[test]
    fn what_is_finer_than_the_unit_counts_as_one_more() {
        for (text, unit, value) in [
            ("1u", Unit::Milli, 1),
            ("1001u", Unit::Milli, 2),
            ("1500m", Unit::One, 2),
            ("4", Unit::Milli, 4000),
            ("0.5", Unit::One, 1),
            ("1e-999", Unit::One, 1),
        ] {
            assert_eq!(parse_up(text, unit), Ok(value), "{text}");
        }
        assert_eq!(parse_up("-1u", Unit::Milli), Err(InvalidQuantity::Negative));
    }

    #[test]
    fn what_there_is_counts_whole_pieces() {
        for (text, unit, value) in [
            ("80Gi", Unit::One, 80 << 30),
            ("1500m", Unit::One, 1),
            ("999u", Unit::Milli, 0),
            ("1500m", Unit::Milli, 1500),
        ] {
            assert_eq!(parse_down(text, unit), Ok(value), "{text}");
        }
        assert_eq!(parse_down("-1", Unit::One), Err(InvalidQuantity::Negative));
        assert_eq!(parse_down("8Ei", Unit::One), Err(InvalidQuantity::TooLarge));
    }

    #[test]
    fn billionths_have_a_sign_and_no_parts() {
        for (text, value) in [
            ("1", 1_000_000_000),
            ("-1500m", -1_500_000_000),
            ("+2n", 2),
            ("0.1n", 1),
            ("-0.1n", -1),
            ("1e-99", 1),
            ("-0", 0),
            ("1Ei", (1 << 60) * 1_000_000_000),
        ] {
            assert_eq!(nanos(text), Ok(value), "{text}");
        }
        assert_eq!(nanos("1e99"), Err(InvalidQuantity::TooLarge));
        assert_eq!(nanos("--1"), Err(InvalidQuantity::Form));
    }

    #[test]
    fn writes_as_the_api_server_does() {
        for (text, written) in [
            ("0.5", "500m"),
            ("1000m", "1"),
            ("1500m", "1500m"),
            ("2", "2"),
            ("2000", "2k"),
            ("1024Mi", "1Gi"),
            ("1536Mi", "1536Mi"),
            ("0.5Gi", "512Mi"),
            ("64Gi", "64Gi"),
            ("0.5Ki", "512"),
            ("0.0001Ki", "102400u"),
            ("0", "0"),
            ("0Gi", "0"),
            ("1.50", "1500m"),
            ("2000n", "2u"),
            ("1n", "1n"),
            ("0.1n", "0.1n"),
            ("1e3", "1e3"),
            ("-1", "-1"),
            ("much", "much"),
            ("", ""),
        ] {
            assert_eq!(canonical(text), written, "{text}");
        }
    }

    proptest! {
        #[test]
        fn milli_reads_back(milli in 0..=u64::MAX / 4) {
            let text = format!("{}.{:03}", milli / 1000, milli % 1000);
            prop_assert_eq!(parse(&text, Unit::Milli), Ok(milli));
            prop_assert_eq!(parse(&format!("{milli}m"), Unit::Milli), Ok(milli));
        }

        #[test]
        fn the_api_servers_form_is_the_same_amount(text in "[0-9]{1,6}(\\.[0-9]{1,3})?([numkMGTPE]|[KMGTPE]i)?") {
            let written = canonical(&text);
            prop_assert_eq!(parse_up(&written, Unit::Milli), parse_up(&text, Unit::Milli));
            prop_assert_eq!(canonical(&written), written.clone(), "once is enough");
        }

        #[test]
        fn no_text_panics(text in ".{0,80}", number in "[-+]?[0-9.]{0,50}[eE]?[-+]?[0-9]{0,4}[a-zA-Z]{0,3}") {
            for text in [&text, &number] {
                let _ = (parse(text, Unit::One), parse(text, Unit::Milli), canonical(text), nanos(text));
            }
        }
    }
}
