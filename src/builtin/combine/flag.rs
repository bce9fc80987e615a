//! Another flag.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    activation::{Activation, Child, Compile, Configured, Variant, Verdict, evaluation::Check},
    builtin::{audience::string_list::Texts, register},
};

/// [`Config`] tells all of it.
struct OtherFlag {
    node: u32,
    /// Empty: any, or none.
    variants: Box<[Variant]>,
}

/// On when another flag is on for the caller: a prerequisite.
///
/// The other flag answers as it does by itself: its status, its activations, its own name as the salt of its rollouts, and
/// what overrides say. With `variant` it must be on with this one, or with one of these. Its variant is not passed on. The
/// opposite, only where another flag is off, is `novi.not` over it.
///
/// ```sql
/// INSERT INTO activations VALUES (10, 'Where the new checkout is on', 'novi.flag', '{"flag": "New checkout"}');
/// INSERT INTO activations VALUES (11, 'In the grid', 'novi.flag', '{"flag": "Layout", "variant": ["grid", "list"]}');
/// ```
///
/// A flag that does not exist is an issue, and so are flags that ask each other in a circle. A flag that is broken breaks those
/// that ask it, unless its status is off.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The other flag's name
    flag: String,
    /// The variant that it must have, or a list of them; absent: it must be on
    #[serde(default)]
    variant: Option<Texts>,
}

register!(OtherFlag, "novi.flag", [], "On when another flag is on, with any variant or a certain one");

impl Activation for OtherFlag {
    fn evaluate(&self, check: &Check<'_>) -> Verdict {
        let verdict = check.ask_node(self.node);
        if self.variants.is_empty() {
            return verdict.is_on().into();
        }
        verdict.variant().is_some_and(|variant| self.variants.contains(&variant)).into()
    }
}

impl Configured for OtherFlag {
    type Config = Config;

    fn configure(config: Config, row: &mut Compile<'_>) -> Option<Self> {
        let mut child = Child::flag(config.flag);
        row.child(".flag", &mut child);
        let named = config.variant.map(Texts::into_boxed);
        if named.as_ref().is_some_and(|names| names.is_empty()) {
            row.problem(".variant", "expected a variant or several, found none");
            return None;
        }
        let variants = named.iter().flatten().map(|name| row.foreign_variant(name)).collect();
        Some(Self { node: child.node(), variants })
    }
}
