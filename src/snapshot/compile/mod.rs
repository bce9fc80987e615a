//! The second half of compiling: flags, over the activations that they ask.

pub(crate) mod analysis;
pub(crate) mod expiry;
pub(crate) mod features;
pub(crate) mod graph;
pub(crate) mod issues;
pub(crate) mod links;
pub(crate) mod names;
pub(crate) mod nodes;
pub(crate) mod prerequisites;
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
        Answer, Ask, Flag, More, Plan, Settings, Snapshot,
        decision::{Outcome, Reason},
        explain::ExplanationData,
    },
};
use analysis::{DEEPEST_RECURSION, Facts};
use expiry::Expiry;
use issues::Issues;
use links::{Links, Places};
use names::Names;
use nodes::{Drafts, Imports, Missing, Variants};
use prerequisites::{FlagSource, put_flags};
use variants::{Fault, Values};

/// What a snapshot is made of.
pub(super) struct Source<'a> {
    pub(super) rows: Arc<Rows>,
    pub(super) registry: &'a Registry,
    pub(super) settings: &'a Settings,
    /// Those of the settings that are meant here.
    pub(super) overrides: &'a Overrides,
    /// The snapshot before.
    pub(super) previous: Option<&'a Arc<Snapshot>>,
    /// Activations that are there already.
    pub(super) imports: Option<&'a Imports<'a>>,
}

impl Snapshot {
    /// Compiles rows. Never fails: a row that does not compile becomes an [`Issue`](crate::rows::issue::Issue), and the flags that need
    /// it answer by their fail mode (R6); those with `last_known` answer as in `previous`, whose counts go on as well.
    #[must_use]
    pub fn compile(
        rows: Arc<Rows>,
        registry: &Registry,
        settings: &Settings,
        previous: Option<&Arc<Self>>,
    ) -> Self {
        let overrides = &settings.overrides;
        let source = Source { rows, registry, settings, overrides, previous, imports: None };
        let (mut snapshot, _) = Self::compile_from(source);
        match previous {
            None => snapshot.number_answers(),
            Some(previous) => {
                snapshot.number_answers_after(previous, previous.indices());
            }
        }
        snapshot
    }

    /// Compiles rows into a snapshot that is not in use yet: its answers have no numbers before [`Snapshot::number_after`].
    #[cfg(feature = "sql")]
    pub(crate) fn compile_apart(
        rows: Arc<Rows>,
        registry: &Registry,
        settings: &Settings,
        previous: &Arc<Self>,
    ) -> Self {
        let (overrides, previous) = (&settings.overrides, Some(previous));
        Self::compile_from(Source { rows, registry, settings, overrides, previous, imports: None }).0
    }

    /// Gives each answer of a snapshot that takes the place of another one its number.
    #[cfg(feature = "sql")]
    pub(crate) fn number_after(&mut self, previous: &Self) {
        self.number_answers_after(previous, previous.indices());
    }

    /// Compiles rows; with it what the rows refer to and is not among them. The answers have no numbers yet.
    pub(super) fn compile_from(source: Source<'_>) -> (Self, Missing) {
        let Source { mut rows, registry, settings, overrides, previous, imports } = source;
        sort(&mut rows);
        let mut variants = Variants::default();
        let places = Places::of(rows.activations.iter().map(|row| row.id));
        let links = Links::of(&rows, &places);
        let source = FlagSource::new(&rows, &links, overrides);
        let mut drafts = Drafts::build(&places, &source, registry, imports, &mut variants);
        let facts = Facts::of(&drafts, &links);
        let mut compiler = FlagCompiler {
            rows: &rows,
            drafts: &drafts,
            links: &links,
            facts: &facts,
            overrides,
            previous,
            last_known: None,
            variants,
            texts: Writing::with_capacity(16 * (rows.flags.len() + rows.activations.len())),
            faults: Vec::new(),
        };
        let flags = compiler.flags();
        let FlagCompiler { variants, mut texts, faults, .. } = compiler;
        let (names, twins) = Names::of(&flags, &texts, |position| {
            let row = rows.flags.get(position);
            row.is_none_or(|row| row.faults.iter().all(|fault| fault.column != "name"))
        });
        let (faults, twins) = (&faults, &twins);
        let files = registry.issues();
        let issues =
            Issues { rows: &rows, drafts: &drafts, links: &links, places: &places, faults, twins, files };
        let mut issues = issues.collect();
        features::Unknown {
            rows: &rows,
            drafts: &drafts,
            links: &links,
            flags: &flags,
            variants: &variants.names,
        }
        .collect(&settings.features, |name| names.find(&flags, &texts, name), &mut issues);
        let told = ExplanationData::new(&rows, &mut drafts, &flags, &mut texts);
        let prerequisites = std::mem::take(&mut drafts.flags);
        let missing = std::mem::take(&mut drafts.missing);
        let (mut nodes, graph) = drafts.finish(&facts);
        let asked_flags = put_flags(&prerequisites, &flags, &links.nodes, &variants.names, &mut nodes);
        let around = Surroundings {
            nodes: nodes.into(),
            prerequisites: asked_flags,
            base: settings.context.clone(),
            identity: settings.identity.iter().map(|name| name.as_str().into()).collect(),
            texts: texts.finish(),
        };
        let snapshot = Self {
            revision: rows.revision,
            ids: rows.flags.iter().map(|row| row.id).collect(),
            rows: settings.keep_rows.then_some(rows),
            around,
            flags: flags.into(),
            links: links.nodes.finish(),
            names,
            graph: graph.finish(),
            asked_flags: prerequisites.into_iter().map(|(node, _)| node).collect(),
            told: Arc::new(told),
            variants: variants.names.into(),
            slots: facts.remembered,
            issues: issues.into(),
            tally: previous.map(|previous| Arc::clone(&previous.tally)).unwrap_or_default(),
            unread: Arc::new(features::Told::of_program()),
            serial: 0,
            patch: None,
        };
        (snapshot, missing)
    }
}

/// Puts rows in the order of their ids. Stores give them so; those from elsewhere may come in any.
fn sort(rows: &mut Arc<Rows>) {
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
    drafts: &'a Drafts,
    links: &'a Links,
    facts: &'a Facts,
    overrides: &'a Overrides,
    previous: Option<&'a Arc<Snapshot>>,
    /// `previous`, for the flags whose last known answers are its own.
    last_known: Option<Arc<Snapshot>>,
    variants: Variants,
    texts: Writing,
    /// What is wrong with flags' variants, by the flags' indices.
    faults: Vec<(usize, Fault)>,
}

impl FlagCompiler<'_> {
    fn flags(&mut self) -> Vec<Flag> {
        let mut flags = Vec::with_capacity(self.rows.flags.len());
        for (position, row) in (0..).zip(&self.rows.flags) {
            flags.push(self.flag(position, row, self.links.lost.contains(&position)));
        }
        if self.overrides.is_empty() {
            return flags;
        }
        let known: HashSet<&str> = self.rows.flags.iter().map(|row| row.name.as_str()).collect();
        for (name, over) in self.overrides {
            if !known.contains(name.as_str()) {
                let answer = Answer::Fixed(self.overridden(over));
                let (named, linked) = (self.named(name), (0, 0));
                let (overridden, pinned, exposed) = (true, false, false);
                flags.push(Flag {
                    named,
                    linked,
                    answer,
                    overridden,
                    pinned,
                    exposed,
                    first_number: 0,
                    more: None,
                });
            }
        }
        flags
    }

    fn flag(&mut self, position: u32, row: &FlagRow, lost: bool) -> Flag {
        let mut more = More::default();
        let mut unreadable = false;
        match Values::read(&row.metadata, &mut self.variants) {
            Ok(values) => more.values = values,
            Err(fault) => {
                (more.values, unreadable) = (Some(Values::unreadable()), true);
                self.faults.push((position as usize, fault));
            }
        }
        let overridden = if self.overrides.is_empty() { None } else { self.overrides.get(&row.name) };
        let links = self.links;
        let linked = links.nodes.of(position);
        let answer = match overridden {
            Some(over) => Answer::Fixed(self.overridden(over)),
            None => self.unless_off(row, |compiler| {
                if unreadable || lost || row.is_unreadable() || compiler.facts.any_broken(linked) {
                    return compiler.broken(row, &mut more);
                }
                let default = more.values.as_ref().and_then(|values| values.default);
                if linked.is_empty() {
                    return Answer::Fixed(Outcome {
                        enabled: true,
                        variant: default,
                        reason: Reason::Static,
                    });
                }
                Answer::Ask(compiler.ask(linked, default, row.metadata.fail_mode, &mut more))
            }),
        };
        if matches!(answer, Answer::Fixed(_)) && !linked.is_empty() && !self.facts.any_broken(linked) {
            // Those of a flag that is off may still be asked for by an override.
            more.variants = self.variants_of(linked, None);
        }
        if !row.metadata.tags.is_empty() {
            more.tags = row.metadata.tags.iter().map(|tag| tag.as_str().into()).collect();
        }
        more.expiry = Expiry::of(&row.metadata);
        Flag {
            named: self.named(&row.name),
            linked: links.nodes.range(position),
            answer,
            overridden: overridden.is_some(),
            pinned: !row.metadata.override_allowed,
            exposed: row.metadata.exposed,
            first_number: 0,
            more: (!more.is_empty()).then(|| Box::new(more)),
        }
    }

    fn named(&mut self, name: &str) -> FlagRef {
        FlagRef { name: self.texts.add(name), salt: Salted::new(name) }
    }

    fn overridden(&mut self, over: &Override) -> Outcome {
        let variant = match over {
            Override::On | Override::Off => None,
            Override::Variant(name) => Some(self.variants.number(name)),
        };
        Outcome { enabled: *over != Override::Off, variant, reason: Reason::Static }
    }

    /// A status that is off is the answer, whatever else may be wrong: it is the kill switch (R1). Unless it could not be
    /// read.
    fn unless_off(&mut self, row: &FlagRow, otherwise: impl FnOnce(&mut Self) -> Answer) -> Answer {
        if row.status || row.is_unreadable() {
            return otherwise(self);
        }
        Answer::Fixed(Outcome { enabled: false, variant: None, reason: Reason::Disabled })
    }

    fn ask(&self, asked: &[u32], default: Option<Variant>, fail_mode: FailMode, more: &mut More) -> Ask {
        let split = asked.iter().any(|node| self.facts.splits[*node as usize]);
        let on = if split { Reason::Split } else { Reason::TargetingMatch };
        let graph = &self.drafts.graph;
        let plan = if asked.iter().any(|node| self.facts.depths[*node as usize] > DEEPEST_RECURSION) {
            Plan::Deep
        } else if graph.is_tree(asked) {
            Plan::Plain
        } else {
            Plan::Shared
        };
        more.variants = self.variants_of(asked, default);
        Ask { on, default, fails_on: fail_mode == FailMode::On, plan }
    }

    /// The variants that a flag may assign.
    fn variants_of(&self, asked: &[u32], default: Option<Variant>) -> Box<[Variant]> {
        // Up to so many are compared one by one, which is faster than hashing.
        const FEW: usize = 16;
        let (graph, assign) = (&self.drafts.graph, |node: u32| self.facts.assign[node as usize]);
        if default.is_none() && !asked.iter().any(|node| assign(*node)) {
            return Box::default();
        }
        let below;
        let nodes = if asked.iter().all(|node| graph.of(*node).is_empty()) {
            asked
        } else {
            below = graph.below_where(asked, assign);
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

    fn broken(&mut self, row: &FlagRow, more: &mut More) -> Answer {
        let fixed = |enabled| Answer::Fixed(Outcome { enabled, variant: None, reason: Reason::Error });
        match row.metadata.fail_mode {
            FailMode::Off => fixed(false),
            FailMode::On => fixed(true),
            FailMode::LastKnown => self.last_known(&row.name, more).unwrap_or_else(|| fixed(false)),
        }
    }

    fn last_known(&mut self, name: &str, more: &mut More) -> Option<Answer> {
        let previous = self.previous?;
        let index = previous.find_index(name)?;
        let (_, flag) = previous.locate(index)?;
        let (snapshot, index) = match (&flag.answer, &flag.more) {
            // It was broken then, too: what it answered by is still the last that is known.
            (Answer::LastKnown, Some(more)) => more.last_known.clone()?,
            (Answer::LastKnown, None) | (Answer::Fixed(Outcome { reason: Reason::Error, .. }), _) => {
                return None;
            }
            (Answer::Fixed(_) | Answer::Ask(_), _) => {
                let snapshot = self.last_known.get_or_insert_with(|| previous.as_last_known());
                (Arc::clone(snapshot), index)
            }
        };
        // Numbered here as well: snapshots do not have the same numbers for them.
        let variants = snapshot.variants_of(index).map(|variant| self.variants.number(variant));
        more.variants = variants.collect();
        more.last_known = Some((snapshot, index));
        Some(Answer::LastKnown)
    }
}

impl FlagRow {
    /// Whether a column of the row itself could not be read.
    pub(super) fn is_unreadable(&self) -> bool {
        self.faults.iter().any(|fault| fault.table == "flags")
    }
}

impl More {
    fn is_empty(&self) -> bool {
        let Self { values, variants, tags, expiry, last_known } = self;
        values.is_none() && variants.is_empty() && tags.is_empty() && expiry.is_none() && last_known.is_none()
    }
}
