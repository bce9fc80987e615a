//! One flag: a holdout, groups of conditions, variants.

use novi::rows::ValueType;
use novi_files::{Flag, Tree};

use super::{Source, list, property::Properties, string};
use crate::{
    collector::{Collector, Draft},
    config::{Given, always, and, attribute, number, rules, text},
    shares::Hashed,
    switch::is_true,
    variations::assign,
};

/// Translates one flag.
#[derive(Debug)]
pub(super) struct Translation<'a> {
    name: &'a str,
    flag: &'a Tree,
    filters: &'a Tree,
    source: &'a Source<'a>,
    differences: Vec<String>,
}

impl<'a> Translation<'a> {
    pub(super) fn new(name: &'a str, flag: &'a Tree, source: &'a Source<'a>) -> Self {
        let filters = flag.get("filters").unwrap_or(&Tree::Null);
        Self { name, flag, filters, source, differences: Vec::new() }
    }

    pub(super) fn draft(mut self, collector: &mut Collector) -> Result<Draft, String> {
        let is_active = is_true(self.flag, "active")?;
        let mut flag = Flag { status: Some(true), ..Flag::default() };
        flag.description = string(self.flag, "name").filter(|text| !text.is_empty()).map(str::to_owned);
        if self.flag.get("ensure_experience_continuity") == Some(&Tree::Bool(true)) {
            self.differs(
                "callers may get another variant after they log in: experience continuity is not kept",
            );
        }
        let given = self.given()?;
        self.variants(&mut flag);
        assign(given, self.name, "conditions", collector, &mut flag);
        flag.status = flag.status.min(Some(is_active));
        Ok(Draft { flag, differences: self.differences })
    }

    fn differs(&mut self, how: impl Into<String>) {
        self.differences.push(how.into());
    }

    fn given(&mut self) -> Result<Given, String> {
        if self.filters.get("feature_enrollment") == Some(&Tree::Bool(true)) {
            let enrolled = Tree::List(vec![Tree::Bool(true), text("true")]);
            return Ok(Given::Then(attribute(&format!("$feature_enrollment/{}", self.name), "in", enrolled)));
        }
        let mut found = Vec::new();
        found.extend(self.holdout()?);
        let stops_early = self.filters.get("early_exit") == Some(&Tree::Bool(true));
        for (number, group) in list(self.filters, "groups").iter().enumerate() {
            let (targeted, in_rollout, given) =
                self.group(group).map_err(|why| format!("groups[{number}]: {why}"))?;
            found.push((and([targeted.clone(), in_rollout]), given));
            if stops_early {
                found.push((targeted, Given::Off));
            }
        }
        Ok(rules(found, Given::Off))
    }

    /// Callers who are held out, whatever the conditions say.
    fn holdout(&self) -> Result<Option<(Tree, Given)>, String> {
        let Some(holdout) = self.filters.get("holdout") else { return Ok(None) };
        let share = holdout.get("exclusion_percentage").and_then(Tree::as_f64);
        let Some((share, id)) = share.zip(holdout.get("id")) else { return Ok(None) };
        let by = self.by(self.filters.get("aggregation_group_type_index"))?;
        let is_out = Self::percentage("posthog_holdout", share, by);
        let id = id.as_str().map_or_else(|| id.to_json(), str::to_owned);
        Ok(Some((is_out, Given::Variant(format!("holdout-{id}")))))
    }

    /// Whom a group of conditions is for, which share of them is in, and what they get.
    fn group(&mut self, group: &Tree) -> Result<(Tree, Tree, Given), String> {
        let of_flag = self.filters.get("aggregation_group_type_index").filter(|index| **index != Tree::Null);
        let index =
            group.get("aggregation_group_type_index").or(of_flag).filter(|index| **index != Tree::Null);
        let by = self.by(index)?;
        let prefix = index.map(|index| self.group_type(index)).transpose()?;
        let targeted = Properties::new(self.source, prefix).all(list(group, "properties"))?;
        let share = group.get("rollout_percentage").and_then(Tree::as_f64).unwrap_or(100.0);
        let in_rollout =
            if share >= 100.0 { always(true) } else { Self::percentage("posthog", share, by.clone()) };
        let variants = self.filters.get("multivariate").map(|all| list(all, "variants")).unwrap_or_default();
        let forced = string(group, "variant")
            .filter(|forced| variants.iter().any(|variant| string(variant, "key") == Some(forced)));
        let given = match forced {
            Some(variant) => Given::Variant(variant.to_owned()),
            None => Self::split(variants, by)?,
        };
        Ok((targeted, in_rollout, given))
    }

    /// A share of the callers for each variant.
    fn split(variants: &[Tree], by: String) -> Result<Given, String> {
        let mut shares = Vec::new();
        let mut total = 0.0;
        for variant in variants {
            let name = string(variant, "key").ok_or("a variant has no key")?;
            let share = variant.get("rollout_percentage").and_then(Tree::as_f64).unwrap_or_default();
            total += share;
            shares.push((name, share));
        }
        if shares.is_empty() {
            return Ok(Given::On);
        }
        if (total - 100.0_f64).abs() > 1e-9 {
            return Err(format!("the variants share {total} % of the callers, where 100 % were expected"));
        }
        let hashed = Self::hashed("posthog", by);
        let weights = crate::config::fields(shares.into_iter().map(|(name, share)| (name, number(share))));
        Ok(Given::Then(hashed.activation("novi.split", [("variants", weights)])))
    }

    fn hashed(hash: &'static str, by: String) -> Hashed {
        Hashed { hash, salt: None, by: Some(by).filter(|by| by != "targetingKey") }
    }

    fn percentage(hash: &'static str, share: f64, by: String) -> Tree {
        let share = share.clamp(0.0, 100.0);
        Self::hashed(hash, by).activation("novi.percentage", [("percentage", number(share))])
    }

    /// The attribute that identifies callers.
    fn by(&self, index: Option<&Tree>) -> Result<String, String> {
        if let Some(index) = index.filter(|index| **index != Tree::Null) {
            return Ok(format!("{}.key", self.group_type(index)?));
        }
        let by = string(self.flag, "bucketing_identifier").or(string(self.filters, "bucketing_identifier"));
        Ok(if by == Some("device_id") { "device_id".to_owned() } else { self.source.options.by.clone() })
    }

    fn group_type(&self, index: &Tree) -> Result<&'a str, String> {
        let name = self.source.group_types.and_then(|types| string(types, &index.to_json()));
        name.ok_or_else(|| format!("group_type_mapping has no type {}", index.to_json()))
    }

    /// The variants with their payloads as values.
    fn variants(&mut self, flag: &mut Flag) {
        let payloads = self.filters.get("payloads");
        let payload = |name: &str| {
            let payload = payloads?.get(name).filter(|payload| **payload != Tree::Null)?;
            // Payloads are JSON in a string.
            let parsed = payload.as_str().and_then(|text| serde_json::from_str(text).ok());
            Some(parsed.unwrap_or_else(|| payload.clone()))
        };
        let variants = self.filters.get("multivariate").map(|all| list(all, "variants")).unwrap_or_default();
        let names: Vec<&str> = variants.iter().filter_map(|variant| string(variant, "key")).collect();
        let values: Vec<(String, Tree)> =
            names.iter().map(|name| ((*name).to_owned(), payload(name).unwrap_or(Tree::Null))).collect();
        let has_payload = payload("true").is_some();
        if values.iter().any(|(_, value)| *value != Tree::Null) {
            flag.value_type = Some(ValueType::Any);
            flag.variants = Some(Tree::Fields(values));
        } else if has_payload && names.is_empty() {
            self.differs("the payload is not imported: flags without variants have no value");
        }
    }
}
