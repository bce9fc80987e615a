//! What is recorded of a split, and the variants that units keep.

use crate::activation::{
    CompileContext, Draws, Variant, Verdict,
    evaluation::Evaluation,
    remembered::{Kept, variant_hash},
};

/// The most characters of an experiment's name: the length of the column.
pub(in crate::builtin::rollout) const LONGEST_EXPERIMENT: usize = 255;

/// The settings of a split about exposures.
pub(super) struct Recording {
    /// The name of the experiment; `None` is that of the flag.
    pub(super) experiment: Option<Box<str>>,
    /// The variants of a split that remembers, by the hashes of their names; sorted. `None` if it does not.
    variants: Option<Box<[(u64, Variant)]>>,
}

impl Recording {
    /// Compiles the settings; `None` if all have their defaults.
    pub(super) fn compile(
        experiment: Option<String>,
        remember: bool,
        names: &[&str],
        row: &mut CompileContext<'_>,
    ) -> Option<Box<Self>> {
        let experiment: Option<Box<str>> = experiment.map(Into::into);
        if let Some(name) = &experiment
            && (name.is_empty() || name.contains('\0') || name.chars().count() > LONGEST_EXPERIMENT)
        {
            row.problem(".experiment", format!("expected a name of 1 to {LONGEST_EXPERIMENT} characters"));
            return None;
        }
        if experiment.is_none() && !remember {
            return None;
        }
        let variants = remember.then(|| {
            if experiment.is_none() {
                row.depends_on_flag();
            }
            let mut variants: Vec<_> =
                names.iter().map(|name| (variant_hash(name), row.variant(name))).collect();
            variants.sort_unstable_by_key(|(hash, _)| *hash);
            variants.into()
        });
        Some(Box::new(Self { experiment, variants }))
    }

    pub(super) fn remembers(&self) -> bool {
        self.variants.is_some()
    }

    /// The verdict for a unit that keeps a variant which the split still has.
    #[inline(never)]
    pub(super) fn kept(&self, draws: &dyn Draws, evaluation: &Evaluation<'_>) -> Option<Verdict> {
        let variants = self.variants.as_deref()?;
        let mut found = None;
        draws.with_unit(evaluation, &mut |unit| {
            found = evaluation.remembered(self.experiment.as_deref(), unit);
        });
        let Kept { variant, revision } = found?;
        let place = variants.binary_search_by_key(&variant, |(hash, _)| *hash).ok();
        let Some((_, variant)) = place.and_then(|place| variants.get(place)) else {
            evaluation.note(|| "drawn again: the remembered variant is no longer in the split".to_owned());
            return None;
        };
        evaluation.note(|| format!("remembered since revision {revision}"));
        Some(Verdict::Variant(*variant))
    }
}
