//! The state of the rows between two refreshes, and how a refresh brings the snapshot up to date.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task::{JoinHandle, spawn_blocking};

use crate::{
    error::{Error, Result},
    rows::{Revision, Rows},
    runtime::{core::Core, follow::part_rows::PartRows, subscription::Changes},
    snapshot::{Part, PatchBuilder, ReverseIndex, Snapshot},
    store::{Cursor, Delta, Fingerprint, ReadSession, ReadStore, Since},
};

/// A patch with more flags than this is compacted: a snapshot of all rows is compiled in the background. A
/// patch of this size compiles in half a millisecond, and searching it first costs an evaluation a few
/// nanoseconds.
const COMPACTION_SIZE: usize = 256;

/// A patch with more bytes of configs than this is compacted as well.
const MAX_CONFIG_BYTES: usize = 128 * 1024;

/// The most flags of a patch; with more of them, all rows are compiled.
const MAX_PATCH_SIZE: usize = 8 * COMPACTION_SIZE;

/// The most reads of one refresh: each may find references to rows that are not read yet, such as children of
/// children.
const MAX_READS: usize = 16;

/// How often the triggers are looked for, and rows are counted to find changes that fire no trigger: TRUNCATE
/// and cascades of foreign keys on MySQL. Counting 300,000 rows takes the database a tenth of a second.
const SWEEP_INTERVAL: Duration = Duration::from_mins(1);

/// How often rows are compared in a database without triggers, where nothing else reveals a change.
const SWEEP_INTERVAL_WITHOUT_TRIGGERS: Duration = Duration::from_secs(2);

/// Keeps a snapshot up to date by reading only the rows that have changed.
#[derive(Default)]
pub(super) struct Follower {
    /// `None` for a store that can only be read as a whole.
    base: Option<BaseState>,
    /// The state of the rows in the current snapshot.
    published: Cursor,
    compaction: Option<JoinHandle<Result<BaseState>>>,
}

/// A state of the rows, as reported by a store.
pub(crate) struct State {
    cursor: Cursor,
    fingerprint: Option<Fingerprint>,
    /// [`ReadStore::generation`] before the rows were read.
    generation: u64,
}

/// A snapshot of all rows, and what has changed since it was compiled.
struct BaseState {
    /// The state of the rows in the current snapshot; of those in the base while that is not current yet.
    state: State,
    base: Arc<Snapshot>,
    askers: ReverseIndex,
    /// The rows that differ from those of the base.
    changed: Delta,
    /// The ids of the flags whose decisions may differ from those of the base.
    affected: BTreeSet<i64>,
    rows: PartRows,
    /// The serial number of the current snapshot: the base, or the base with a patch. `None` if the base was
    /// compiled in the background and an earlier snapshot is still current.
    serial: Option<u32>,
    /// When the rows were last searched for changes that fire no trigger.
    swept: Instant,
}

/// The result of a refresh.
pub(super) enum RefreshOutcome {
    Unchanged,
    /// The current snapshot contains these changes.
    Changed(Changes),
}

/// Reads all rows, with their state if the store reports one.
pub(crate) async fn load(store: &dyn ReadStore) -> Result<(Rows, Option<State>)> {
    let generation = store.generation();
    let Some(session) = store.session().await? else { return Ok((store.load().await?, None)) };
    let (rows, state) = load_in(session, generation).await?;
    Ok((rows, Some(state)))
}

async fn load_in(mut session: Box<dyn ReadSession>, generation: u64) -> Result<(Rows, State)> {
    let rows = session.all().await?;
    let (cursor, fingerprint) = (session.cursor().clone(), session.fingerprint().await?);
    session.end().await?;
    Ok((rows, State { cursor, fingerprint, generation }))
}

/// Runs in the background; nothing awaits it.
fn note_seen(store: Arc<dyn ReadStore>, before: Cursor, now: Cursor) {
    tokio::spawn(async move { store.note_seen(&before, &now).await });
}

impl Follower {
    /// Follows from the current snapshot on, which was compiled from all rows.
    pub(super) fn start(core: &Core, store: &Arc<dyn ReadStore>, state: Option<State>) -> Self {
        let snapshot = core.snapshot().into_inner();
        let serial = Some(snapshot.serial());
        let published = state.as_ref().map(|state| state.cursor.clone()).unwrap_or_default();
        if state.is_some() {
            // Records that nobody has seen yet count as the newest.
            note_seen(Arc::clone(store), Cursor::default(), published.clone());
        }
        Self { base: state.map(|state| BaseState::new(state, snapshot, serial)), published, compaction: None }
    }

    /// What is wrong with the tables, and whether migrations repair it.
    pub(super) fn problems(&self) -> (&[String], bool) {
        let fingerprint = self.base.as_ref().and_then(|base| base.state.fingerprint.as_ref());
        fingerprint.map_or((&[], false), |fingerprint| (&fingerprint.problems, fingerprint.is_repairable))
    }

    /// Brings the snapshot up to date. `read_all` reads all rows, whatever their revision; `sweep` also finds
    /// changes that fire no trigger.
    pub(super) async fn refresh(
        &mut self,
        core: &Arc<Core>,
        store: &Arc<dyn ReadStore>,
        read_all: bool,
        sweep: bool,
    ) -> Result<RefreshOutcome> {
        let before = self.published.clone();
        let mut outcome = self.update(core, store, read_all, sweep).await?;
        if self.base.as_ref().is_some_and(|base| base.state.generation != store.generation()) {
            // The rows, or the revision that was equal to theirs, may be those of an earlier database.
            outcome = self.update_all(core, store, true).await?;
        }
        if self.published != before {
            note_seen(Arc::clone(store), before, self.published.clone());
        }
        Ok(outcome)
    }

    async fn update(
        &mut self,
        core: &Arc<Core>,
        store: &Arc<dyn ReadStore>,
        read_all: bool,
        sweep: bool,
    ) -> Result<RefreshOutcome> {
        self.finish_compaction().await;
        let Some(base) = self.base.as_ref().filter(|_| !read_all) else {
            return self.update_all(core, store, read_all).await;
        };
        let sweep = base.state.fingerprint.is_some() && (sweep || base.is_sweep_due());
        let is_published = base.serial.is_some();
        if is_published && !sweep {
            let revision = store.revision().await?;
            // An earlier refresh may have been cancelled while it compiled, and have published older rows
            // since.
            if revision == base.state.cursor.revision() && revision == core.snapshot().revision() {
                return Ok(RefreshOutcome::Unchanged);
            }
        }
        match store.session().await? {
            Some(session) => self.update_changed(core, store, session, sweep).await,
            None => self.update_all(core, store, read_all).await,
        }
    }

    /// Reads all rows if their revision has changed.
    async fn update_all(
        &mut self,
        core: &Arc<Core>,
        store: &Arc<dyn ReadStore>,
        read_all: bool,
    ) -> Result<RefreshOutcome> {
        if !read_all && store.revision().await? == core.snapshot().revision() {
            return Ok(RefreshOutcome::Unchanged);
        }
        let (rows, state) = load(&**store).await?;
        self.replace(core, store, rows, state).await
    }

    /// Replaces the current snapshot by one of these rows.
    async fn replace(
        &mut self,
        core: &Arc<Core>,
        store: &Arc<dyn ReadStore>,
        rows: Rows,
        state: Option<State>,
    ) -> Result<RefreshOutcome> {
        let revision = rows.revision;
        let (core, store) = (Arc::clone(core), Arc::clone(store));
        // Compiling may take longer than other tasks of this thread should wait. A compaction that is under
        // way is of earlier rows, and is dropped with `self`.
        *self = blocking(move || {
            core.replace_rows(rows);
            Self::start(&core, &store, state)
        })
        .await?;
        Ok(RefreshOutcome::Changed(Changes { revision, whole: true, ..Changes::default() }))
    }

    /// Reads the rows that have changed; all of them if the changes do not explain the difference.
    async fn update_changed(
        &mut self,
        core: &Arc<Core>,
        store: &Arc<dyn ReadStore>,
        mut session: Box<dyn ReadSession>,
        sweep: bool,
    ) -> Result<RefreshOutcome> {
        let Some(base) = &mut self.base else { return Ok(RefreshOutcome::Unchanged) };
        let since = session.changed_since(&base.state.cursor).await?;
        let lost = (since == Since::OtherHistory).then(|| base.state.cursor.revision());
        let changed = since.known();
        let found = if sweep { session.fingerprint().await? } else { None };
        let changed = changed.filter(|changed| base.explains(changed, found.as_ref()));
        if let Some(changed) = changed {
            if let (Some(known), Some(found)) = (&mut base.state.fingerprint, found) {
                base.swept = Instant::now();
                (known.problems, known.is_repairable) = (found.problems, found.is_repairable);
            }
            // Changes since the base was compiled may have been announced already.
            let news = match base.serial {
                Some(_) => Some(changed.clone()),
                None => session.changed_since(&self.published).await?.known(),
            };
            if let Some(outcome) = base.follow(core, session.as_mut(), &changed, news.as_ref()).await? {
                self.published = base.state.cursor.clone();
                // The snapshot contains the changes, so they are announced even if the transaction fails to
                // end.
                if let Err(error) = session.end().await {
                    tracing::debug!("{error}");
                }
                self.compact(core, store);
                return Ok(outcome);
            }
        }
        let generation = base.state.generation;
        let (rows, state) = load_in(session, generation).await?;
        if let Some(lost) = lost {
            tracing::warn!(
                store = store.name(),
                revision = rows.revision.number(),
                "revision {lost}, at which flags were evaluated, is not in the history of the database: it was restored or \
                 replaced, or failed over and lost commits; all rows have been read again"
            );
        }
        self.replace(core, store, rows, Some(state)).await
    }

    /// Compiles a snapshot of all rows in the background if the patch has grown. Changes go into the patch
    /// meanwhile.
    fn compact(&mut self, core: &Arc<Core>, store: &Arc<dyn ReadStore>) {
        let is_due =
            self.base.as_ref().is_some_and(BaseState::is_compaction_due) && self.compaction.is_none();
        if !is_due {
            return;
        }
        let (store, core) = (Arc::clone(store), Arc::downgrade(core));
        self.compaction = Some(tokio::spawn(async move {
            let (rows, state) = load(&*store).await?;
            let dropped = || Error::store(store.name(), "could not read the rows", "the flags were dropped");
            let (state, core) = (state.ok_or_else(dropped)?, core.upgrade().ok_or_else(dropped)?);
            blocking(move || BaseState::new(state, Arc::new(core.compile_apart(rows)), None)).await
        }));
    }

    /// Continues from the snapshot that was compiled in the background, once it is ready.
    async fn finish_compaction(&mut self) {
        let Some(task) = self.compaction.take_if(|task| task.is_finished()) else { return };
        match task.await {
            Ok(Ok(base)) => self.base = Some(base),
            // Tried again with the next change.
            Ok(Err(error)) => tracing::debug!("{error}"),
            Err(error) => tracing::debug!("{error}"),
        }
    }
}

impl BaseState {
    fn new(state: State, base: Arc<Snapshot>, serial: Option<u32>) -> Self {
        let askers = ReverseIndex::new(&base);
        Self {
            state,
            base,
            askers,
            changed: Delta::default(),
            affected: BTreeSet::new(),
            rows: PartRows::default(),
            serial,
            swept: Instant::now(),
        }
    }

    fn is_sweep_due(&self) -> bool {
        self.state.fingerprint.as_ref().is_some_and(|fingerprint| {
            let interval =
                if fingerprint.contents.is_some() { SWEEP_INTERVAL_WITHOUT_TRIGGERS } else { SWEEP_INTERVAL };
            self.swept.elapsed() >= interval
        })
    }

    /// Whether the patch is large, or large in comparison with the base, or has configs that take long to
    /// compile: each further change compiles all of the patch again.
    fn is_compaction_due(&self) -> bool {
        const FEW: usize = 16;
        let count = self.affected.len();
        count > COMPACTION_SIZE
            || count > FEW && count > self.base.flag_count() / 4
            || self.rows.config_bytes() > MAX_CONFIG_BYTES
    }

    /// Whether these changes account for the whole difference between the known rows and those that were
    /// counted.
    fn explains(&self, changed: &Delta, found: Option<&Fingerprint>) -> bool {
        let (Some(known), Some(found)) = (&self.state.fingerprint, found) else { return true };
        let mut known = known.clone();
        known.count(changed);
        known.contents == found.contents
            && known.counts == found.counts
            && known.definitions == found.definitions
    }

    /// Reads what has changed and publishes a snapshot with it. `None` if all rows should be read instead.
    async fn follow(
        &mut self,
        core: &Core,
        session: &mut dyn ReadSession,
        changed: &Delta,
        news: Option<&Delta>,
    ) -> Result<Option<RefreshOutcome>> {
        let current = core.snapshot().into_inner();
        if self.serial.is_some_and(|serial| serial != current.serial()) {
            // `Flags::replace_rows` has been called.
            return Ok(None);
        }
        if self.serial.is_some() && session.cursor() == &self.state.cursor {
            return Ok(Some(RefreshOutcome::Unchanged));
        }
        let impact = Impact::new(changed, &current, &self.base, &self.askers);
        self.changed.extend(&impact.changed);
        self.affected.extend(&impact.affected);
        self.rows.add_activations(&impact.activations);
        self.rows.forget(&impact.changed);
        for _ in 0..MAX_READS {
            if self.affected.len().max(self.changed.len()) > MAX_PATCH_SIZE {
                return Ok(None);
            }
            let reused = self.read(session, &current, &impact.changed).await?;
            let keep_rows = core.settings().keep_rows;
            let rows = Arc::new(self.rows.put_together(session.cursor().revision(), &reused, keep_rows));
            let change = PatchBuilder {
                base: &self.base,
                previous: &current,
                changed: &self.changed,
                affected: &self.affected,
                rows: &rows,
                reused: &reused,
            };
            let (part, missing) = core.compile_part(&change);
            if self.rows.add_missing(missing) {
                continue;
            }
            let outcome = self.outcome(session.cursor().revision(), news, &current);
            self.publish(core, &current, &rows, &reused, part);
            self.state.cursor = session.cursor().clone();
            if let Some(fingerprint) = &mut self.state.fingerprint {
                fingerprint.count(changed);
            }
            return Ok(Some(outcome));
        }
        Ok(None)
    }

    /// Reads what is needed and not read yet; returns the ids of activations whose rows need not be read.
    async fn read(
        &mut self,
        session: &mut dyn ReadSession,
        current: &Snapshot,
        touched: &Delta,
    ) -> Result<BTreeSet<i64>> {
        // Flags first: their links name the activations.
        let flags = self.rows.flags_to_read(&self.affected);
        if !flags.is_empty() {
            let rows = session.select(&flags).await?;
            self.rows.add(&flags, rows);
        }
        let is_there = |id: i64| {
            let in_base = !self.changed.activations.contains(&id) && self.base.reusable_node(id).is_some();
            let in_part = current.part().is_some_and(|part| part.reusable_node(id).is_some());
            !touched.activations.contains(&id) && (in_base || self.serial.is_some() && in_part)
        };
        let (activations, reused) = self.rows.activations_to_read(&self.changed, is_there);
        if !activations.is_empty() {
            let rows = session.select(&activations).await?;
            self.rows.add(&activations, rows);
        }
        for id in &reused {
            let names = [current.part(), Some(&*self.base)];
            let names = names.into_iter().flatten().find_map(|snapshot| snapshot.activation_names(*id));
            if let Some((name, class_name)) = names {
                self.rows.stand_in(*id, name, class_name);
            }
        }
        Ok(reused)
    }

    /// Publishes the base with this part as its patch.
    fn publish(
        &mut self,
        core: &Core,
        current: &Arc<Snapshot>,
        rows: &Arc<Rows>,
        reused: &BTreeSet<i64>,
        part: Part,
    ) {
        // The part also contains flags that others depend on. They stay in it, so that their evaluations are
        // counted once.
        self.affected.extend(part.ids());
        let is_new_base = self.serial.is_none();
        if let Some(base) = Arc::get_mut(&mut self.base).filter(|_| is_new_base) {
            base.number_after(current);
        }
        let numbered = if is_new_base { Arc::clone(&self.base) } else { Arc::clone(current) };
        let (base, changed, affected) = (&self.base, &self.changed, &self.affected);
        let change = PatchBuilder { base, previous: &numbered, changed, affected, rows, reused };
        self.serial = Some(core.put(|| change.apply(part)));
    }

    /// What to announce to subscribers.
    fn outcome(&self, revision: Revision, news: Option<&Delta>, current: &Snapshot) -> RefreshOutcome {
        let Some(news) = news else {
            return RefreshOutcome::Changed(Changes { revision, whole: true, ..Changes::default() });
        };
        if news.is_empty() && revision == current.revision() {
            return RefreshOutcome::Unchanged;
        }
        let impact = Impact::new(news, current, &self.base, &self.askers);
        let names = |ids: &BTreeSet<i64>| {
            let mut names = BTreeSet::new();
            for id in ids {
                let part = current.part().and_then(|part| part.name_of_id(*id));
                let before = part.or_else(|| self.base.name_of_id(*id));
                names.extend(before.map(str::to_owned));
                names.extend(self.rows.name_of(*id).map(str::to_owned));
            }
            names.into_iter().collect()
        };
        let (changed, affected) = (names(&news.flags), names(&impact.affected));
        RefreshOutcome::Changed(Changes { revision, changed, affected, whole: false })
    }
}

impl Fingerprint {
    /// Updates the counts by these changes.
    fn count(&mut self, changed: &Delta) {
        for (count, growth) in self.counts.iter_mut().flatten().zip(changed.growth) {
            *count += growth;
        }
    }
}

/// What changes affect.
struct Impact {
    /// The changed rows, and activations with a reference that may resolve now.
    changed: Delta,
    /// The ids of the flags whose decisions may differ.
    affected: BTreeSet<i64>,
    /// The ids of the activations whose verdicts may differ, also of those that no flag needs: they may have
    /// issues.
    activations: BTreeSet<i64>,
}

impl Impact {
    fn new(changed: &Delta, current: &Snapshot, base: &Snapshot, askers: &ReverseIndex) -> Self {
        let mut changed = changed.clone();
        let mut from = changed.clone();
        if changed.is_new {
            let waiting = current.rows_with_issues();
            changed.activations.extend(&waiting.activations);
            from.extend(&waiting);
        }
        let mut of_base = askers.affected(base, &from);
        let of_part =
            current.part().map(|part| ReverseIndex::new(part).affected(part, &from)).unwrap_or_default();
        of_base.flags.extend(of_part.flags.into_iter().chain(from.flags));
        of_base.activations.extend(of_part.activations);
        Self { changed, affected: of_base.flags, activations: of_base.activations }
    }
}

/// Runs CPU-bound work on a thread where no other task waits for it.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let failed = |error| Error::store("novi", "could not compile the rows", error);
    spawn_blocking(work).await.map_err(failed)
}
