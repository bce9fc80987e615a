//! Overrides that are active for a call, a task or a request.

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
    scoped::{Enter, Scoped},
};

/// Runs `run` with overrides on this thread. They take precedence over the rows and over the overrides in
/// `novi.toml`, and may name flags that have no row.
///
/// For tests and tools. Other flags are evaluated as usual. If scopes are nested, the innermost override of a
/// flag counts. The overrides end with `run`, even if it panics. They affect only this thread, so tests that
/// run in parallel do not disturb each other. For an async block, use [`scope`]. An async runtime that
/// is driven inside `run` polls its tasks on this thread, so they see the overrides.
///
/// ```
/// use novi::{Context, Flags, overrides::{Off, On, Override}, rows::{FlagRow, Rows}};
///
/// let flags = Flags::from_rows(Rows { flags: vec![FlagRow::new(1, "Winter sale", false)], ..Rows::default() })?;
/// let ctx = Context::new();
/// novi::overrides::sync_scope([("Winter sale", On), ("Layout", Override::variant("grid"))], || {
///     assert!(flags.is_enabled("Winter sale", &ctx));
///     assert_eq!(flags.evaluate("Layout", &ctx)?.variant(), Some("grid"));
///     novi::overrides::sync_scope([("Winter sale", Off)], || assert!(!flags.is_enabled("Winter sale", &ctx)));
///     Ok::<(), novi::Error>(())
/// })?;
/// assert!(!flags.is_enabled("Winter sale", &ctx));
/// # Ok::<(), novi::Error>(())
/// ```
pub fn sync_scope<N, O, R>(overrides: impl IntoIterator<Item = (N, O)>, run: impl FnOnce() -> R) -> R
where
    N: Into<String>,
    O: Into<Override>,
{
    let _scope = OverrideScope::new(OverrideSource::Scope, overrides).enter();
    run()
}

/// Wraps a future so that overrides are active whenever it runs, on any thread, and never while another task
/// runs.
///
/// Tasks that are spawned inside do not inherit the overrides; wrap their futures as well. See
/// [`sync_scope`].
///
/// ```
/// # async fn checkout() {}
/// # fn main() {
/// # let _ =
/// novi::overrides::scope([("New checkout", true)], async {
///     checkout().await // guarded functions in here find the flag on
/// })
/// # ;
/// # }
/// ```
pub fn scope<N, O, F>(overrides: impl IntoIterator<Item = (N, O)>, future: F) -> OverrideFuture<F>
where
    N: Into<String>,
    O: Into<Override>,
    F: Future,
{
    OverrideFuture { inner: Scoped::new(future, OverrideScope::new(OverrideSource::Scope, overrides)) }
}

/// Runs `run` with overrides that came with a request, for example of a user who tries a feature before its
/// release.
///
/// They take precedence over all other overrides. A flag ignores such an override if its metadata have
/// `override_allowed = false`, or if it does not have the named variant;
/// [`explain`](crate::flags::Flags::explain) then reports the reason.
///
/// ```
/// use novi::{Context, Flags, rows::{FlagMetadata, FlagRow, Rows}};
///
/// let metadata = FlagMetadata { override_allowed: false, ..FlagMetadata::default() };
/// let flags = Flags::from_rows(Rows {
///     flags: vec![FlagRow::new(1, "Beta", false), FlagRow { metadata, ..FlagRow::new(2, "Refunds", false) }],
///     ..Rows::default()
/// })?;
/// novi::overrides::request_sync_scope([("Beta", true), ("Refunds", true)], || {
///     assert!(flags.is_enabled("Beta", &Context::new()));
///     assert!(!flags.is_enabled("Refunds", &Context::new()));
/// });
/// # Ok::<(), novi::Error>(())
/// ```
pub fn request_sync_scope<N, O, R>(overrides: impl IntoIterator<Item = (N, O)>, run: impl FnOnce() -> R) -> R
where
    N: Into<String>,
    O: Into<Override>,
{
    let _scope = OverrideScope::new(OverrideSource::Request, overrides).enter();
    run()
}

/// Wraps a future so that overrides of a request are active whenever it runs. See [`request_sync_scope`].
pub fn request_scope<N, O, F>(overrides: impl IntoIterator<Item = (N, O)>, future: F) -> OverrideFuture<F>
where
    N: Into<String>,
    O: Into<Override>,
    F: Future,
{
    OverrideFuture { inner: Scoped::new(future, OverrideScope::new(OverrideSource::Request, overrides)) }
}

/// The overrides of one request, as a value that can be passed to spawned tasks. See
/// [`request_sync_scope`].
///
/// ```
/// use novi::{Context, Flags, overrides::RequestOverrides, rows::{FlagRow, Rows}};
///
/// let flags = Flags::from_rows(Rows { flags: vec![FlagRow::new(1, "Beta", false)], ..Rows::default() })?;
/// let overrides = RequestOverrides::new([("Beta", true)]);
/// assert!(overrides.within(|| flags.is_enabled("Beta", &Context::new())));
/// assert!(!flags.is_enabled("Beta", &Context::new()));
/// # Ok::<(), novi::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct RequestOverrides {
    /// `None` if there are no overrides, so that entering costs nothing.
    scope: Option<Arc<OverrideScope>>,
}

impl RequestOverrides {
    /// If a flag occurs more than once, its last override counts.
    pub fn new<N: Into<String>, O: Into<Override>>(overrides: impl IntoIterator<Item = (N, O)>) -> Self {
        let scope = OverrideScope::new(OverrideSource::Request, overrides);
        Self { scope: Some(scope).filter(|scope| !scope.overrides.is_empty()) }
    }

    /// Whether there are no overrides.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.scope.is_none()
    }

    /// Runs `run` with the overrides.
    pub fn within<R>(&self, run: impl FnOnce() -> R) -> R {
        let _scope = self.scope.as_ref().map(Enter::enter);
        run()
    }

    /// Wraps a future so that the overrides are active whenever it runs.
    pub fn around<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        Scoped::new(future, OptionalScope(self.scope.clone()))
    }
}

struct OptionalScope(Option<Arc<OverrideScope>>);

impl Enter for OptionalScope {
    type Guard = Option<ScopeGuard>;

    fn enter(&self) -> Self::Guard {
        self.0.as_ref().map(Enter::enter)
    }
}

impl fmt::Debug for RequestOverrides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let overrides = self.scope.iter().flat_map(|scope| &scope.overrides);
        f.debug_map().entries(overrides.map(|active| (&active.flag, &active.answer))).finish()
    }
}

pin_project! {
    /// A future with overrides, returned by [`scope`] and [`request_scope`].
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct OverrideFuture<F> {
        #[pin]
        inner: Scoped<F, Arc<OverrideScope>>,
    }
}

impl<F: Future> Future for OverrideFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.project().inner.poll(cx)
    }
}

impl<F> fmt::Debug for OverrideFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OverrideFuture").finish_non_exhaustive()
    }
}

/// Where overrides come from. Later sources take precedence over earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum OverrideSource {
    Scope,
    Request,
}

/// One override of a scope.
#[derive(Debug)]
pub(crate) struct ActiveOverride {
    pub(crate) flag: Box<str>,
    pub(crate) answer: Override,
    pub(crate) source: OverrideSource,
}

/// The overrides of one scope.
struct OverrideScope {
    source: OverrideSource,
    /// Sorted by flag name.
    overrides: Vec<Arc<ActiveOverride>>,
    _counted: Counted,
}

impl OverrideScope {
    fn new<N, O>(source: OverrideSource, overrides: impl IntoIterator<Item = (N, O)>) -> Arc<Self>
    where
        N: Into<String>,
        O: Into<Override>,
    {
        // If a flag occurs more than once, its last override counts.
        let answers: BTreeMap<String, Override> =
            overrides.into_iter().map(|(flag, answer)| (flag.into(), answer.into())).collect();
        let active =
            |(flag, answer): (String, _)| Arc::new(ActiveOverride { flag: flag.into(), answer, source });
        Arc::new(Self {
            source,
            overrides: answers.into_iter().map(active).collect(),
            _counted: Counted::new(),
        })
    }

    fn get(&self, flag: &str) -> Option<&Arc<ActiveOverride>> {
        let position = self.overrides.binary_search_by(|active| (*active.flag).cmp(flag)).ok()?;
        self.overrides.get(position)
    }
}

/// The number of scopes in the process. On a cache line of its own, because every evaluation reads it.
#[repr(align(128))]
struct ScopeCount(AtomicUsize);

static SCOPE_COUNT: ScopeCount = ScopeCount(AtomicUsize::new(0));

/// Is counted in [`SCOPE_COUNT`] until it is dropped.
struct Counted(());

impl Counted {
    fn new() -> Self {
        SCOPE_COUNT.0.fetch_add(1, Ordering::Relaxed);
        Self(())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        SCOPE_COUNT.0.fetch_sub(1, Ordering::Relaxed);
    }
}

thread_local! {
    /// The scopes that this thread is in, outermost first. Never borrowed while code outside this crate runs.
    static SCOPES: RefCell<Vec<Arc<OverrideScope>>> = const { RefCell::new(Vec::new()) };
}

/// Whether any override may be active. Without overrides, this check is all that they cost. Relaxed ordering
/// is enough: a thread sees its own scopes, and those of other threads do not concern it.
#[inline(always)]
pub(crate) fn any_override_active() -> bool {
    SCOPE_COUNT.0.load(Ordering::Relaxed) != 0
}

/// Whether this thread is in any scope.
pub(crate) fn any_on_this_thread() -> bool {
    SCOPES.try_with(|scopes| scopes.try_borrow().is_ok_and(|scopes| !scopes.is_empty())).unwrap_or_default()
}

/// The innermost override of a flag that has this source and satisfies `admits`.
pub(crate) fn find(
    flag: &str,
    source: OverrideSource,
    admits: impl Fn(&Override) -> bool,
) -> Option<Arc<ActiveOverride>> {
    let found = SCOPES.try_with(|scopes| {
        let scopes = scopes.try_borrow().ok()?;
        let with_source = scopes.iter().rev().filter(|scope| scope.source == source);
        with_source.filter_map(|scope| scope.get(flag)).find(|active| admits(&active.answer)).cloned()
    });
    // During thread teardown there are no scopes.
    found.ok().flatten()
}

/// The override that takes effect for a flag: one of a request if it satisfies `admits`, otherwise one of a
/// scope.
pub(crate) fn effective(flag: &str, admits: impl Fn(&Override) -> bool) -> Option<Arc<ActiveOverride>> {
    find(flag, OverrideSource::Request, admits).or_else(|| find(flag, OverrideSource::Scope, |_| true))
}

/// The names of all flags that are overridden on this thread, sorted.
pub(crate) fn overridden_flags() -> Vec<Box<str>> {
    let names = SCOPES.try_with(|scopes| {
        let Ok(scopes) = scopes.try_borrow() else { return Vec::new() };
        scopes.iter().flat_map(|scope| &scope.overrides).map(|active| active.flag.clone()).collect()
    });
    let mut flags: Vec<Box<str>> = names.unwrap_or_default();
    flags.sort_unstable();
    flags.dedup();
    flags
}

impl Enter for Arc<OverrideScope> {
    type Guard = ScopeGuard;

    fn enter(&self) -> ScopeGuard {
        let scope = Self::clone(self);
        let entered = SCOPES.try_with(|scopes| {
            let mut scopes = scopes.try_borrow_mut().ok()?;
            let depth = scopes.len();
            scopes.push(scope);
            Some(depth)
        });
        ScopeGuard { depth: entered.ok().flatten() }
    }
}

/// Leaves a scope when dropped.
struct ScopeGuard {
    /// The previous depth, or `None` during thread teardown.
    depth: Option<usize>,
}

impl Drop for ScopeGuard {
    fn drop(&mut self) {
        let Some(depth) = self.depth else { return };
        let left = SCOPES.try_with(|scopes| {
            let mut scopes = scopes.try_borrow_mut().ok()?;
            (depth < scopes.len()).then(|| scopes.split_off(depth))
        });
        // Dropped here, after the borrow has ended.
        drop(left);
    }
}
