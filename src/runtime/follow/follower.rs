//! What is known of the rows between two looks at the database, and how a look brings the flags up to date.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task::{JoinHandle, spawn_blocking};

use crate::{
    error::{Error, Result},
    flags::Flags,
    rows::{Revision, Rows},
    runtime::follow::{part_rows::PartRows, subscription::Changes},
    snapshot::{Part, PatchBuilder, ReverseIndex, Snapshot},
    store::{Changed, Cursor, Fingerprint, ReadSession, ReadStore},
};

/// A patch of so many flags is small: to compile it takes half a millisecond, and to look a name up in it first a few
/// nanoseconds. When it has more, a snapshot of all rows is made in the background.
const SMALL: usize = 256;

/// A patch of so many flags is not worth it any more.
const LARGE: usize = 8 * SMALL;

/// So often rows are read to find what rows ask for that is not read yet: children of children.
const MOST_ROUNDS: usize = 16;

/// How often what no trigger tells is looked for: rows that went by TRUNCATE or by a cascade of a foreign key on MySQL. To
/// count 300,000 rows takes a tenth of a second of the server.
const SWEEP: Duration = Duration::from_mins(1);

/// How often rows are compared where there are no triggers at all, so that nothing else tells of a change.
const SWEEP_WITHOUT_TRIGGERS: Duration = Duration::from_secs(2);

/// How rows are followed by difference.
#[derive(Default)]
pub(super) struct Follower {
    /// What is known; nothing for a store whose rows are always read as a whole.
    known: Option<Known>,
    /// The state that the flags answer by.
    published: Cursor,
    compaction: Option<JoinHandle<Result<Known>>>,
}

/// A state of the rows, as a store tells it.
pub(crate) struct State {
    cursor: Cursor,
    fingerprint: Option<Fingerprint>,
}

/// A snapshot of all rows, and what has changed since.
struct Known {
    /// What the flags answer by, or what the base is of as long as the flags do not answer by it.
    state: State,
    base: Arc<Snapshot>,
    askers: ReverseIndex,
    /// What is other than in the base.
    changed: Changed,
    /// The ids of the flags that may answer otherwise than in the base.
    affected: BTreeSet<i64>,
    rows: PartRows,
    /// The serial number of the snapshot that the flags answer by: the base, or one with a patch of it. Nothing if the base
    /// was made in the background, and the flags answer by an earlier one.
    serial: Option<u32>,
    /// When rows were last compared that no trigger tells of.
    swept: Instant,
}

/// What a look at the database came to.
pub(super) enum Seen {
    /// Nothing is new.
    Same,
    /// The flags answer by these changes.
    New(Changes),
}

/// All rows, with their state if the store tells it.
pub(crate) async fn load(store: &dyn ReadStore) -> Result<(Rows, Option<State>)> {
    let Some(session) = store.session().await? else { return Ok((store.load().await?, None)) };
    let (rows, state) = load_in(session).await?;
    Ok((rows, Some(state)))
}

async fn load_in(mut session: Box<dyn ReadSession>) -> Result<(Rows, State)> {
    let rows = session.all().await?;
    let (cursor, fingerprint) = (session.cursor().clone(), session.fingerprint().await?);
    session.end().await?;
    Ok((rows, State { cursor, fingerprint }))
}

/// Nobody waits for it to be written down.
fn note_seen(store: Arc<dyn ReadStore>, before: Cursor, now: Cursor) {
    tokio::spawn(async move { store.note_seen(&before, &now).await });
}

impl Follower {
    /// Follows from the present snapshot on, which was compiled of all rows.
    pub(super) fn start(flags: &Flags, state: Option<State>) -> Self {
        let base = flags.snapshot().into_inner();
        let serial = Some(base.serial());
        let published = state.as_ref().map(|state| state.cursor.clone()).unwrap_or_default();
        if let Some(store) = flags.inner().watch.store().filter(|_| state.is_some()) {
            // What was written while nobody followed counts as the newest until somebody says that it has been seen.
            note_seen(store, Cursor::default(), published.clone());
        }
        Self { known: state.map(|state| Known::new(state, base, serial)), published, compaction: None }
    }

    /// Brings the flags up to date. `anew` reads all rows, whatever the revision; `sweep` compares rows that no trigger tells of.
    pub(super) async fn look(
        &mut self,
        flags: &Flags,
        store: &dyn ReadStore,
        anew: bool,
        sweep: bool,
    ) -> Result<Seen> {
        let before = self.published.clone();
        let seen = self.look_now(flags, store, anew, sweep).await?;
        if self.published != before
            && let Some(store) = flags.inner().watch.store()
        {
            note_seen(store, before, self.published.clone());
        }
        Ok(seen)
    }

    async fn look_now(
        &mut self,
        flags: &Flags,
        store: &dyn ReadStore,
        anew: bool,
        sweep: bool,
    ) -> Result<Seen> {
        self.take_compacted().await;
        let Some(known) = self.known.as_ref().filter(|_| !anew) else {
            return self.look_at_all(flags, store, anew).await;
        };
        let sweep = known.state.fingerprint.is_some() && (sweep || known.is_time_to_sweep());
        let is_published = known.serial.is_some();
        if is_published && !sweep {
            let revision = store.revision().await?;
            // A look that was given up while it compiled may have put older rows in the place of these.
            if revision == known.state.cursor.revision() && revision == flags.snapshot().revision() {
                return Ok(Seen::Same);
            }
        }
        match store.session().await? {
            Some(session) => self.look_at_difference(flags, session, sweep).await,
            None => self.look_at_all(flags, store, anew).await,
        }
    }

    /// Reads all rows if the revision is another one.
    async fn look_at_all(&mut self, flags: &Flags, store: &dyn ReadStore, anew: bool) -> Result<Seen> {
        if !anew && store.revision().await? == flags.snapshot().revision() {
            return Ok(Seen::Same);
        }
        let (rows, state) = load(store).await?;
        self.replace(flags, rows, state).await
    }

    /// Puts a snapshot of all rows in the place of the present one.
    async fn replace(&mut self, flags: &Flags, rows: Rows, state: Option<State>) -> Result<Seen> {
        let revision = rows.revision;
        let flags = flags.clone();
        // Compiling may take longer than other tasks of this thread should wait. A snapshot that is made in the background is
        // of earlier rows.
        *self = blocking(move || {
            flags.replace_rows(rows);
            Self::start(&flags, state)
        })
        .await?;
        Ok(Seen::New(Changes { revision, whole: true, ..Changes::default() }))
    }

    async fn look_at_difference(
        &mut self,
        flags: &Flags,
        mut session: Box<dyn ReadSession>,
        sweep: bool,
    ) -> Result<Seen> {
        let Some(known) = &mut self.known else { return Ok(Seen::Same) };
        let changed = session.changed_since(&known.state.cursor).await?;
        let found = if sweep { session.fingerprint().await? } else { None };
        let changed = changed.filter(|changed| known.explains(changed, found.as_ref()));
        if let Some(changed) = changed {
            if sweep {
                known.swept = Instant::now();
            }
            // What is new since another base was made is not all news.
            let news = match known.serial {
                Some(_) => Some(changed.clone()),
                None => session.changed_since(&self.published).await?,
            };
            if let Some(seen) = known.follow(flags, session.as_mut(), &changed, news.as_ref()).await? {
                self.published = known.state.cursor.clone();
                // The flags answer by it: that its transaction can not be ended is no reason to tell nobody.
                if let Err(error) = session.end().await {
                    tracing::debug!("{error}");
                }
                self.compact(flags);
                return Ok(seen);
            }
        }
        let (rows, state) = load_in(session).await?;
        self.replace(flags, rows, Some(state)).await
    }

    /// Makes a snapshot of all rows in the background when the patch has grown. Meanwhile changes go into the patch.
    fn compact(&mut self, flags: &Flags) {
        let is_due = self.known.as_ref().is_some_and(Known::is_grown) && self.compaction.is_none();
        let Some(store) = flags.inner().watch.store().filter(|_| is_due) else { return };
        let weak = Arc::downgrade(flags.inner());
        self.compaction = Some(tokio::spawn(async move {
            let (rows, state) = load(&*store).await?;
            let gone = || Error::store(store.name(), "could not read the rows", "the flags are gone");
            let (state, inner) = (state.ok_or_else(gone)?, weak.upgrade().ok_or_else(gone)?);
            blocking(move || {
                let base = Flags::from_inner(inner).compile_apart(rows);
                Known::new(state, Arc::new(base), None)
            })
            .await
        }));
    }

    /// Goes on from a snapshot that was made in the background, if one is ready.
    async fn take_compacted(&mut self) {
        let Some(task) = self.compaction.take_if(|task| task.is_finished()) else { return };
        match task.await {
            Ok(Ok(known)) => self.known = Some(known),
            // It is tried again with the next change.
            Ok(Err(error)) => tracing::debug!("{error}"),
            Err(error) => tracing::debug!("{error}"),
        }
    }
}

impl Known {
    fn new(state: State, base: Arc<Snapshot>, serial: Option<u32>) -> Self {
        let askers = ReverseIndex::new(&base);
        Self {
            state,
            base,
            askers,
            changed: Changed::default(),
            affected: BTreeSet::new(),
            rows: PartRows::default(),
            serial,
            swept: Instant::now(),
        }
    }

    fn is_time_to_sweep(&self) -> bool {
        self.state.fingerprint.as_ref().is_some_and(|fingerprint| {
            let interval = if fingerprint.contents.is_some() { SWEEP_WITHOUT_TRIGGERS } else { SWEEP };
            self.swept.elapsed() >= interval
        })
    }

    /// Whether the patch is large, or as large as what it is a patch of.
    fn is_grown(&self) -> bool {
        const FEW: usize = 16;
        let count = self.affected.len();
        count > SMALL || count > FEW && count > self.base.flag_count() / 4
    }

    /// Whether these changes are all that there is between the rows that are known and those that were counted.
    fn explains(&self, changed: &Changed, found: Option<&Fingerprint>) -> bool {
        let (Some(known), Some(found)) = (&self.state.fingerprint, found) else { return true };
        let grown = known.counts.iter().zip(changed.growth).map(|(count, growth)| count + growth);
        known.contents == found.contents && grown.eq(found.counts)
    }

    /// Reads what has changed and makes the flags answer by it. Nothing if all rows are better read.
    async fn follow(
        &mut self,
        flags: &Flags,
        session: &mut dyn ReadSession,
        changed: &Changed,
        news: Option<&Changed>,
    ) -> Result<Option<Seen>> {
        let present = flags.snapshot().into_inner();
        if self.serial.is_some_and(|serial| serial != present.serial()) {
            // Somebody put rows of his own in the place of these.
            return Ok(None);
        }
        if self.serial.is_some() && session.cursor() == &self.state.cursor {
            return Ok(Some(Seen::Same));
        }
        let reach = Reach::of(changed, &present, &self.base, &self.askers);
        self.changed.extend(&reach.changed);
        self.affected.extend(&reach.affected);
        self.rows.ask_for_activations(&reach.activations);
        self.rows.forget(&reach.changed);
        for _ in 0..MOST_ROUNDS {
            if self.affected.len().max(self.changed.len()) > LARGE {
                return Ok(None);
            }
            let reused = self.read(session, &present, &reach.changed).await?;
            let keep_rows = flags.inner().settings().keep_rows;
            let rows = Arc::new(self.rows.put_together(session.cursor().revision(), &reused, keep_rows));
            let change = PatchBuilder {
                base: &self.base,
                previous: &present,
                changed: &self.changed,
                affected: &self.affected,
                rows: &rows,
                reused: &reused,
            };
            let (part, missing) = flags.compile_part(&change);
            if self.rows.ask_for(missing) {
                continue;
            }
            let seen = self.tell(session.cursor().revision(), news, &present);
            self.publish(flags, &present, &rows, &reused, part);
            self.state.cursor = session.cursor().clone();
            if let Some(fingerprint) = &mut self.state.fingerprint {
                fingerprint.count(changed);
            }
            return Ok(Some(seen));
        }
        Ok(None)
    }

    /// Reads what is needed and not read yet; gives the ids of activations whose rows need not be read.
    async fn read(
        &mut self,
        session: &mut dyn ReadSession,
        present: &Snapshot,
        touched: &Changed,
    ) -> Result<BTreeSet<i64>> {
        // Flags first: they tell which activations they are linked to.
        let flags = self.rows.flags_to_read(&self.affected);
        if !flags.is_empty() {
            let rows = session.select(&flags).await?;
            self.rows.add(&flags, rows);
        }
        let is_there = |id: i64| {
            let in_base = !self.changed.activations.contains(&id) && self.base.reusable_node(id).is_some();
            let in_part = present.part().is_some_and(|part| part.reusable_node(id).is_some());
            !touched.activations.contains(&id) && (in_base || self.serial.is_some() && in_part)
        };
        let (activations, reused) = self.rows.activations_to_read(&self.changed, is_there);
        if !activations.is_empty() {
            let rows = session.select(&activations).await?;
            self.rows.add(&activations, rows);
        }
        for id in &reused {
            let names = [present.part(), Some(&*self.base)];
            let names = names.into_iter().flatten().find_map(|snapshot| snapshot.activation_names(*id));
            if let Some((name, class_name)) = names {
                self.rows.stand_in(*id, name, class_name);
            }
        }
        Ok(reused)
    }

    /// Makes the flags answer by a part.
    fn publish(
        &mut self,
        flags: &Flags,
        present: &Arc<Snapshot>,
        rows: &Arc<Rows>,
        reused: &BTreeSet<i64>,
        part: Part,
    ) {
        // Flags that others ask are in the part as well. Once there they stay, so that their answers are counted once.
        self.affected.extend(part.ids());
        let is_new_base = self.serial.is_none();
        if let Some(base) = Arc::get_mut(&mut self.base).filter(|_| is_new_base) {
            base.number_after(present);
        }
        let numbered = if is_new_base { Arc::clone(&self.base) } else { Arc::clone(present) };
        let (base, changed, affected) = (&self.base, &self.changed, &self.affected);
        let change = PatchBuilder { base, previous: &numbered, changed, affected, rows, reused };
        self.serial = Some(flags.put(|| change.apply(part)));
    }

    /// What subscribers hear.
    fn tell(&self, revision: Revision, news: Option<&Changed>, present: &Snapshot) -> Seen {
        let Some(news) = news else {
            return Seen::New(Changes { revision, whole: true, ..Changes::default() });
        };
        if news.is_empty() && revision == present.revision() {
            return Seen::Same;
        }
        let reach = Reach::of(news, present, &self.base, &self.askers);
        let names = |ids: &BTreeSet<i64>| {
            let mut names = BTreeSet::new();
            for id in ids {
                let part = present.part().and_then(|part| part.name_of_id(*id));
                let before = part.or_else(|| self.base.name_of_id(*id));
                names.extend(before.map(str::to_owned));
                names.extend(self.rows.name_of(*id).map(str::to_owned));
            }
            names.into_iter().collect()
        };
        let (changed, affected) = (names(&news.flags), names(&reach.affected));
        Seen::New(Changes { revision, changed, affected, whole: false })
    }
}

impl Fingerprint {
    /// Counts what has changed.
    fn count(&mut self, changed: &Changed) {
        for (count, growth) in self.counts.iter_mut().zip(changed.growth) {
            *count += growth;
        }
    }
}

/// How far changes reach.
struct Reach {
    /// What has changed, and activations that may have waited for it.
    changed: Changed,
    /// The ids of the flags whose answers may be other ones.
    affected: BTreeSet<i64>,
    /// The ids of the activations whose answers may be, whether a flag needs them or not: there may be issues of them.
    activations: BTreeSet<i64>,
}

impl Reach {
    fn of(changed: &Changed, present: &Snapshot, base: &Snapshot, askers: &ReverseIndex) -> Self {
        let mut changed = changed.clone();
        let mut from = changed.clone();
        if changed.is_new {
            let waiting = present.rows_with_issues();
            changed.activations.extend(&waiting.activations);
            from.extend(&waiting);
        }
        let mut of_base = askers.affected(base, &from);
        let of_part =
            present.part().map(|part| ReverseIndex::new(part).affected(part, &from)).unwrap_or_default();
        of_base.flags.extend(of_part.flags.into_iter().chain(from.flags));
        of_base.activations.extend(of_part.activations);
        Self { changed, affected: of_base.flags, activations: of_base.activations }
    }
}

/// Runs what takes long where no other task waits for it.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let failed = |error| Error::store("novi", "could not compile the rows", error);
    spawn_blocking(work).await.map_err(failed)
}
