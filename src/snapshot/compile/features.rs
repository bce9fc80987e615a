//! Compares rows with the features of the program. Differences are issues that break no flag, because the
//! code falls back to its default.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value as Json;

use crate::{
    activation::{Problem, Variant},
    rows::{FlagRow, Rows, issue::Issue},
    snapshot::{
        Flag, Snapshot,
        compile::{issues::sort, links::Links, nodes::DraftNodes, variants::Values},
        feature::{self, FeatureKind, Manifest, ManifestFeature, RegisteredFeature},
    },
};

/// Compares flags with the features that read them.
pub(in crate::snapshot) struct FeatureChecker<'a> {
    pub(in crate::snapshot) rows: &'a Rows,
    pub(in crate::snapshot) drafts: &'a DraftNodes,
    pub(in crate::snapshot) links: &'a Links,
    pub(in crate::snapshot) flags: &'a [Flag],
    pub(in crate::snapshot) variants: &'a [Box<str>],
}

impl FeatureChecker<'_> {
    /// Adds variants and values that features cannot handle to the issues. `find` returns a flag's index by
    /// name.
    pub(in crate::snapshot) fn collect(
        &self,
        features: &Manifest,
        find: impl Fn(&str) -> Option<u32>,
        issues: &mut Vec<Issue>,
    ) {
        let before = issues.len();
        for feature in &features.features {
            let Some(index) = find(&feature.flag) else { continue };
            // A flag that exists only as an override has no row.
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
        let mut report = |path: String, message: String| {
            issues.push(Issue {
                table: "flag_metadata",
                id: Some(row.id),
                name: row.name.clone(),
                path,
                message,
                flags: Vec::new(),
                warning: false,
            });
        };
        let values = self.flags.get(index as usize).and_then(|flag| flag.extras.as_ref()?.values.as_ref());
        let mut is_named = false;
        for (variant, value) in values.into_iter().flat_map(Values::entries) {
            let name = self.name(variant);
            is_named |= values.is_some_and(|values| values.default == Some(variant));
            if let Err(message) = feature.check_name(name) {
                report(format!("variants.{name}"), message);
            }
            if let Err(Problem { path, message }) = feature.check_value(value) {
                report(format!("variants.{name}{path}"), format!("{message}; read by {feature}"));
            }
        }
        let default = values.and_then(|values| values.default).filter(|_| !is_named);
        if let Some(Err(message)) = default.map(|default| feature.check_name(self.name(default))) {
            report("default_variant".to_owned(), message);
        }
        let off = values.filter(|values| values.list.is_empty()).and_then(|values| values.off);
        if let Some(Err(message)) = off.map(|off| feature.check_name(self.name(off))) {
            report("off_variant".to_owned(), message);
        }
        let has_values = values.is_some_and(|values| values.declared);
        if feature.kind == FeatureKind::Struct && row.status && !has_values {
            let message =
                format!("expected variants with JSON objects as values, as read by {feature}, found none");
            report("variants".to_owned(), message);
        }
    }

    /// Checks the variants that activations assign.
    fn activations(&self, feature: &ManifestFeature, index: u32, issues: &mut Vec<Issue>) {
        let rows = &self.rows.activations;
        for node in self.drafts.graph.reachable(self.links.nodes.targets(index)) {
            let row = self.drafts.list.get(node as usize).and_then(|draft| rows.get(draft.row as usize));
            let inline =
                (node as usize).checked_sub(rows.len()).and_then(|at| self.drafts.inline_paths.get(at));
            let path = inline.map_or_else(|| "config".to_owned(), |path| format!("{path}.config"));
            for variant in self.drafts.assigned_by(node) {
                let Err(message) = feature.check_name(self.name(*variant)) else { continue };
                issues.push(Issue {
                    table: "activations",
                    id: row.map(|row| row.id),
                    name: row.map(|row| row.name.clone()).unwrap_or_default(),
                    path: path.clone(),
                    message: format!("variant of flag {:?}: {message}", feature.flag),
                    flags: Vec::new(),
                    warning: false,
                });
            }
        }
    }

    fn name(&self, variant: Variant) -> &str {
        self.variants.get(variant.index()).map_or("", |name| name)
    }
}

/// The features whose unreadable values were already logged for this snapshot.
#[derive(Default)]
pub(in crate::snapshot) struct ReportedFeatures(Box<[(&'static RegisteredFeature, AtomicBool)]>);

impl ReportedFeatures {
    pub(in crate::snapshot) fn of_program() -> Self {
        Self(feature::registered().map(|feature| (feature, AtomicBool::new(false))).collect())
    }
}

impl Snapshot {
    /// Logs once per feature and snapshot that a decision could not be read, so that the feature's default
    /// was used.
    #[cold]
    pub(crate) fn log_unreadable_once(
        &self,
        feature: &RegisteredFeature,
        variant: Option<&str>,
        problem: &Problem,
    ) {
        let known = self.reported_features.0.iter().find(|(known, _)| known.is(feature));
        if known.is_some_and(|(_, reported)| reported.swap(true, Ordering::Relaxed)) {
            return;
        }
        let (flag, kind, revision) = (feature.flag(), feature.type_name(), self.revision().number());
        let variant = variant.map(|name| format!(", variant {name:?}")).unwrap_or_default();
        let Problem { path, message } = problem;
        tracing::warn!(
            flag,
            revision,
            "flag {flag:?}{variant}{path}: {message}; using the default of {kind}"
        );
    }

    /// Returns an issue for each feature whose flag has no row.
    #[must_use]
    pub fn missing_flags(&self, features: &Manifest) -> Vec<Issue> {
        let missing = features.features.iter().filter(|feature| self.row_of(&feature.flag).is_none());
        let issue = |feature: &ManifestFeature| Issue {
            table: "flags",
            id: None,
            name: feature.flag.clone(),
            path: "name".to_owned(),
            message: format!("no flag has this name, which {feature} reads"),
            flags: Vec::new(),
            warning: false,
        };
        missing.map(issue).collect()
    }
}

impl Values {
    fn entries(&self) -> impl Iterator<Item = (Variant, &Json)> {
        self.list.iter().map(|(variant, value)| (*variant, value))
    }
}
