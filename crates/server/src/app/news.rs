//! The events of streams: flags may now evaluate differently, because rows have changed or because time has
//! passed.

use std::time::{Duration, Instant as StdInstant};

use axum::body::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use novi::{Flags, rows::Revision, snapshot::Snapshot};
use tokio::{
    sync::watch,
    task::spawn_blocking,
    time::{Instant, sleep},
};

/// The latest event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct News {
    /// Counts the events.
    pub(crate) number: u64,
    pub(crate) revision: Revision,
    at: DateTime<Utc>,
}

impl News {
    pub(crate) fn new(snapshot: &Snapshot) -> Self {
        Self { number: 0, revision: snapshot.revision(), at: Utc::now() }
    }

    /// The event in the format of `text/event-stream`.
    pub(crate) fn event(&self) -> Bytes {
        let (revision, at) = (self.revision, self.at.timestamp());
        Bytes::from(format!(
            "id: {revision}.{number}\nevent: message\ndata: {{\"type\":\"refetchEvaluation\",\"etag\":\"r{revision}-{stamp:x}\",\
             \"lastModified\":{at}}}\n\n",
            number = self.number,
            stamp = revision.stamp(),
        ))
    }

    /// The revision in the etag of an event.
    pub(crate) fn revision_of(etag: &str) -> Option<Revision> {
        let (number, stamp) = etag.strip_prefix('r')?.split_once('-')?;
        let stamp = u64::from_str_radix(stamp, 16).ok()?.cast_signed();
        Some(Revision::new(number.parse().ok()?).stamped(stamp))
    }
}

/// The interval of polling: rows in memory do not notify of a replacement, and the clock can be set.
const POLL: Duration = Duration::from_secs(1);

/// A ramp may change its decisions every second. Events on account of time have at least this interval.
const TIME_EVENT_INTERVAL: Duration = Duration::from_secs(10);

/// Sends the events until the flags are dropped.
pub(crate) async fn publish(flags: Flags, sender: watch::Sender<News>) {
    let mut subscription = flags.subscribe();
    let mut clock = Clock::new(&flags).await;
    loop {
        // A change of the folder of types is notified without a new revision.
        let notified = tokio::select! {
            changed = subscription.next() => {
                if changed.is_none() { return }
                true
            }
            () = sleep(clock.wait()) => false,
        };
        let revision = flags.snapshot().revision();
        let other_rows = sender.borrow().revision != revision;
        let (due, jumped) = (clock.is_due(), clock.steady.has_jumped(Utc::now(), StdInstant::now()));
        if notified || other_rows || due || jumped {
            sender.send_modify(|news| {
                *news = News { number: news.number.wrapping_add(1), revision, at: Utc::now() }
            });
            clock.set(&flags, due).await;
        }
    }
}

/// When a decision may next change by the clock alone.
struct Clock {
    next: Option<DateTime<Utc>>,
    /// When the last event on account of time was sent.
    sent: Option<Instant>,
    steady: Steady,
}

/// Notices that the clock was set: decisions may differ at once, and the next change is another.
struct Steady {
    wall: DateTime<Utc>,
    monotonic: StdInstant,
}

impl Steady {
    /// More than a clock drifts between two polls.
    const TOLERANCE: TimeDelta = TimeDelta::seconds(2);

    fn new(wall: DateTime<Utc>, monotonic: StdInstant) -> Self {
        Self { wall, monotonic }
    }

    /// Whether the clock was set since the last call.
    fn has_jumped(&mut self, wall: DateTime<Utc>, monotonic: StdInstant) -> bool {
        let passed = TimeDelta::from_std(monotonic.saturating_duration_since(self.monotonic));
        let drift = wall.signed_duration_since(self.wall) - passed.unwrap_or_default();
        *self = Self::new(wall, monotonic);
        drift.abs() > Self::TOLERANCE
    }
}

impl Clock {
    async fn new(flags: &Flags) -> Self {
        // The first client evaluated a moment before it opened the stream.
        let steady = Steady::new(Utc::now(), StdInstant::now());
        Self { next: next_change(flags, TimeDelta::seconds(10)).await, sent: None, steady }
    }

    async fn set(&mut self, flags: &Flags, sent: bool) {
        self.next = next_change(flags, TimeDelta::zero()).await;
        if sent {
            self.sent = Some(Instant::now());
        }
    }

    /// The time until the next poll.
    fn wait(&self) -> Duration {
        let until = self.next.map(|next| (next - Utc::now()).to_std().unwrap_or_default());
        until.unwrap_or(POLL).max(self.pause()).min(POLL)
    }

    /// How long no further event on account of time is sent.
    fn pause(&self) -> Duration {
        self.sent.map_or(Duration::ZERO, |sent| TIME_EVENT_INTERVAL.saturating_sub(sent.elapsed()))
    }

    fn is_due(&self) -> bool {
        self.pause().is_zero() && self.next.is_some_and(|next| next <= Utc::now())
    }
}

/// The next change by the clock, as of this long ago.
async fn next_change(flags: &Flags, ago: TimeDelta) -> Option<DateTime<Utc>> {
    let flags = flags.clone();
    // Blocking: it takes a while for a hundred thousand flags.
    let next = spawn_blocking(move || flags.snapshot().next_change_of_all(Utc::now() - ago));
    next.await.ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clock_that_is_set_is_noticed() {
        let (wall, start) = (Utc::now(), StdInstant::now());
        let mut steady = Steady::new(wall, start);
        let mut after = |monotonic, clock| {
            steady.has_jumped(wall + TimeDelta::seconds(clock), start + Duration::from_secs(monotonic))
        };
        assert!(!after(1, 1));
        assert!(!after(100, 101), "a busy process polls late, and clocks drift");
        assert!(after(101, 3600));
        assert!(!after(102, 3601), "once");
        assert!(after(103, 104), "back");
        assert!(!after(104, 105));
    }

    #[test]
    fn event_has_its_revision_as_etag() {
        let news = News {
            number: 3,
            revision: Revision::new(42).stamped(-1),
            at: DateTime::from_timestamp(1_771_622_898, 0).unwrap(),
        };
        assert_eq!(
            news.event(),
            "id: 42.3\nevent: message\ndata: {\"type\":\"refetchEvaluation\",\"etag\":\"r42-ffffffffffffffff\",\"lastModified\":1771622898}\n\n"
        );
        assert_eq!(News::revision_of("r42-ffffffffffffffff"), Some(news.revision));
        assert_eq!(News::revision_of("r-7-0"), None);
        assert_eq!(News::revision_of("42-0"), None);
    }
}
