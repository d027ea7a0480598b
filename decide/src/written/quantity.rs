//! Amounts as the API server writes them: `0.5` as `500m`, `1024Mi` as `1Gi`.

const DECIMAL: [(&str, i32); 9] =
    [("E", 18), ("P", 15), ("T", 12), ("G", 9), ("M", 6), ("k", 3), ("", 0), ("m", -3), ("u", -6)];
const BINARY: [(&str, u32); 7] = [("Ei", 60), ("Pi", 50), ("Ti", 40), ("Gi", 30), ("Mi", 20), ("Ki", 10), ("", 0)];

/// The amount in the API server's form; text that is no amount, or a rare form of one, as it is.
pub(super) fn canonical(text: &str) -> String {
    parse(text).map_or_else(|| text.to_owned(), |(micros, binary)| write(micros, binary))
}

/// Millionths, and whether the amount was written with a binary suffix.
fn parse(text: &str) -> Option<(u128, bool)> {
    let end = text.find(|char: char| !char.is_ascii_digit() && char != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{fraction}");
    let value: u128 = digits.parse().ok()?;
    let decimals = i32::try_from(fraction.len()).ok()?;
    let (factor, exponent, binary) = match BINARY.iter().find(|(name, _)| !name.is_empty() && *name == suffix) {
        Some((_, power)) => (1_u128 << power, 0, true),
        None => (1, DECIMAL.iter().find(|(name, _)| *name == suffix)?.1, false),
    };
    let shift = exponent + 6 - decimals;
    let scale = 10_u128.checked_pow(shift.unsigned_abs())?;
    let value = value.checked_mul(factor)?;
    let micros =
        if shift < 0 { value.is_multiple_of(scale).then(|| value / scale)? } else { value.checked_mul(scale)? };
    Some((micros, binary))
}

fn write(micros: u128, binary: bool) -> String {
    const ONE: u128 = 1_000_000;
    if micros == 0 {
        return "0".into();
    }
    if binary && micros.is_multiple_of(ONE) {
        let value = micros / ONE;
        for (suffix, power) in BINARY {
            if value.is_multiple_of(1 << power) {
                return format!("{}{suffix}", value >> power);
            }
        }
    }
    for (suffix, exponent) in DECIMAL {
        let unit = 10_u128.pow((exponent + 6).unsigned_abs());
        if micros.is_multiple_of(unit) {
            return format!("{}{suffix}", micros / unit);
        }
    }
    unreachable!("every number of millionths is a multiple of one")
}

#[cfg(test)]
mod tests {
    use super::*;

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
            ("0", "0"),
            ("1.50", "1500m"),
            ("1e3", "1e3"),
            ("much", "much"),
            ("", ""),
        ] {
            assert_eq!(canonical(text), written, "{text}");
        }
    }
}
