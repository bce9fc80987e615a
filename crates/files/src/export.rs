//! A document of the rows that are there.

use std::collections::{BTreeMap, BTreeSet};

use novi::{
    activation::{Registry, references},
    rows::{ActivationRow, FailMode, FlagMetadata, FlagRow, Rows},
};

use crate::{
    document::{Activated, Activation, Document, FailModeName, Flag, Moment, OwnActivation},
    tree::Tree,
};

/// The field that refers to an activation by its name.
pub(crate) const REFERENCE: &str = "$activation";

impl Document {
    /// Describes rows: all flags, and all activations. An activation that one flag alone has is within that flag.
    ///
    /// The rows must be sorted by their ids, as those of a store and of a snapshot are.
    #[must_use]
    pub fn from_rows(rows: &Rows, registry: &Registry) -> Self {
        let reader = Reader::new(rows, registry);
        let flags = rows.flags.iter().map(|row| (row.name.clone(), reader.flag(row))).collect();
        let shared = rows.activations.iter().filter(|row| !reader.is_own(row.id));
        let activations = shared.map(|row| (row.name.clone(), reader.activation(row))).collect();
        Self { ignore: Vec::new(), flags, activations }
    }
}

/// Describes single rows.
pub(crate) struct Reader<'a> {
    rows: &'a Rows,
    registry: &'a Registry,
    by_id: BTreeMap<i64, &'a ActivationRow>,
    /// Activations that one flag alone has.
    own: BTreeSet<i64>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(rows: &'a Rows, registry: &'a Registry) -> Self {
        let by_id: BTreeMap<_, _> = rows.activations.iter().map(|row| (row.id, row)).collect();
        let mut users: BTreeMap<i64, usize> = BTreeMap::new();
        for link in &rows.links {
            if let Some(id) = link.activation_id {
                *users.entry(id).or_default() += 1;
            }
        }
        let mut own: BTreeSet<i64> =
            users.into_iter().filter(|(_, count)| *count == 1).map(|(id, _)| id).collect();
        for row in &rows.activations {
            for reference in references(registry, &row.class_name, row.config.as_deref()) {
                own.remove(&reference.id);
            }
        }
        Self { rows, registry, by_id, own }
    }

    pub(crate) fn is_own(&self, id: i64) -> bool {
        self.own.contains(&id)
    }

    pub(crate) fn flag(&self, row: &FlagRow) -> Flag {
        let FlagMetadata {
            description,
            owner,
            expires_at,
            tags,
            override_allowed,
            exposed,
            fail_mode,
            variants,
            value_type,
            default_variant,
            off_variant,
            metadata,
            ..
        } = row.metadata.clone();
        let ids = self.rows.links_of(Some(row.id)).iter().filter_map(|link| link.activation_id);
        let ids: BTreeSet<i64> = ids.collect();
        let activations = ids.iter().filter_map(|id| self.by_id.get(id));
        let activations = activations.map(|row| {
            if self.is_own(row.id) {
                Activated::Own(OwnActivation::from_parts(row.name.clone(), self.activation(row)))
            } else {
                Activated::Shared(row.name.clone())
            }
        });
        Flag {
            status: Some(row.status),
            description,
            owner,
            expires_at: expires_at.map(Moment),
            tags,
            override_allowed: (!override_allowed).then_some(false),
            exposed: exposed.then_some(true),
            fail_mode: (fail_mode != FailMode::Off).then_some(FailModeName(fail_mode)),
            variants: variants.map(value_or_text),
            value_type,
            default_variant,
            off_variant,
            metadata: metadata.map(value_or_text),
            activations: activations.collect(),
        }
    }

    pub(crate) fn activation(&self, row: &ActivationRow) -> Activation {
        let members = self.rows.members_of(row.id);
        let list = |denied: bool| {
            let names = members.iter().filter(|member| member.denied == denied);
            let names: Vec<String> = names.map(|member| member.member.clone()).collect();
            (!names.is_empty()).then_some(names)
        };
        let mut config = row.config.as_deref().and_then(Tree::from_json);
        let config_text = row.config.clone().filter(|_| config.is_none());
        if let Some(config) = &mut config {
            for reference in references(self.registry, &row.class_name, row.config.as_deref()) {
                // A result can be the id alone, as short for `{"then": ID}`.
                let id = Tree::Number(reference.id.into());
                let paths = [Some(reference.path.as_str()), reference.path.strip_suffix(".then")];
                let place =
                    paths.into_iter().flatten().find(|path| find(config, path) == Some(&mut id.clone()));
                if let (Some(place), Some(named)) =
                    (place.and_then(|path| find(config, path)), self.by_id.get(&reference.id))
                {
                    *place = Tree::Fields(vec![(REFERENCE.to_owned(), Tree::String(named.name.clone()))]);
                }
            }
        }
        let (members, denied) = (list(false), list(true));
        Activation { class_name: row.class_name.clone(), config, config_text, members, denied }
    }
}

/// The value of a column, or its text where that is not JSON.
fn value_or_text(text: String) -> Tree {
    Tree::from_json(&text).unwrap_or(Tree::String(text))
}

/// The part of a config at a path such as `.rules[0].when`. Names can have dots and brackets: the longest that is there
/// counts.
fn find<'a>(tree: &'a mut Tree, path: &str) -> Option<&'a mut Tree> {
    if path.is_empty() {
        return Some(tree);
    }
    match tree {
        Tree::List(items) => {
            let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
            find(items.get_mut(index.parse::<usize>().ok()?)?, rest)
        }
        Tree::Fields(fields) => {
            let path = path.strip_prefix('.').unwrap_or(path);
            let rest_of = |name: &str| {
                let rest = path.strip_prefix(name)?;
                (rest.is_empty() || rest.starts_with(['.', '['])).then_some(rest)
            };
            let longest = fields.iter().enumerate().filter(|(_, (name, _))| rest_of(name).is_some());
            let (index, _) = longest.max_by_key(|(_, (name, _))| name.len())?;
            let (name, value) = fields.get_mut(index)?;
            find(value, rest_of(name)?)
        }
        _ => None,
    }
}
