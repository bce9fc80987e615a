//! Prerequisites: other flags.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    activation::{
        Activation, Child, CompileContext, Configured, Phrase, Phrasing, Variant, Verdict,
        evaluation::Evaluation,
        phrase::{alternatives, quoted},
        sql, value_text,
    },
    builtin::{audience::string_list::StringList, register::register},
};

/// See [`Config`].
struct OtherFlag {
    node: u32,
    /// If empty, the variant does not matter.
    variants: Box<[Variant]>,
}

/// On if another flag is on for the caller: a prerequisite.
///
/// ```sql
/// INSERT INTO flags (id, name, status) VALUES
///     (170, 'Express checkout', true), (171, 'New checkout', true);
/// INSERT INTO activations (id, name, class_name, config) VALUES
///     (170, 'Where the new checkout is on', 'novi.flag', '{"flag": "New checkout"}');
/// INSERT INTO flags_activations (flag_id, activation_id) VALUES (170, 170);
/// ```
///
/// The other flag is evaluated as if it were evaluated alone, with its status, its activations, its own name
/// as salt, and overrides. With `variant`, the flag must have that variant, or one of several: `{"flag":
/// "Layout", "variant": ["grid", "list"]}`. The variant is not passed on. To require that a flag is off, use
/// `novi.not`.
///
/// A flag that does not exist counts as off, with a warning, until it is created; with `[activations]
/// missing_flags = "issue"` it breaks the row. Rows that are written with novi may not refer to missing flags
/// either way. Flags that depend on each other in a cycle are an issue. A broken flag breaks the flags that
/// depend on it, unless its status is off.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The name of the other flag
    #[schemars(extend("x-novi-input" = "flag"))]
    flag: String,
    /// The required variant, or a list of variants of which one is required. Default: any, or none
    #[serde(default)]
    variant: Option<StringList>,
}

register!(OtherFlag, "novi.flag", [], "On if another flag is on, with any variant or a certain one");

impl Activation for OtherFlag {
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Verdict {
        let verdict = evaluation.ask_node(self.node);
        if self.node == Child::UNRESOLVED {
            evaluation.note(|| "no flag has this name, so it counts as off".to_owned());
        }
        if self.variants.is_empty() {
            return verdict.is_on().into();
        }
        let is_wanted = |variant| self.variants.contains(&variant) || variant == Variant::DRAWN;
        verdict.variant().is_some_and(is_wanted).into()
    }
}

impl Configured for OtherFlag {
    type Config = Config;

    fn configure(config: Config, row: &mut CompileContext<'_>) -> Option<Self> {
        let mut child = Child::flag(config.flag);
        row.child(".flag", &mut child);
        let named = config.variant.map(StringList::into_boxed);
        if named.as_ref().is_some_and(|names| names.is_empty()) {
            row.problem(".variant", "expected at least one variant, found an empty list");
            return None;
        }
        let variants = named.iter().flatten().map(|name| row.foreign_variant(name)).collect();
        Some(Self { node: child.node(), variants })
    }

    fn words(config: &Config, phrasing: &mut Phrasing<'_>) -> Phrase {
        let flag = phrasing.child(&Child::flag(&*config.flag));
        let Some(variants) = &config.variant else { return flag };
        let variants = alternatives("variants", variants.iter().map(value_text));
        Phrase::condition(format!("flag {} has variant {variants}", quoted(&config.flag)))
    }

    fn config_to_sql(config: &Config, sql: &mut sql::SqlContext<'_>) -> sql::Condition {
        let flag = sql.child(&Child::flag(&*config.flag));
        let Some(variants) = &config.variant else { return flag.on.into() };
        let names: Vec<String> = variants.iter().map(str::to_owned).collect();
        sql::Expression::all([flag.on, flag.variant.is_one_of(Some(&names))]).into()
    }
}
