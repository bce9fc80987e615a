//! The second half of compiling: builds each flag on top of its activations.

pub(crate) mod analysis;
mod classes;
pub(crate) mod draws;
pub(crate) mod expiry;
pub(crate) mod features;
pub(crate) mod finish;
pub(crate) mod graph;
pub(crate) mod ids;
pub(crate) mod issues;
pub(crate) mod links;
pub(crate) mod names;
pub(super) mod node_info;
pub(crate) mod nodes;
pub(crate) mod prerequisites;
pub(crate) mod reports;
pub(crate) mod variants;

use std::{collections::HashSet, sync::Arc};

use foldhash::fast::RandomState;

use crate::{
    activation::{
        Variant,
        bucket::Salted,
        evaluation::{FlagRef, Surroundings},
        registry::Registry,
        strings::Writing,
    },
    context::overrides::{Override, Overrides},
    rows::{FailMode, FlagRow, Rows},
    snapshot::{
        Conjunction, Flag, FlagExtras, Logic, Settings, Snapshot, Strategy,
        decision::{Outcome, OutcomeReason, Reason},
    },
};
use analysis::{Analysis, MAX_RECURSION};
use expiry::Expiry;
use features::{FeatureChecker, ReportedFeatures};
use ids::VariantInterner;
use issues::IssueCollector;
use links::{IdIndex, Links};
use names::NameIndex;
use node_info::NodeInfo;
use nodes::{DraftNodes, MissingRows, ReusedNodes};
use prerequisites::{FlagLookup, install_prerequisites};
use variants::{MetadataError, Values, client_metadata, without_value};

/// The input of a compilation.
pub(super) struct Source<'a> {
    pub(super) rows: Arc<Rows>,
    pub(super) registry: &'a Registry,
    pub(super) settings: &'a Settings,
    /// The overrides of the settings that concern these rows.
    pub(super) overrides: &'a Overrides,
    pub(super) previous: Option<&'a Arc<Snapshot>>,
    pub(super) reused: Option<&'a ReusedNodes<'a>>,
}

impl Snapshot {
    /// Compiles rows.
    ///
    /// Never fails: an invalid row becomes an [`Issue`](crate::rows::issue::Issue), and the flags that depend
    /// on it use their fail mode. Flags with the fail mode `last_known` are evaluated as in `previous`.
    /// Evaluation counts of `previous` are continued.
    #[must_use]
    pub fn compile(
        rows: Arc<Rows>,
        registry: &Registry,
        settings: &Settings,
        previous: Option<&Arc<Self>>,
    ) -> Self {
        let overrides = &settings.overrides;
        let source = Source { rows, registry, settings, overrides, previous, reused: None };
        let (mut snapshot, _) = Self::compile_from(source);
        match previous {
            None => snapshot.assign_numbers(),
            Some(previous) => {
                snapshot.assign_numbers_after(previous, previous.indices());
            }
        }
        snapshot
    }

    /// Compiles rows into a snapshot that must not be evaluated before [`Snapshot::number_after`] has
    /// assigned its count numbers.
    #[cfg(feature = "sql")]
    pub(crate) fn compile_apart(
        rows: Arc<Rows>,
        registry: &Registry,
        settings: &Settings,
        previous: &Arc<Self>,
    ) -> Self {
        let (overrides, previous) = (&settings.overrides, Some(previous));
        Self::compile_from(Source { rows, registry, settings, overrides, previous, reused: None }).0
    }

    /// Assigns the count numbers of a snapshot that replaces `previous`.
    #[cfg(feature = "sql")]
    pub(crate) fn number_after(&mut self, previous: &Self) {
        self.assign_numbers_after(previous, previous.indices());
    }

    /// Compiles rows without assigning count numbers. Also returns the rows that are referred to but missing.
    pub(super) fn compile_from(source: Source<'_>) -> (Self, MissingRows) {
        let Source { mut rows, registry, settings, overrides, previous, reused } = source;
        sort_rows(&mut rows);
        let mut variants = VariantInterner::default();
        let ids = IdIndex::new(rows.activations.iter().map(|row| row.id));
        let links = Links::resolve(&rows, &ids);
        let lookup = FlagLookup::new(&rows, &links, overrides);
        let mut drafts =
            DraftNodes::build(&ids, &lookup, (registry, settings.policy()), reused, &mut variants);
        let analysis = Analysis::new(&drafts, &links);
        let mut compiler = FlagCompiler {
            rows: &rows,
            drafts: &drafts,
            links: &links,
            analysis: &analysis,
            overrides,
            previous,
            last_known: None,
            variants,
            texts: Writing::with_capacity(16 * (rows.flags.len() + rows.activations.len())),
            errors: Vec::new(),
        };
        let flags = compiler.flags();
        let FlagCompiler { variants, mut texts, errors, .. } = compiler;
        let (names, duplicates) = NameIndex::build(&flags, &texts, |position| {
            let row = rows.flags.get(position);
            row.is_none_or(|row| row.faults.iter().all(|fault| fault.column != "name"))
        });
        let collector = IssueCollector {
            rows: &rows,
            drafts: &drafts,
            links: &links,
            ids: &ids,
            metadata_errors: &errors,
            duplicate_names: &duplicates,
            file_issues: registry.issues(),
        };
        let mut issues = collector.collect();
        FeatureChecker {
            rows: &rows,
            drafts: &drafts,
            links: &links,
            flags: &flags,
            variants: &variants.names,
        }
        .collect(&settings.features, |name| names.find(&flags, &texts, name), &mut issues);
        let node_info = NodeInfo::new(&rows, &mut drafts, &flags, &mut texts);
        let prerequisites = std::mem::take(&mut drafts.flags);
        let missing = std::mem::take(&mut drafts.missing);
        let (mut nodes, graph) = drafts.finish(&analysis);
        let prerequisite_names =
            install_prerequisites(&prerequisites, &flags, &links.nodes, &variants.names, &mut nodes);
        let around = Surroundings {
            nodes: nodes.into(),
            prerequisites: prerequisite_names,
            base: settings.context.clone(),
            identity: settings.identity.iter().map(|name| name.as_str().into()).collect(),
            texts: texts.finish(),
            remembered: settings.remembered.clone(),
        };
        let snapshot = Self {
            revision: rows.revision,
            ids: rows.flags.iter().map(|row| row.id).collect(),
            rows: settings.keep_rows.then_some(rows),
            around,
            flags: flags.into(),
            links: links.nodes.freeze(),
            names,
            graph: graph.freeze(),
            prerequisite_nodes: prerequisites.into_iter().map(|(node, _)| node).collect(),
            node_info: Arc::new(node_info),
            variants: variants.names.into(),
            metadata: Arc::new(settings.metadata.clone()),
            slots: analysis.slot_count,
            issues: issues.into(),
            counts: previous.map(|previous| Arc::clone(&previous.counts)).unwrap_or_default(),
            reported_features: Arc::new(ReportedFeatures::of_program()),
            serial: 0,
            patch: None,
        };
        (snapshot, missing)
    }
}

/// Sorts rows by id. Stores return them sorted; other callers may pass any order.
fn sort_rows(rows: &mut Arc<Rows>) {
    if !rows.flags.is_sorted_by_key(|row| row.id)
        || !rows.activations.is_sorted_by_key(|row| row.id)
        || !rows.members.is_sorted_by_key(|row| row.activation_id)
        || !rows.links.is_sorted_by_key(|link| (link.flag_id, link.activation_id))
    {
        let rows = Arc::make_mut(rows);
        rows.flags.sort_by_key(|row| row.id);
        rows.activations.sort_by_key(|row| row.id);
        rows.members.sort_by_key(|row| row.activation_id);
        rows.links.sort_by_key(|link| (link.flag_id, link.activation_id));
    }
}

struct FlagCompiler<'a> {
    rows: &'a Rows,
    drafts: &'a DraftNodes,
    links: &'a Links,
    analysis: &'a Analysis,
    overrides: &'a Overrides,
    previous: Option<&'a Arc<Snapshot>>,
    /// `previous`, kept by flags whose last known decisions are its own.
    last_known: Option<Arc<Snapshot>>,
    variants: VariantInterner,
    texts: Writing,
    /// Invalid metadata, by flag index.
    errors: Vec<(usize, MetadataError)>,
}

impl FlagCompiler<'_> {
    fn flags(&mut self) -> Vec<Flag> {
        let mut flags = Vec::with_capacity(self.rows.flags.len());
        for (position, row) in (0..).zip(&self.rows.flags) {
            flags.push(self.flag(position, row));
        }
        if self.overrides.is_empty() {
            return flags;
        }
        let known: HashSet<&str> = self.rows.flags.iter().map(|row| row.name.as_str()).collect();
        for (name, over) in self.overrides {
            if !known.contains(name.as_str()) {
                let logic = Logic::Fixed(self.overridden(over));
                flags.push(Flag {
                    named: self.named(name),
                    linked: (0, 0),
                    logic,
                    overridden: true,
                    pinned: false,
                    exposed: false,
                    first_number: 0,
                    extras: None,
                });
            }
        }
        flags
    }

    fn flag(&mut self, position: u32, row: &FlagRow) -> Flag {
        let mut extras = FlagExtras::default();
        let mut invalid_metadata = false;
        match Values::parse(&row.metadata, &mut self.variants) {
            Ok(values) => extras.values = values,
            Err(error) => {
                (extras.values, invalid_metadata) = (Some(Values::invalid()), true);
                self.errors.push((position as usize, error));
            }
        }
        match row.metadata.metadata.as_deref().map(client_metadata).transpose() {
            Ok(metadata) => extras.metadata = metadata.unwrap_or_default(),
            // Decisions do not depend on it.
            Err(error) => self.errors.push((position as usize, error)),
        }
        let overridden = if self.overrides.is_empty() { None } else { self.overrides.get(&row.name) };
        let links = self.links;
        let linked = links.nodes.targets(position);
        let logic = match overridden {
            Some(over) => Logic::Fixed(self.overridden(over)),
            None => {
                self.unless_disabled(row, extras.values.as_ref().and_then(|values| values.off), |compiler| {
                    if invalid_metadata
                        || links.unresolved.contains(&position)
                        || row.is_unreadable()
                        || compiler.analysis.any_broken(linked)
                    {
                        return compiler.broken(row, &mut extras);
                    }
                    let default = extras.values.as_ref().and_then(|values| values.default);
                    if linked.is_empty() {
                        return Logic::Fixed(Outcome::new(true, default, Reason::Static));
                    }
                    compiler.ask(linked, default, row.metadata.fail_mode, &mut extras)
                })
            }
        };
        if matches!(logic, Logic::Fixed(_)) && !linked.is_empty() && !self.analysis.any_broken(linked) {
            // An override may name a variant of a flag that is off.
            extras.variants = self.variants_of(linked, None);
        }
        if let Some(values) = extras.values.as_mut() {
            values.add_names(&extras.variants, &self.variants.names);
        }
        self.check_values(position as usize, &mut extras);
        if !row.metadata.tags.is_empty() {
            extras.tags = row.metadata.tags.iter().map(|tag| tag.as_str().into()).collect();
        }
        extras.expiry = Expiry::from_metadata(&row.metadata);
        Flag {
            named: self.named(&row.name),
            linked: links.nodes.range(position),
            logic,
            overridden: overridden.is_some(),
            pinned: !row.metadata.override_allowed,
            exposed: row.metadata.exposed,
            first_number: 0,
            extras: (!extras.is_empty()).then(|| Box::new(extras)),
        }
    }

    /// Reports values of the wrong type, and variants that can be assigned and have no value.
    fn check_values(&mut self, position: usize, extras: &mut FlagExtras) {
        let Some(values) = extras.values.as_mut() else { return };
        let mismatched = std::mem::take(&mut values.mismatched);
        if values.list.is_empty() && mismatched.is_empty() {
            // Invalid metadata, or variants without values.
            return;
        }
        let has_value = |variant: &Variant| {
            values.get(*variant).is_some() || mismatched.iter().any(|(known, _)| known == variant)
        };
        // A broken flag that is evaluated as before has the variants of the earlier rows.
        let variants = if extras.last_known.is_none() { &*extras.variants } else { &[] };
        let missing = variants.iter().filter(|variant| !has_value(variant));
        let names = missing.filter_map(|variant| self.variants.names.get(variant.index()));
        let missing: Vec<_> = names.map(|name| without_value(name)).collect();
        let mismatched = mismatched.into_iter().map(|(_, error)| error);
        self.errors.extend(mismatched.chain(missing).map(|error| (position, error)));
    }

    fn named(&mut self, name: &str) -> FlagRef {
        FlagRef { name: self.texts.add(name), salt: Salted::new(name) }
    }

    fn overridden(&mut self, over: &Override) -> Outcome {
        let variant = match over {
            Override::On | Override::Off => None,
            Override::Variant(name) => Some(self.variants.intern(name)),
        };
        Outcome::new(*over != Override::Off, variant, Reason::Static)
    }

    /// The status off is a kill switch: it decides even if other rows are invalid, provided that it could be
    /// read.
    fn unless_disabled(
        &mut self,
        row: &FlagRow,
        variant: Option<Variant>,
        otherwise: impl FnOnce(&mut Self) -> Logic,
    ) -> Logic {
        if row.status || row.is_unreadable() {
            return otherwise(self);
        }
        Logic::Fixed(Outcome::new(false, variant, Reason::Disabled))
    }

    fn ask(
        &self,
        linked: &[u32],
        default: Option<Variant>,
        fail_mode: FailMode,
        extras: &mut FlagExtras,
    ) -> Logic {
        let causes = self.analysis.causes_of_all(linked);
        let on = OutcomeReason::of(causes.iter().next().map_or(Reason::TargetingMatch, Reason::of));
        let graph = &self.drafts.graph;
        let strategy = if linked.iter().any(|node| self.analysis.depths[*node as usize] > MAX_RECURSION) {
            Strategy::Deep
        } else if !graph.is_tree(linked) {
            Strategy::Shared
        } else if causes.len() > 1 {
            Strategy::Tracked
        } else {
            Strategy::Plain
        };
        extras.variants = self.variants_of(linked, default);
        extras.draw = self.analysis.draws.of_all(linked, self.drafts);
        let ask = Conjunction { on, causes, default, fails_on: fail_mode == FailMode::On, strategy };
        Logic::Activations(ask)
    }

    /// The variants that a flag may assign.
    fn variants_of(&self, linked: &[u32], default: Option<Variant>) -> Box<[Variant]> {
        // Below this size, a linear scan is faster than hashing.
        const FEW: usize = 16;
        let (graph, assign) = (&self.drafts.graph, |node: u32| self.analysis.assigns_variant[node as usize]);
        if default.is_none() && !linked.iter().any(|node| assign(*node)) {
            return Box::default();
        }
        let below;
        let nodes = if linked.iter().all(|node| graph.targets(*node).is_empty()) {
            linked
        } else {
            below = graph.reachable_where(linked, assign);
            &below
        };
        let mut variants: Vec<Variant> = default.into_iter().collect();
        let mut known: HashSet<Variant, RandomState> = HashSet::default();
        for variant in nodes.iter().flat_map(|node| self.drafts.assigned_by(*node)) {
            if variants.len() == FEW {
                known.extend(&variants);
            }
            let is_new =
                if variants.len() < FEW { !variants.contains(variant) } else { known.insert(*variant) };
            if is_new {
                variants.push(*variant);
            }
        }
        variants.into()
    }

    fn broken(&mut self, row: &FlagRow, extras: &mut FlagExtras) -> Logic {
        let fixed = |enabled| Logic::Fixed(Outcome::new(enabled, None, Reason::Error));
        match row.metadata.fail_mode {
            FailMode::Off => fixed(false),
            FailMode::On => fixed(true),
            FailMode::LastKnown => self.last_known(&row.name, extras).unwrap_or_else(|| fixed(false)),
        }
    }

    fn last_known(&mut self, name: &str, extras: &mut FlagExtras) -> Option<Logic> {
        let previous = self.previous?;
        let index = previous.find_index(name)?;
        let (_, flag) = previous.locate(index)?;
        let (snapshot, index) = match (&flag.logic, &flag.extras) {
            // It was broken before, too: the snapshot that it used then is still the last known.
            (Logic::LastKnown, Some(extras)) => extras.last_known.clone()?,
            (Logic::LastKnown, None) => return None,
            (Logic::Fixed(outcome), _) if outcome.reason.reason() == Reason::Error => return None,
            (Logic::Fixed(_) | Logic::Activations(_), _) => {
                let snapshot = self.last_known.get_or_insert_with(|| previous.as_last_known());
                (Arc::clone(snapshot), index)
            }
        };
        // Variant ids differ between snapshots, so the variants are interned here as well.
        let variants = snapshot.variants_of(index).map(|variant| self.variants.intern(variant));
        extras.variants = variants.collect();
        extras.last_known = Some((snapshot, index));
        Some(Logic::LastKnown)
    }
}

impl FlagRow {
    /// Whether a column of the row itself, not of its metadata, could not be read.
    pub(super) fn is_unreadable(&self) -> bool {
        self.faults.iter().any(|fault| fault.table == "flags")
    }
}

impl FlagExtras {
    fn is_empty(&self) -> bool {
        let Self { values, variants, tags, metadata, expiry, draw, last_known } = self;
        let has_data = values.is_some() || expiry.is_some() || draw.is_some() || last_known.is_some();
        !has_data && variants.is_empty() && tags.is_empty() && metadata.is_empty()
    }
}
