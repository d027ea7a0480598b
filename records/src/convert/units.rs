//! Amounts, lengths of time and moments as numbers.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use policy_engine::policy::quantity::{Unit, parse};
use policy_engine::policy::quota::Quota;

use super::problem::{About, Report};
use crate::plan::Quota as Written;
use crate::text;
use crate::text::{Amount, Moment};

/// An amount that limits: absent is no limit, unreadable is zero.
pub(super) fn limit(
    amount: Option<&Amount>,
    unit: Unit,
    field: &str,
    about: &About,
    report: &mut Report,
) -> Option<u64> {
    let amount = amount?;
    Some(read(amount, unit, field, about, report).unwrap_or(0))
}

/// An amount; `None` where it cannot be read.
pub(super) fn read(amount: &Amount, unit: Unit, field: &str, about: &About, report: &mut Report) -> Option<u64> {
    match parse(&amount.to_string(), unit) {
        Ok(value) => Some(value),
        Err(why) => {
            let given = match amount {
                Amount::Number(number) => number.to_string(),
                Amount::Text(text) => format!("{text:?}"),
            };
            let whole = match unit {
                Unit::One => "a whole amount such as 4 or 64Gi",
                Unit::Milli => "an amount such as 4 or \"0.5\"",
            };
            report.refuse(about, field, format!("given {given}; {why}; write {whole}"));
            None
        }
    }
}

pub(super) fn quota(written: &Written, field: &str, about: &About, report: &mut Report) -> Quota {
    let Written { gpu, devices, cpu, memory } = written;
    let mut limit = |amount: &Option<Amount>, unit, name: &str| {
        limit(amount.as_ref(), unit, &format!("{field}.{name}"), about, report)
    };
    Quota {
        milli_gpu: limit(gpu, Unit::Milli, "gpu"),
        devices: limit(devices, Unit::One, "devices"),
        milli_cpu: limit(cpu, Unit::Milli, "cpu"),
        memory_bytes: limit(memory, Unit::One, "memory"),
    }
}

/// A length of time; `None` where it cannot be read.
pub(super) fn duration(text: &text::Duration, field: &str, about: &About, report: &mut Report) -> Option<Duration> {
    let read = seconds(text.as_str());
    if read.is_none() {
        let message = format!("given {:?}; write a length of time such as 30s, 5m or 1h30m", text.as_str());
        report.refuse(about, field, message);
    }
    read.map(Duration::from_secs)
}

/// Of all that jiff reads, what the field's pattern admits: whole hours, minutes and seconds, in this order.
fn seconds(text: &str) -> Option<u64> {
    let plain = text.chars().all(|char| char.is_ascii_digit() || "hms".contains(char));
    let length = text.parse::<SignedDuration>().ok().filter(|_| plain)?;
    u64::try_from(length.as_secs()).ok()
}

/// A moment; `None` where it cannot be read.
pub(super) fn moment(text: &Moment, field: &str, about: &About, report: &mut Report) -> Option<Timestamp> {
    match text.as_str().parse() {
        Ok(moment) => Some(moment),
        Err(_) => {
            let message = format!("given {:?}; write a moment in RFC 3339, such as 2026-12-24T18:00:00+01:00", text.0);
            report.refuse(about, field, message);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn lengths_of_time_read_from_hours_to_seconds() {
        for (text, value) in [("5s", 5), ("3h", 10800), ("1h30m", 5400), ("0s", 0), ("1h0m1s", 3601)] {
            assert_eq!(seconds(text), Some(value), "{text}");
        }
        for text in ["", "5", "s", "3 h", "5m1h", "-5s", "1.5h", "1d", "99999999999999999999h", "5s5s"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
