//! What event streams tell: that flags may answer otherwise, since their rows changed or since time has passed.

use std::time::Duration;

use axum::body::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use novi::{Flags, Snapshot, rows::Revision};
use tokio::{
    sync::watch,
    task::spawn_blocking,
    time::{Instant, sleep},
};

/// The last thing that has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct News {
    /// Of how many things it is the last.
    number: u64,
    pub(crate) revision: Revision,
    at: DateTime<Utc>,
}

impl News {
    pub(crate) fn of(snapshot: &Snapshot) -> Self {
        Self { number: 0, revision: snapshot.revision(), at: Utc::now() }
    }

    /// As it is sent.
    pub(crate) fn event(&self) -> Bytes {
        let (revision, at) = (self.revision, self.at.timestamp());
        Bytes::from(format!(
            "id: {revision}.{number}\nevent: message\ndata: {{\"type\":\"refetchEvaluation\",\"etag\":\"r{revision}\",\
             \"lastModified\":{at}}}\n\n",
            number = self.number,
        ))
    }

    /// The revision that an event's etag stands for.
    pub(crate) fn revision_of(etag: &str) -> Option<Revision> {
        etag.strip_prefix('r')?.parse().ok().map(Revision::new)
    }
}

/// Rows in memory tell nobody that they were replaced, and a subscription may miss a change of the clock: so often it is looked
/// for by itself.
const LOOK: Duration = Duration::from_secs(1);

/// A ramp may change its answer every second. That clients ask again on account of time is asked of them so often at most.
const TIME_APART: Duration = Duration::from_secs(10);

/// Gathers news until nobody can listen any more.
pub(crate) async fn gather(flags: Flags, sender: watch::Sender<News>) {
    let mut subscription = flags.subscribe();
    let mut clock = Clock::new(&flags).await;
    loop {
        // A file of the folder of types that changes is told with the revision that was there before.
        let told = tokio::select! {
            changed = subscription.next() => {
                if changed.is_none() { return }
                true
            }
            () = sleep(clock.wait()) => false,
        };
        let snapshot = flags.snapshot();
        let revision = snapshot.revision();
        let other_rows = sender.borrow().revision != revision;
        let due = clock.is_due();
        drop(snapshot);
        if told || other_rows || due {
            sender.send_modify(|news| {
                *news = News { number: news.number.wrapping_add(1), revision, at: Utc::now() }
            });
            clock.set(&flags, due).await;
        }
    }
}

/// When an answer may next change by the clock alone.
struct Clock {
    next: Option<DateTime<Utc>>,
    /// When that was last told.
    told: Option<Instant>,
}

impl Clock {
    async fn new(flags: &Flags) -> Self {
        // Who listens first has asked a moment ago.
        Self { next: next_change(flags, TimeDelta::seconds(10)).await, told: None }
    }

    async fn set(&mut self, flags: &Flags, told: bool) {
        self.next = next_change(flags, TimeDelta::zero()).await;
        if told {
            self.told = Some(Instant::now());
        }
    }

    /// Until it is time to look.
    fn wait(&self) -> Duration {
        let until = self.next.map(|next| (next - Utc::now()).to_std().unwrap_or_default());
        until.unwrap_or(LOOK).max(self.rest()).min(LOOK)
    }

    /// How long nothing is told, since something was.
    fn rest(&self) -> Duration {
        self.told.map_or(Duration::ZERO, |told| TIME_APART.saturating_sub(told.elapsed()))
    }

    fn is_due(&self) -> bool {
        self.rest().is_zero() && self.next.is_some_and(|next| next <= Utc::now())
    }
}

/// The next change as of so long ago.
async fn next_change(flags: &Flags, ago: TimeDelta) -> Option<DateTime<Utc>> {
    let flags = flags.clone();
    // Of a hundred thousand flags it takes a while.
    let next = spawn_blocking(move || flags.snapshot().next_change_of_all(Utc::now() - ago));
    next.await.ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_names_its_revision() {
        let news = News {
            number: 3,
            revision: Revision::new(42),
            at: DateTime::from_timestamp(1_771_622_898, 0).unwrap(),
        };
        assert_eq!(
            news.event(),
            "id: 42.3\nevent: message\ndata: {\"type\":\"refetchEvaluation\",\"etag\":\"r42\",\"lastModified\":1771622898}\n\n"
        );
        assert_eq!(News::revision_of("r42"), Some(Revision::new(42)));
        assert_eq!(News::revision_of("42"), None);
    }
}
