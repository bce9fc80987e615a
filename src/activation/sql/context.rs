//! What a type is given to state its condition.

use std::{fmt, sync::Arc};

use crate::{
    activation::{
        compile::Child,
        sql::{
            condition::Condition,
            expression::{Expression, Key},
            place::{Place, Refusal},
        },
    },
    context::{Context, TARGETING_KEY},
    rows::MemberRow,
};

/// States the conditions of children, and collects what SQL cannot state.
pub(crate) trait SqlChildren {
    fn child(&mut self, child: &Child) -> Condition;
    fn refuse(&mut self, refusal: Refusal);
}

/// The activation whose condition is stated, and the services for it.
pub struct SqlContext<'a> {
    pub(crate) place: Arc<Place>,
    /// The rows of `activation_members` that belong to the row.
    pub(crate) members: &'a [MemberRow],
    /// The static context.
    pub(crate) base: &'a Context<'static>,
    /// Other names of the targeting key.
    pub(crate) identity: &'a [Box<str>],
    pub(crate) children: &'a mut dyn SqlChildren,
}

impl fmt::Debug for SqlContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlContext").field("place", &self.place).finish_non_exhaustive()
    }
}

impl SqlContext<'_> {
    /// The class name of the row: the name of the type or one of its aliases.
    #[must_use]
    pub fn class_name(&self) -> &str {
        self.place.class_name.as_deref().unwrap_or_default()
    }

    /// The name of the row, which activations inside of it have as well.
    pub(crate) fn row_name(&self) -> &str {
        self.place.name.as_deref().unwrap_or_default()
    }

    /// The name of the flag that is evaluated, which is the default salt of draws.
    #[must_use]
    pub fn flag_name(&self) -> &str {
        &self.place.flag
    }

    /// The condition of a child.
    pub fn child(&mut self, child: &Child) -> Condition {
        self.children.child(child)
    }

    /// The conditions of several children.
    pub fn each(&mut self, children: &[Child]) -> Vec<Condition> {
        children.iter().map(|child| self.child(child)).collect()
    }

    /// Says that SQL cannot state a part of the config. `path` is its location, such as `.hash`, or empty for
    /// all of it; `message` says why, and what to do. The result stands for it, and is never used.
    pub fn refuse(&mut self, path: &str, message: impl Into<String>) -> Condition {
        let path = if path.is_empty() { String::new() } else { format!("config{path}") };
        self.children.refuse(Refusal { place: (*self.place).clone(), path, message: message.into() });
        Condition::always(false)
    }

    /// The key of a caller by the first of these attributes, or by the targeting key.
    pub(crate) fn key(&self, names: Option<&[Box<str>]>) -> Key {
        let own = [TARGETING_KEY].into_iter().chain(self.identity.iter().map(|name| &**name));
        Key(match names {
            Some(names) => names.iter().map(ToString::to_string).collect(),
            None => own.map(str::to_owned).collect(),
        })
    }
}

impl Condition {
    /// Notes the activation, for messages about its parts.
    pub(crate) fn of(self, place: &Arc<Place>) -> Self {
        Self { on: Expression::of(self.on, Arc::clone(place)), ..self }
    }
}
