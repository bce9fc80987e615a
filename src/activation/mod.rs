//! Activations: the trait that a type implements, the compilation of its rows, and their evaluation.

pub(crate) mod bucket;
pub(crate) mod cause;
pub(crate) mod compile;
pub(crate) mod evaluation;
pub(crate) mod issue_policy;
pub(crate) mod key;
pub(crate) mod memo;
pub(crate) mod phrase;
mod references;
pub(crate) mod registry;
pub(crate) mod remembered;
pub(crate) mod script_folder;
pub(crate) mod spans;
pub mod sql;
pub(crate) mod strings;
pub(crate) mod trace;
pub(crate) mod unknown_fields;
pub(crate) mod verdict;
pub(crate) mod words;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use cause::CauseRule;
pub use compile::{Child, Children, CompileContext, Problem};
pub(crate) use compile::{ChildReference, Linker, MAX_INLINE_DEPTH, MAX_PROBLEMS, Unresolved};
pub use evaluation::Evaluation;
pub use issue_policy::MissingFlags;
pub use phrase::{Phrase, Phrasing, Share, value_text};
pub use references::{Reference, references};
pub use registry::{ActivationType, RegisteredActivation, Registry};
pub use remembered::Remembered;
pub use spans::{Span, Spans};
use sql::{Condition, SqlContext};
pub use unknown_fields::UnknownFields;
pub use verdict::{Variant, Verdict};
pub use words::{ActivationWords, Words};

/// A condition of a flag, built from one row of `activations`.
///
/// A value of the type is deserialized from the row's JSON config, [compiled](Self::compile) once, and
/// evaluated from then on. Register a type with [`#[novi::activation]`](macro@crate::activation) or
/// [`Registry::with`](crate::activation::registry::Registry::with).
pub trait Activation: Send + Sync + 'static {
    /// Evaluates the condition for one caller.
    ///
    /// This is the hot path: avoid I/O, locks and allocation. Work that depends only on the config belongs in
    /// [`compile`](Self::compile).
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Verdict;

    /// Prepares the evaluation: validates the config, parses its values, resolves
    /// [children](CompileContext::child) and declares [variants](CompileContext::variant). Report every
    /// problem of the row with [`CompileContext::problem`].
    fn compile(&mut self, row: &mut CompileContext<'_>) {
        let _ = row;
    }

    /// Returns `true` if this type divides callers at random. Decisions in which it is on have the reason
    /// `SPLIT` instead of `TARGETING_MATCH`.
    fn is_split(&self) -> bool {
        false
    }

    /// Whom the activation draws for, if it draws by a key; for built-in types.
    #[doc(hidden)]
    fn draws(&self) -> Option<&dyn Draws> {
        None
    }

    /// How the reason of a decision follows from this activation; for built-in types.
    #[doc(hidden)]
    fn cause_rule(&self) -> CauseRule {
        if self.is_split() { CauseRule::Draw } else { CauseRule::Condition }
    }

    /// The next time after `after` at which the verdict may change without any other change, or `None` if it
    /// never does or if that is unknown. Ignore [children](CompileContext::child); the engine calls this
    /// method on each of them.
    fn next_change(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let _ = after;
        None
    }

    /// When the time alone lets callers through, for people; for built-in types.
    #[doc(hidden)]
    fn spans(&self, spans: &mut Spans) {
        let _ = spans;
    }

    /// What the condition requires, in words: "country is DE or AT". `None`, the default, stands for the name
    /// of the class and the config.
    ///
    /// It is called on a value that was deserialized from the config and not [compiled](Self::compile), for
    /// people only: never during an evaluation.
    fn phrase(&self, phrasing: &mut Phrasing<'_>) -> Option<Phrase> {
        let _ = phrasing;
        None
    }

    /// The condition as SQL, for `novi sql`. The default [refuses](SqlContext::refuse): flags that use the
    /// type cannot be stated in SQL.
    ///
    /// It is called on a value that was deserialized from the config of a valid row and not
    /// [compiled](Self::compile). For every caller, it must be what [`evaluate`](Self::evaluate) returns.
    fn to_sql(&self, sql: &mut SqlContext<'_>) -> Condition {
        sql.refuse("", NOT_IN_SQL)
    }
}

/// Why a type without [`Activation::to_sql`] cannot be stated in SQL.
pub(crate) const NOT_IN_SQL: &str =
    "this type has no SQL of its own; evaluate the flag with `novi audience`, or use other types";

/// Whom an activation draws for, which is what exposures record; for built-in types.
#[doc(hidden)]
pub trait Draws {
    /// Calls a function with the unit: the key that is drawn by. Not if the caller has none.
    fn with_unit(&self, evaluation: &Evaluation<'_>, read: &mut dyn FnMut(&str));

    /// Whether the unit is the targeting key, and neither an experiment is named nor units are remembered.
    fn is_plain(&self) -> bool;

    /// The name of the experiment; `None` is that of the flag.
    fn experiment(&self) -> Option<&str> {
        None
    }

    /// Whether units keep the variant that was recorded.
    fn remembers(&self) -> bool {
        false
    }

    /// Whether it draws nobody, and all callers get the same: nothing is recorded.
    fn is_settled(&self) -> bool {
        false
    }

    /// Whether a caller with a unit is one of those that are drawn for this variant. Others have it for another reason,
    /// and are not recorded.
    fn enrolls(&self, evaluation: &Evaluation<'_>, variant: Option<Variant>) -> bool {
        let _ = (evaluation, variant);
        true
    }
}

/// A built-in activation, whose config has a type of its own and is dropped after compilation.
pub(crate) trait Configured: Activation + Sized {
    /// The config of a row.
    type Config: DeserializeOwned + JsonSchema;

    /// Whether the type reads rows of `activation_members`. For other types such rows are a problem.
    const TAKES_MEMBERS: bool = false;

    /// Whether flags can depend on rows of the type. Others only describe something, and are off for everybody.
    const IS_CONDITION: bool = true;

    /// Compiles a row. Returns `None` if the row cannot be used, after reporting its problems.
    fn configure(config: Self::Config, row: &mut CompileContext<'_>) -> Option<Self>;

    /// What a config requires, in words. The config may be invalid.
    fn words(config: &Self::Config, phrasing: &mut Phrasing<'_>) -> Phrase;

    /// The condition of a valid config, as SQL.
    fn config_to_sql(config: &Self::Config, sql: &mut SqlContext<'_>) -> Condition {
        let _ = config;
        sql.refuse("", NOT_IN_SQL)
    }
}
