//! What is said about many numbers.

use std::time::Duration;

use serde::Serialize;

/// One measured thing: every single run, and the median of them as its value.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// The median of the runs.
    pub value: f64,
    /// What each run gave, in the order of the runs.
    pub runs: Vec<f64>,
}

impl Measured {
    /// The runs of one thing.
    pub fn of(runs: impl IntoIterator<Item = f64>) -> Self {
        let runs: Vec<f64> = runs.into_iter().map(rounded).collect();
        Self { value: rounded(median(&runs)), runs }
    }

    /// Run by run, how many times the other is in this.
    #[must_use]
    pub fn over(&self, other: &Self) -> Self {
        Self::of(self.runs.iter().zip(&other.runs).map(|(this, other)| this / other))
    }
}

/// Four significant digits: more would say more than was measured.
fn rounded(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

/// The middle one, or the mean of the two in the middle; not a number where there is none.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => sorted[count / 2],
        count => f64::midpoint(sorted[count / 2 - 1], sorted[count / 2]),
    }
}

/// The smallest value that at least `percent` of the values do not exceed (nearest rank). Sorts them.
fn percentile(values: &mut [u32], percent: f64) -> Option<u32> {
    values.sort_unstable();
    let rank = (percent / 100.0 * values.len() as f64).ceil() as usize;
    values.get(rank.max(1) - 1).copied()
}

/// The same of times in microseconds, in milliseconds; not a number where there is none.
pub fn percentile_ms(micros: &mut [u32], percent: f64) -> f64 {
    percentile(micros, percent).map_or(f64::NAN, |micros| f64::from(micros) / 1000.0)
}

/// Microseconds as they are kept in numbers.
pub fn micros(took: Duration) -> u32 {
    u32::try_from(took.as_micros()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let mut values: Vec<u32> = (1..=200).rev().collect();
        assert_eq!(percentile(&mut values, 50.0), Some(100));
        assert_eq!(percentile(&mut values, 99.0), Some(198));
        assert_eq!(percentile(&mut values, 100.0), Some(200));
        assert_eq!(percentile(&mut [7], 1.0), Some(7));
        assert_eq!(percentile(&mut [], 99.0), None);
    }

    #[test]
    fn the_value_is_the_median_of_the_runs() {
        assert_eq!(Measured::of([3.0, 1.0, 2.0]).value, 2.0);
        assert_eq!(Measured::of([4.0, 1.0, 2.0, 3.0]).value, 2.5);
        let ratio = Measured::of([1.0, 30.0, 2.0]).over(&Measured::of([2.0, 10.0, 4.0]));
        assert_eq!(ratio, Measured { value: 0.5, runs: vec![0.5, 3.0, 0.5] });
        assert_eq!(Measured::of([12_345.6]).value, 12_350.0);
    }
}
