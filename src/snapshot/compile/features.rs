//! What rows have that the features of the program do not know: issues that break no flag, for the code then takes its
//! default.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value as Json;

use crate::{
    activation::{Problem, Variant},
    rows::{FlagRow, Rows, issue::Issue},
    snapshot::{
        Flag, Snapshot,
        compile::{issues::sort, links::Links, nodes::Drafts, variants::Values},
        feature::{self, FeatureKind, Manifest, ManifestFeature, RegisteredFeature},
    },
};

/// Compares flags with the features that ask for them.
pub(in crate::snapshot) struct Unknown<'a> {
    pub(in crate::snapshot) rows: &'a Rows,
    pub(in crate::snapshot) drafts: &'a Drafts,
    pub(in crate::snapshot) links: &'a Links,
    pub(in crate::snapshot) flags: &'a [Flag],
    pub(in crate::snapshot) variants: &'a [Box<str>],
}

impl Unknown<'_> {
    /// Adds what is unknown to the issues. `find` gives the index of a flag's row by its name.
    pub(in crate::snapshot) fn collect(
        &self,
        features: &Manifest,
        find: impl Fn(&str) -> Option<u32>,
        issues: &mut Vec<Issue>,
    ) {
        let before = issues.len();
        for feature in &features.features {
            let Some(index) = find(&feature.flag) else { continue };
            // A flag that only an override has is no row.
            let Some(row) = self.rows.flags.get(index as usize) else { continue };
            self.metadata(feature, index, row, issues);
            if feature.kind == FeatureKind::Enum {
                self.activations(feature, index, issues);
            }
        }
        if issues.len() > before {
            sort(issues);
            issues.dedup();
        }
    }

    fn metadata(&self, feature: &ManifestFeature, index: u32, row: &FlagRow, issues: &mut Vec<Issue>) {
        let mut tell = |path: String, message: String| {
            issues.push(Issue {
                table: "flag_metadata",
                id: Some(row.id),
                name: row.name.clone(),
                path,
                message,
                flags: Vec::new(),
            });
        };
        let values = self.flags.get(index as usize).and_then(|flag| flag.more.as_ref()?.values.as_ref());
        let mut is_named = false;
        for (variant, value) in values.into_iter().flat_map(Values::entries) {
            let name = self.name(variant);
            is_named |= values.is_some_and(|values| values.default == Some(variant));
            if let Err(message) = feature.check_name(name) {
                tell(format!("variants.{name}"), message);
            }
            if let Err(Problem { path, message }) = feature.check_value(value) {
                tell(format!("variants.{name}{path}"), format!("{message}; {feature} reads it"));
            }
        }
        let default = values.and_then(|values| values.default).filter(|_| !is_named);
        if let Some(Err(message)) = default.map(|default| feature.check_name(self.name(default))) {
            tell("default_variant".to_owned(), message);
        }
        let has_values = values.is_some_and(|values| values.declared);
        if feature.kind == FeatureKind::Struct && row.status && !has_values {
            let message =
                format!("expected variants with objects for values, which {feature} reads, found none");
            tell("variants".to_owned(), message);
        }
    }

    /// The variants that activations assign.
    fn activations(&self, feature: &ManifestFeature, index: u32, issues: &mut Vec<Issue>) {
        let rows = &self.rows.activations;
        for node in self.drafts.graph.below(self.links.nodes.of(index)) {
            let row = self.drafts.list.get(node as usize).and_then(|draft| rows.get(draft.row as usize));
            let inline =
                (node as usize).checked_sub(rows.len()).and_then(|place| self.drafts.inline.get(place));
            let path = inline.map_or_else(|| "config".to_owned(), |path| format!("{path}.config"));
            for variant in self.drafts.assigned_by(node) {
                let Err(message) = feature.check_name(self.name(*variant)) else { continue };
                issues.push(Issue {
                    table: "activations",
                    id: row.map(|row| row.id),
                    name: row.map(|row| row.name.clone()).unwrap_or_default(),
                    path: path.clone(),
                    message: format!("a variant of the flag {:?}: {message}", feature.flag),
                    flags: Vec::new(),
                });
            }
        }
    }

    fn name(&self, variant: Variant) -> &str {
        self.variants.get(variant.index()).map_or("", |name| name)
    }
}

/// Which features were told of in this snapshot already.
#[derive(Default)]
pub(in crate::snapshot) struct Told(Box<[(&'static RegisteredFeature, AtomicBool)]>);

impl Told {
    pub(in crate::snapshot) fn of_program() -> Self {
        Self(feature::registered().map(|feature| (feature, AtomicBool::new(false))).collect())
    }
}

impl Snapshot {
    /// Says once what a feature does not understand of its flag's answers, and takes its default for.
    #[cold]
    pub(crate) fn tell_unread(&self, feature: &RegisteredFeature, variant: Option<&str>, problem: &Problem) {
        let known = self.unread.0.iter().find(|(known, _)| known.is(feature));
        if known.is_some_and(|(_, told)| told.swap(true, Ordering::Relaxed)) {
            return;
        }
        let (flag, kind, revision) = (feature.flag(), feature.type_name(), self.revision().number());
        let variant = variant.map(|name| format!(", variant {name:?}")).unwrap_or_default();
        let Problem { path, message } = problem;
        tracing::warn!(flag, revision, "flag {flag:?}{variant}{path}: {message}; {kind} takes its default");
    }

    /// The features whose flag no row has, as issues.
    #[must_use]
    pub fn missing_flags(&self, features: &Manifest) -> Vec<Issue> {
        let missing = features.features.iter().filter(|feature| self.row_of(&feature.flag).is_none());
        let issue = |feature: &ManifestFeature| Issue {
            table: "flags",
            id: None,
            name: feature.flag.clone(),
            path: "name".to_owned(),
            message: format!("expected a row with this name, which {feature} asks for, found none"),
            flags: Vec::new(),
        };
        missing.map(issue).collect()
    }
}

impl Values {
    fn entries(&self) -> impl Iterator<Item = (Variant, &Json)> {
        self.list.iter().map(|(variant, value)| (*variant, value))
    }
}
