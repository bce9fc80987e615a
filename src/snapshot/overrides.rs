//! What overrides of the code that runs now make of a snapshot's answers (R13).

use std::sync::Arc;

use crate::{
    context::{
        override_scope,
        override_scope::{ActiveOverride, OverrideSource},
        overrides::Override,
    },
    error::Result,
    snapshot::{
        Filter, Snapshot, Trace,
        decision::{Decision, Outcome},
        evaluate::STATIC,
    },
};

impl Snapshot {
    /// The override that answers for a flag in place of the rows, if there is one. `index` is nothing if no flag has
    /// the name. Ask [`override_scope::any_override_active`] first, which costs nothing.
    #[cold]
    #[inline(never)]
    pub(crate) fn overlaid(&self, name: &str, index: Option<u32>) -> Option<Arc<ActiveOverride>> {
        let admits = |answer: &Override| self.refusal(index, answer).is_none();
        override_scope::effective(name, admits)
    }

    /// As [`overlaid`](Self::overlaid), for who asks whether the flag is on. A flag that another one asks for looks here as
    /// well, before its own activations.
    #[cold]
    #[inline(never)]
    pub(crate) fn overlaid_outcome(&self, name: &str) -> Option<Outcome> {
        // Most threads are in no scope while another one is.
        if !override_scope::any_on_this_thread() {
            return None;
        }
        let index = self.find_index(name);
        self.overlaid(name, index).map(|active| self.outcome_of_override(index, &active.answer))
    }

    /// What an override says; a variant that no row knows has no number here, and is left out.
    fn outcome_of_override(&self, index: Option<u32>, answer: &Override) -> Outcome {
        let variant = match answer {
            Override::On | Override::Off => None,
            Override::Variant(name) => index.and_then(|index| self.variant_of(index, name)),
        };
        Outcome { enabled: *answer != Override::Off, variant, ..STATIC }
    }

    /// How many versions a flag has, if its metadata say that it has versions.
    #[must_use]
    pub fn versions(&self, flag: &str) -> Option<usize> {
        let values = self.values(self.find_index(flag)?)?;
        values.versions.then_some(values.list.len())
    }

    /// Why a flag does not take an override from a request, if it does not; it is told in words.
    ///
    /// # Errors
    /// [`Error::FlagNotFound`](crate::error::Error::FlagNotFound) for a name that no flag has.
    pub fn refuses(&self, flag: &str, answer: &Override) -> Result<Option<String>> {
        Ok(self.refusal(Some(self.index(flag)?), answer))
    }

    /// Why a flag does not take this from a request, if it does not.
    fn refusal(&self, index: Option<u32>, answer: &Override) -> Option<String> {
        let flag = index.and_then(|index| self.locate(index));
        if flag.is_some_and(|(_, flag)| flag.pinned) {
            return Some("the flag's metadata say override_allowed = false".to_owned());
        }
        match answer {
            Override::On | Override::Off => None,
            Override::Variant(name) if index.is_some_and(|index| self.has_variant(index, name)) => None,
            Override::Variant(name) => Some(format!("the flag has no variant {name:?}")),
        }
    }

    /// Whether a flag has a variant of this name: its activations assign it, or its metadata name it.
    fn has_variant(&self, index: u32, name: &str) -> bool {
        self.variants_of(index).any(|known| known == name)
            || self.values(index).is_some_and(|values| {
                values.variants().any(|variant| self.variant_name(index, variant) == name)
            })
    }

    /// What was refused of a request, for explanations.
    #[cold]
    pub(super) fn refused(&self, name: &str, index: Option<u32>) -> Option<String> {
        let asked = override_scope::find(name, OverrideSource::Request, |_| true)?;
        let why = self.refusal(index, &asked.answer)?;
        Some(format!("; an override of the request was refused: {why}"))
    }

    /// The explanation of a flag that is overridden.
    #[cold]
    pub(super) fn explain_overlaid(&self, name: &str) -> Option<Trace> {
        let index = self.find_index(name);
        let active = self.overlaid(name, index)?;
        let mut because = match active.source {
            OverrideSource::Request => "an override of the request says so".to_owned(),
            OverrideSource::Scope => "a scoped override says so (with_overrides or in_overrides)".to_owned(),
        };
        because.extend(self.refused(name, index));
        let decision = Decision::overlaid(self, active);
        Some(Trace {
            flag: name.to_owned(),
            enabled: decision.enabled(),
            variant: decision.variant().map(str::to_owned),
            reason: decision.reason(),
            revision: self.revision(),
            because,
            nanoseconds: 0,
            activations: Vec::new(),
        })
    }

    /// Adds the flags that overrides name and no row has, in the order of their names.
    #[cold]
    pub(super) fn add_overlaid<'a>(&'a self, filter: Filter<'_>, decisions: &mut Vec<Decision<&'a Self>>) {
        for name in override_scope::overridden_flags() {
            let passes = match filter {
                Filter::All => true,
                Filter::Prefix(prefix) => name.starts_with(prefix),
                Filter::Tag(_) => false,
            };
            if passes
                && self.find_index(&name).is_none()
                && let Some(active) = self.overlaid(&name, None)
            {
                decisions.push(Decision::overlaid(self, active));
            }
        }
    }
}
