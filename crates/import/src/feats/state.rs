//! A state of a feature: which selector chooses for which segments.

use novi_files::Tree;

use crate::{
    config::{fields, inline, text, texts},
    error::parse_json,
    feats::selector::{Scope, Selector},
    redis::StreamEntry,
};

const VERSION: &str = "v1";

/// The segments that an entry names.
pub(super) fn segments(entry: &StreamEntry) -> Vec<String> {
    let mut segments = entry.field("segmentation").and_then(names).unwrap_or_default();
    let selectors = entry.fields.iter().filter(|(name, _)| name.starts_with("selector:"));
    segments.extend(selectors.filter_map(|(_, value)| Selector::segment_of(value)));
    segments
}

/// A state of a feature.
#[derive(Debug)]
pub(super) struct State {
    segments: Vec<String>,
    /// By the values of the segments.
    cases: Vec<(Vec<String>, Selector)>,
    /// For callers without a case.
    fallback: Option<Selector>,
}

impl State {
    pub(super) fn parse(entry: &StreamEntry) -> Result<Self, String> {
        let field = |name: &str| entry.field(name).ok_or_else(|| format!("the field {name:?} is missing"));
        let version = field("version")?;
        if version != VERSION {
            return Err(format!("expected a state of the version {VERSION:?}, found {version:?}"));
        }
        let segmentation = field("segmentation")?;
        let segments = names(segmentation).ok_or_else(|| {
            format!("segmentation: expected a list of segments as JSON, found {segmentation:?}")
        })?;
        let mut state = Self { segments, cases: Vec::new(), fallback: None };
        for (name, selector) in &entry.fields {
            let Some(values) = name.strip_prefix("segment:") else { continue };
            let found = field(selector).map_err(|_| format!("{name}: there is no {selector:?}"))?;
            let selector = Selector::parse(found).map_err(|why| format!("{selector}: {why}"))?;
            state.add(values, selector).map_err(|why| format!("{name}: {why}"))?;
        }
        Ok(state)
    }

    fn add(&mut self, values: &str, selector: Selector) -> Result<(), String> {
        if values.trim() == "null" {
            self.fallback = Some(selector);
            return Ok(());
        }
        let values = names(values).ok_or_else(|| "expected null or a list of strings as JSON".to_owned())?;
        if values.iter().any(|value| value == "*") {
            return Err("the value \"*\" of a segment means any value to novi".to_owned());
        }
        // A case of another number of values matches nobody.
        if values.len() == self.segments.len() {
            self.cases.retain(|(others, _)| *others != values);
            self.cases.push((values, selector));
        }
        Ok(())
    }

    /// What chooses the implementation; `None` if every caller has the default.
    ///
    /// # Errors
    /// What cannot be expressed.
    pub(super) fn activation(
        mut self,
        scope: &Scope<'_>,
        differences: &mut Vec<String>,
    ) -> Result<Option<Tree>, String> {
        if self.segments.is_empty() {
            let selector = self.cases.pop().map(|(_, selector)| selector).or(self.fallback);
            return selector.map(|selector| selector.activation(scope, differences)).transpose();
        }
        if self.cases.is_empty() {
            let fallback = self.fallback;
            return fallback.map(|selector| selector.activation(scope, differences)).transpose();
        }
        let mut by = Vec::new();
        for segment in &self.segments {
            by.push(text(scope.attributes.get(segment)?));
        }
        let mut cases = Vec::new();
        for (values, selector) in self.cases {
            let gives = selector.result(scope, differences)?;
            cases.push(fields([("values", texts(values)), ("gives", gives)]));
        }
        let mut config = vec![("by", Tree::List(by)), ("cases", Tree::List(cases))];
        if let Some(selector) = self.fallback {
            config.push(("fallback", selector.result(scope, differences)?));
        }
        Ok(Some(inline("novi.switch", fields(config))))
    }
}

/// A list of strings as JSON.
fn names(json: &str) -> Option<Vec<String>> {
    let list = parse_json(json).ok()?;
    list.as_list()?.iter().map(|name| name.as_str().map(str::to_owned)).collect()
}
