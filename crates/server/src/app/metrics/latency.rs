//! A histogram of durations.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use crate::app::metrics::text::Text;

/// The upper bounds of the buckets, in microseconds and as text in seconds. An evaluation takes microseconds,
/// a write milliseconds.
const BUCKETS: [(u64, &str); 14] = [
    (10, "0.00001"),
    (25, "0.000025"),
    (50, "0.00005"),
    (100, "0.0001"),
    (250, "0.00025"),
    (500, "0.0005"),
    (1_000, "0.001"),
    (2_500, "0.0025"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (50_000, "0.05"),
    (250_000, "0.25"),
    (1_000_000, "1"),
    (10_000_000, "10"),
];

/// A histogram without a lock.
#[derive(Default)]
pub(crate) struct Latency {
    buckets: [AtomicU64; BUCKETS.len()],
    above: AtomicU64,
    nanoseconds: AtomicU64,
}

impl Latency {
    pub(crate) fn record(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        // A linear scan: most durations are in one of the first buckets.
        let place = BUCKETS.iter().position(|(end, _)| micros < *end);
        let bucket = place.and_then(|place| self.buckets.get(place)).unwrap_or(&self.above);
        bucket.fetch_add(1, Ordering::Relaxed);
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// Writes the histogram, unless it is empty.
    pub(crate) fn write(&self, text: &mut Text, name: &str, labels: &[(&str, &str)]) {
        let counts: Vec<u64> = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        let all = counts.iter().sum::<u64>() + self.above.load(Ordering::Relaxed);
        if all == 0 {
            return;
        }
        let mut sum = 0;
        for ((_, end), count) in BUCKETS.iter().zip(counts) {
            sum += count;
            text.sample(&format!("{name}_bucket"), &[labels, &[("le", *end)]].concat(), sum);
        }
        text.sample(&format!("{name}_bucket"), &[labels, &[("le", "+Inf")]].concat(), all);
        #[expect(clippy::cast_precision_loss, reason = "Prometheus has floats")]
        let seconds = self.nanoseconds.load(Ordering::Relaxed) as f64 / 1e9;
        text.sample(&format!("{name}_sum"), labels, seconds);
        text.sample(&format!("{name}_count"), labels, all);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_in_cumulative_buckets() {
        let latency = Latency::default();
        let mut text = Text::default();
        latency.write(&mut text, "x", &[]);
        for micros in [3, 9, 10, 20_000_000] {
            latency.record(Duration::from_micros(micros));
        }
        latency.write(&mut text, "x", &[("a", "b")]);
        let text = text.finish();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "x_bucket{a=\"b\",le=\"0.00001\"} 2");
        assert_eq!(lines[1], "x_bucket{a=\"b\",le=\"0.000025\"} 3");
        assert_eq!(lines[13], "x_bucket{a=\"b\",le=\"10\"} 3");
        assert_eq!(
            lines[14..],
            ["x_bucket{a=\"b\",le=\"+Inf\"} 4", "x_sum{a=\"b\"} 20.000022", "x_count{a=\"b\"} 4"]
        );
    }
}
