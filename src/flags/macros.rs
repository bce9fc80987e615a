//! The macros of the crate `novi-macros`, with their examples: that crate does not depend on `novi`.

/// # Examples
///
/// ```
/// use novi::{Context, FlagDisabled, Flags, rows::{FlagRow, Rows}};
///
/// #[novi::enabled("Banner")]
/// fn banner() -> Option<&'static str> {
///     Some("Half the price until Friday")
/// }
///
/// #[novi::enabled("New checkout", ctx = ctx, otherwise = total)]
/// fn discounted(total: u64, ctx: &Context<'_>) -> u64 {
///     total / 2
/// }
///
/// #[novi::enabled("Layout", variant = "grid", key = user.id, otherwise = "a list")]
/// fn layout(user: &User) -> &'static str {
///     "a grid"
/// }
///
/// struct User {
///     id: u64,
/// }
///
/// struct Payments {
///     flags: Flags,
/// }
///
/// impl Payments {
///     #[novi::enabled("Refunds", flags = self.flags)]
///     fn refund(&mut self, order: u32) -> Result<String, FlagDisabled> {
///         Ok(format!("order {order} is paid back"))
///     }
/// }
///
/// let flags = Flags::from_rows(Rows {
///     flags: vec![
///         FlagRow::new(1, "Banner", true),
///         FlagRow::new(2, "New checkout", false),
///         FlagRow::new(3, "Refunds", false),
///         FlagRow::new(4, "Layout", true),
///     ],
///     ..Rows::default()
/// })?;
/// flags.clone().install().map_err(|_| "flags are installed already")?;
///
/// assert!(banner().is_some());
/// assert_eq!(discounted(100, &Context::new()), 100);
/// assert_eq!(layout(&User { id: 7 }), "a list", "the flag is on, and no activation assigns the variant");
/// assert_eq!(Payments { flags }.refund(7).unwrap_err().to_string(), "flag \"Refunds\" is off");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub use novi_macros::enabled;

/// # Examples
///
/// ```standalone_crate
/// use novi::activation::{Activation, Evaluation, Registry, Verdict};
/// use serde::Deserialize;
///
/// /// On while the office is open.
/// #[novi::activation("acme.office_hours", alias = "acme.opening_hours")]
/// #[derive(Deserialize)]
/// struct OfficeHours {
///     from: f64,
///     to: f64,
/// }
///
/// impl Activation for OfficeHours {
///     fn evaluate(&self, evaluation: &Evaluation<'_>) -> Verdict {
///         let hour = evaluation.get("hour").and_then(|hour| hour.as_f64());
///         hour.is_some_and(|hour| (self.from..self.to).contains(&hour)).into()
///     }
/// }
///
/// let registry = Registry::global()?;
/// let found = registry.find("acme.opening_hours").expect("registered above");
/// assert_eq!((found.class(), found.description()), ("acme.office_hours", "On while the office is open."));
/// # Ok::<(), novi::Error>(())
/// ```
pub use novi_macros::activation;

/// # Examples
///
/// ```
/// use novi::{Context, Feature, Flags, rows::{FlagMetadata, FlagRow, Rows}};
/// use serde::Deserialize;
///
/// #[derive(Debug, PartialEq, Feature)]
/// #[flag("Page layout", rename_all = "kebab-case")]
/// enum Layout {
///     #[default]
///     List,
///     WideGrid,
///     #[flag(rename = "map2")]
///     Map,
/// }
///
/// #[derive(Default, Deserialize, Feature)]
/// #[flag("Page settings")]
/// struct PageSettings {
///     rows: u32,
///     title: String,
/// }
///
/// let metadata = |variants: &str, variant: &str| FlagMetadata {
///     variants: Some(variants.to_owned()),
///     default_variant: Some(variant.to_owned()),
///     ..FlagMetadata::default()
/// };
/// let settings = metadata(r#"{"short": {"rows": 10, "title": "The latest"}}"#, "short");
/// let flags = Flags::from_rows(Rows {
///     flags: vec![
///         FlagRow { metadata: metadata(r#"{"map2": 1, "globe": 2}"#, "map2"), ..FlagRow::new(1, "Page layout", true) },
///         FlagRow { metadata: settings, ..FlagRow::new(2, "Page settings", true) },
///     ],
///     ..Rows::default()
/// })?;
/// let ctx = Context::new();
/// let text = match flags.choose::<Layout>(&ctx) {
///     Layout::List | Layout::WideGrid => "rows",
///     Layout::Map => "a map",
/// };
/// assert_eq!((text, flags.choose::<PageSettings>(&ctx).rows), ("a map", 10));
///
/// // A variant that the code does not know is an issue.
/// assert_eq!(flags.issues()[0].path, "variants.globe");
/// # let _ = (flags.choose::<PageSettings>(&ctx).title, Layout::List, Layout::WideGrid);
/// # Ok::<(), novi::Error>(())
/// ```
pub use novi_macros::Feature;

/// # Examples
///
/// ```
/// use novi::{Context, ToContext, Value};
///
/// #[derive(ToContext)]
/// struct Caller<'a> {
///     #[context(key, display)]
///     id: u64,
///     plan: Plan,
///     #[context(rename = "language")]
///     locale: Option<&'a str>,
///     company: Company,
///     #[context(skip)]
///     password: String,
/// }
///
/// #[derive(ToContext)]
/// #[context(rename_all = "snake_case")]
/// enum Plan {
///     Free,
///     ProPlus,
/// }
///
/// #[derive(ToContext)]
/// struct Company {
///     country: String,
/// }
///
/// let caller = Caller {
///     id: 7,
///     plan: Plan::ProPlus,
///     locale: None,
///     company: Company { country: "NZ".to_owned() },
///     password: "hunter2".to_owned(),
/// };
/// let ctx: Context<'_> = caller.to_context();
/// assert_eq!(ctx.targeting_key(), Some("7"));
/// assert_eq!(ctx.get("plan"), Some(&Value::from("pro_plus")));
/// assert_eq!(ctx.get("company").and_then(|company| company.field("country")), Some(&Value::from("NZ")));
/// assert_eq!(ctx.len(), 3);
/// # let _ = (Plan::Free, &caller.password);
/// ```
pub use novi_macros::ToContext;

/// # Examples
///
/// ```
/// use novi::{Flags, ToContext, rows::Rows};
///
/// struct PaymentProcessor {
///     fee: u32,
/// }
///
/// #[derive(ToContext)]
/// struct User {
///     #[context(key)]
///     id: String,
///     country: &'static str,
/// }
///
/// #[novi::feature("PaymentProcessor", ctx = user)]
/// impl PaymentProcessor {
///     /// 2 % of each payment
///     #[default]
///     pub fn acme(user: &User) -> Self {
///         Self { fee: 2 }
///     }
///
///     /// 4 %, and always there
///     fn premium(user: &User) -> Self {
///         Self { fee: 4 }
///     }
/// }
///
/// Flags::from_rows(Rows::default())?.install().map_err(|_| "flags are installed already")?;
/// let user = User { id: "user-7".to_owned(), country: "CA" };
/// assert_eq!(PaymentProcessor::create(&user).fee, 2);
/// novi::overrides::sync_scope([("PaymentProcessor", "premium")], || {
///     assert_eq!(PaymentProcessor::create(&user).fee, 4);
/// });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub use novi_macros::feature;
