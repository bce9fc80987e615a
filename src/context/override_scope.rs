//! Overrides of the code that runs now: of a call, a task, or a request (R13).

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fmt,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

use crate::context::{
    overrides::Override,
    scoped::{Enter, Within},
};

/// Runs `run` with overrides above the rows and above those of `novi.toml`, for every way of asking a flag on this
/// thread. Also flags that no row has answer by them.
///
/// For tests and tools. What is not overridden stays as it is; of scopes inside of one another the inner ones win. It
/// ends with `run`, after a panic too, and concerns this thread alone, so tests that run side by side do not disturb
/// each other. An async block has [`in_overrides`]; a runtime that is driven inside of `run` polls all its tasks on this
/// thread, which then see the overrides.
///
/// ```
/// use novi::{Context, Flags, Off, On, Override, rows::{FlagRow, Rows}};
///
/// let flags = Flags::from_rows(Rows { flags: vec![FlagRow::new(1, "Winter sale", false)], ..Rows::default() })?;
/// let ctx = Context::new();
/// novi::with_overrides([("Winter sale", On), ("Layout", Override::variant("grid"))], || {
///     assert!(flags.is_enabled("Winter sale", &ctx));
///     assert_eq!(flags.evaluate("Layout", &ctx)?.variant(), Some("grid"));
///     novi::with_overrides([("Winter sale", Off)], || assert!(!flags.is_enabled("Winter sale", &ctx)));
///     Ok::<(), novi::Error>(())
/// })?;
/// assert!(!flags.is_enabled("Winter sale", &ctx));
/// # Ok::<(), novi::Error>(())
/// ```
pub fn with_overrides<N, O, R>(overrides: impl IntoIterator<Item = (N, O)>, run: impl FnOnce() -> R) -> R
where
    N: Into<String>,
    O: Into<Override>,
{
    let _scope = Layer::new(Level::Scoped, overrides).enter();
    run()
}

/// The future, with overrides as those of [`with_overrides`] whenever it runs: on any thread, and never while another
/// task does. A task that is spawned inside does not inherit them: wrap its future as well.
///
/// ```
/// # async fn checkout() {}
/// # fn main() {
/// # let _ =
/// novi::in_overrides([("New checkout", true)], async {
///     checkout().await // guarded functions in here find the flag on
/// })
/// # ;
/// # }
/// ```
pub fn in_overrides<N, O, F>(overrides: impl IntoIterator<Item = (N, O)>, future: F) -> InOverrides<F>
where
    N: Into<String>,
    O: Into<Override>,
    F: Future,
{
    InOverrides { inner: Within::new(future, Layer::new(Level::Scoped, overrides)) }
}

/// Runs `run` with overrides that came with a request, as of somebody who tries a feature before it is on.
///
/// They stand above those of [`with_overrides`] and all others (R13), but a flag may refuse them: one whose metadata say
/// `override_allowed = false`, and one that does not have the variant. Then it answers as if there were none, and
/// [`explain`](crate::flags::Flags::explain) says so.
///
/// ```
/// use novi::{Context, Flags, rows::{FlagMetadata, FlagRow, Rows}};
///
/// let metadata = FlagMetadata { override_allowed: false, ..FlagMetadata::default() };
/// let flags = Flags::from_rows(Rows {
///     flags: vec![FlagRow::new(1, "Beta", false), FlagRow { metadata, ..FlagRow::new(2, "Refunds", false) }],
///     ..Rows::default()
/// })?;
/// novi::with_request_overrides([("Beta", true), ("Refunds", true)], || {
///     assert!(flags.is_enabled("Beta", &Context::new()));
///     assert!(!flags.is_enabled("Refunds", &Context::new()));
/// });
/// # Ok::<(), novi::Error>(())
/// ```
pub fn with_request_overrides<N, O, R>(
    overrides: impl IntoIterator<Item = (N, O)>,
    run: impl FnOnce() -> R,
) -> R
where
    N: Into<String>,
    O: Into<Override>,
{
    let _scope = Layer::new(Level::Request, overrides).enter();
    run()
}

/// The future, with overrides as those of [`with_request_overrides`] whenever it runs.
pub fn in_request_overrides<N, O, F>(overrides: impl IntoIterator<Item = (N, O)>, future: F) -> InOverrides<F>
where
    N: Into<String>,
    O: Into<Override>,
    F: Future,
{
    InOverrides { inner: Within::new(future, Layer::new(Level::Request, overrides)) }
}

/// The overrides of one request, made once and entered wherever the request is worked on: those of
/// [`with_request_overrides`], as a value that a task which is spawned can take along.
///
/// ```
/// use novi::{Context, Flags, RequestOverrides, rows::{FlagRow, Rows}};
///
/// let flags = Flags::from_rows(Rows { flags: vec![FlagRow::new(1, "Beta", false)], ..Rows::default() })?;
/// let overrides = RequestOverrides::new([("Beta", true)]);
/// assert!(overrides.within(|| flags.is_enabled("Beta", &Context::new())));
/// assert!(!flags.is_enabled("Beta", &Context::new()));
/// # Ok::<(), novi::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct RequestOverrides {
    /// Nothing where there are none, so that nobody pays for it.
    layer: Option<Arc<Layer>>,
}

impl RequestOverrides {
    /// These overrides; of two for one flag the later one counts.
    pub fn new<N: Into<String>, O: Into<Override>>(overrides: impl IntoIterator<Item = (N, O)>) -> Self {
        let layer = Layer::new(Level::Request, overrides);
        Self { layer: Some(layer).filter(|layer| !layer.answers.is_empty()) }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.layer.is_none()
    }

    /// Runs `run` with them.
    pub fn within<R>(&self, run: impl FnOnce() -> R) -> R {
        let _scope = self.layer.as_ref().map(Enter::enter);
        run()
    }

    /// The future, with them whenever it runs.
    pub fn around<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        Within::new(future, Maybe(self.layer.clone()))
    }
}

/// A layer, or none.
struct Maybe(Option<Arc<Layer>>);

impl Enter for Maybe {
    type Scope = Option<Scope>;

    fn enter(&self) -> Self::Scope {
        self.0.as_ref().map(Enter::enter)
    }
}

impl fmt::Debug for RequestOverrides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answers = self.layer.iter().flat_map(|layer| &layer.answers);
        f.debug_map().entries(answers.map(|layered| (&layered.flag, &layered.answer))).finish()
    }
}

pin_project! {
    /// What [`in_overrides`] and [`in_request_overrides`] give: the future, inside of the overrides.
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct InOverrides<F> {
        #[pin]
        inner: Within<F, Arc<Layer>>,
    }
}

impl<F: Future> Future for InOverrides<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.project().inner.poll(cx)
    }
}

impl<F> fmt::Debug for InOverrides<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InOverrides").finish_non_exhaustive()
    }
}

/// Whose overrides they are; later ones stand above earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Scoped,
    Request,
}

/// One override of a layer.
#[derive(Debug)]
pub(crate) struct Layered {
    pub(crate) flag: Box<str>,
    pub(crate) answer: Override,
    pub(crate) level: Level,
}

/// The overrides of one scope.
struct Layer {
    level: Level,
    /// Sorted by the flags' names.
    answers: Vec<Arc<Layered>>,
    _live: Live,
}

impl Layer {
    fn new<N, O>(level: Level, overrides: impl IntoIterator<Item = (N, O)>) -> Arc<Self>
    where
        N: Into<String>,
        O: Into<Override>,
    {
        // Of two for one flag the later one counts.
        let answers: BTreeMap<String, Override> =
            overrides.into_iter().map(|(flag, answer)| (flag.into(), answer.into())).collect();
        let layered = |(flag, answer): (String, _)| Arc::new(Layered { flag: flag.into(), answer, level });
        Arc::new(Self { level, answers: answers.into_iter().map(layered).collect(), _live: Live::new() })
    }

    fn get(&self, flag: &str) -> Option<&Arc<Layered>> {
        let place = self.answers.binary_search_by(|layered| (*layered.flag).cmp(flag)).ok()?;
        self.answers.get(place)
    }
}

/// How many layers there are in the process. On a cache line of its own: every question reads it.
#[repr(align(128))]
struct Count(AtomicUsize);

static LIVE: Count = Count(AtomicUsize::new(0));

/// Counted for as long as it is there.
struct Live(());

impl Live {
    fn new() -> Self {
        LIVE.0.fetch_add(1, Ordering::Relaxed);
        Self(())
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        LIVE.0.fetch_sub(1, Ordering::Relaxed);
    }
}

thread_local! {
    /// The layers that this thread is in, the outermost first. Borrowed for a moment only, while nothing runs that is not
    /// in this crate.
    static LAYERS: RefCell<Vec<Arc<Layer>>> = const { RefCell::new(Vec::new()) };
}

/// Whether there may be overrides: all that it costs when there are none. A thread sees at once what it did itself, and
/// the layers of others are none of its business, so no order of memory is asked for.
#[inline(always)]
pub(crate) fn in_use() -> bool {
    LIVE.0.load(Ordering::Relaxed) != 0
}

/// Whether this thread is in any layer.
pub(crate) fn any_here() -> bool {
    LAYERS.try_with(|layers| layers.try_borrow().is_ok_and(|layers| !layers.is_empty())).unwrap_or_default()
}

/// The innermost override of a flag at this level that `admits` lets pass.
pub(crate) fn find(flag: &str, level: Level, admits: impl Fn(&Override) -> bool) -> Option<Arc<Layered>> {
    let found = LAYERS.try_with(|layers| {
        let layers = layers.try_borrow().ok()?;
        let of_level = layers.iter().rev().filter(|layer| layer.level == level);
        of_level.filter_map(|layer| layer.get(flag)).find(|layered| admits(&layered.answer)).cloned()
    });
    // A thread that ends has no layers any more.
    found.ok().flatten()
}

/// The override that answers for a flag: a request's if `admits` lets it pass, else one of a scope (R13).
pub(crate) fn answer(flag: &str, admits: impl Fn(&Override) -> bool) -> Option<Arc<Layered>> {
    find(flag, Level::Request, admits).or_else(|| find(flag, Level::Scoped, |_| true))
}

/// The names of all flags that this thread has overrides for, sorted.
pub(crate) fn flags() -> Vec<Box<str>> {
    let named = LAYERS.try_with(|layers| {
        let Ok(layers) = layers.try_borrow() else { return Vec::new() };
        layers.iter().flat_map(|layer| &layer.answers).map(|layered| layered.flag.clone()).collect()
    });
    let mut flags: Vec<Box<str>> = named.unwrap_or_default();
    flags.sort_unstable();
    flags.dedup();
    flags
}

impl Enter for Arc<Layer> {
    type Scope = Scope;

    fn enter(&self) -> Scope {
        let layer = Self::clone(self);
        let entered = LAYERS.try_with(|layers| {
            let mut layers = layers.try_borrow_mut().ok()?;
            let depth = layers.len();
            layers.push(layer);
            Some(depth)
        });
        Scope { depth: entered.ok().flatten() }
    }
}

/// Leaves a layer.
struct Scope {
    /// How many layers were there before; nothing if the thread is ending, which has none.
    depth: Option<usize>,
}

impl Drop for Scope {
    fn drop(&mut self) {
        let Some(depth) = self.depth else { return };
        let left = LAYERS.try_with(|layers| {
            let mut layers = layers.try_borrow_mut().ok()?;
            (depth < layers.len()).then(|| layers.split_off(depth))
        });
        drop(left);
    }
}
