//! Overrides of the running code, in place of a snapshot's decisions.

use std::sync::Arc;

use crate::{
    context::{
        override_scope,
        override_scope::{ActiveOverride, OverrideSource},
        overrides::Override,
    },
    error::Result,
    snapshot::{
        CauseKind, Filter, Snapshot, Trace, TraceCause,
        decision::{Decision, Evaluated},
    },
};

impl Snapshot {
    /// The override that takes precedence over the rows of a flag, if there is one. `index` is `None` if no
    /// flag has the name. Evaluation [`override_scope::any_override_active`] first, which costs nothing.
    #[cold]
    #[inline(never)]
    pub(crate) fn overlaid(&self, name: &str, index: Option<u32>) -> Option<Arc<ActiveOverride>> {
        // Most threads are in no scope while another one is.
        if !override_scope::any_on_this_thread() {
            return None;
        }
        override_scope::effective(name, |answer| self.refusal(index, answer).is_none())
    }

    /// How many versions a flag has, if its metadata define versions.
    #[must_use]
    pub fn versions(&self, flag: &str) -> Option<usize> {
        let values = self.values(self.find_index(flag)?)?;
        values.versions.then_some(values.list.len())
    }

    /// Why a flag rejects an override by a request, in words; `None` if it accepts it.
    ///
    /// # Errors
    /// [`Error::FlagNotFound`](crate::Error::FlagNotFound) if no flag has this name.
    pub fn refuses(&self, flag: &str, answer: &Override) -> Result<Option<String>> {
        Ok(self.refusal(Some(self.index(flag)?), answer))
    }

    /// Why a flag rejects this override by a request, if it does.
    fn refusal(&self, index: Option<u32>, answer: &Override) -> Option<String> {
        let flag = index.and_then(|index| self.locate(index));
        if flag.is_some_and(|(_, flag)| flag.pinned) {
            return Some("flag_metadata.override_allowed is false".to_owned());
        }
        match answer {
            Override::On | Override::Off => None,
            Override::Variant(name) if index.is_some_and(|index| self.has_variant(index, name)) => None,
            Override::Variant(name) => Some(format!("the flag has no variant {name:?}")),
        }
    }

    /// Whether a flag has a variant with this name: an activation assigns it, or the metadata define it.
    fn has_variant(&self, index: u32, name: &str) -> bool {
        self.variants_of(index).any(|known| known == name)
            || self.values(index).is_some_and(|values| {
                values.variants().any(|variant| self.variant_name(index, variant) == name)
            })
    }

    /// The rejected override of a request, for explanations.
    #[cold]
    pub(super) fn refused(&self, name: &str, index: Option<u32>) -> Option<String> {
        let asked = override_scope::find(name, OverrideSource::Request, |_| true)?;
        let why = self.refusal(index, &asked.answer)?;
        Some(format!("; an override by the request was rejected: {why}"))
    }

    /// The explanation of an overridden flag.
    #[cold]
    pub(super) fn explain_overlaid(&self, name: &str) -> Option<Trace> {
        let index = self.find_index(name);
        let active = self.overlaid(name, index)?;
        let mut because = match active.source {
            OverrideSource::Request => "overridden by the request".to_owned(),
            OverrideSource::Scope => "overridden by a scope of the code".to_owned(),
        };
        because.extend(self.refused(name, index));
        let decision = Decision::new(self, Evaluated::Override(active));
        Some(Trace {
            flag: name.to_owned(),
            enabled: decision.enabled(),
            variant: decision.variant().map(str::to_owned),
            reason: decision.reason(),
            revision: self.revision(),
            because,
            cause: TraceCause { kind: CauseKind::Override, activation: None },
            nanoseconds: 0,
            activations: Vec::new(),
        })
    }

    /// Adds the flags that exist only as overrides, sorted by name.
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
                decisions.push(Decision::new(self, Evaluated::Override(active)));
            }
        }
    }
}
