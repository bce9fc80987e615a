//! Who has a flag: its decisions for many callers, counted.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap},
    fmt,
};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

use crate::{
    activation::Variant,
    context::Context,
    error::Result,
    snapshot::{
        AttributeImpact, ImpactState, Snapshot, TraceNode,
        decision::{Decision, Reason},
        impact::groups::{Groups, Marked},
    },
};

/// Who has a flag, among the callers that were given. See [`Snapshot::audience`].
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Audience {
    /// The flag's name.
    pub flag: String,
    /// The revision of the rows.
    pub revision: i64,
    /// How many callers were evaluated.
    pub callers: usize,
    /// For how many of them the flag is on.
    pub on: usize,
    /// How many have each decision and variant, the most frequent first.
    pub decisions: Vec<AudienceCount>,
    /// The attributes whose values differ most between the callers that have the flag and all callers, at most five.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<AudienceAttribute>,
    /// For how many of the callers the flag's `fail_mode` decides, since the flag is broken (reason `ERROR`).
    #[serde(skip_serializing_if = "is_zero")]
    pub errors: usize,
    /// What may be wrong with the callers or the flag, for people.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// Of so many callers, the attributes that the flag reads are compared with theirs.
const EXPLAINED: usize = 16;

/// The warning about callers without the key that the flag draws by.
const NEEDS_TARGETING_KEY: &str = "callers have no targeting key, and the flag draws by it: they are not drawn; select \
                                   the key of each caller as `targetingKey`, as in `select id as \"targetingKey\"`";

/// How many callers have a decision.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AudienceCount {
    /// The decision.
    #[serde(flatten)]
    pub state: ImpactState,
    /// How many callers have it.
    pub callers: usize,
}

/// How the callers that have a flag are distributed over the values of an attribute.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AudienceAttribute {
    /// The attribute's name.
    pub attribute: String,
    /// Its values, at most ten, those that most callers with the flag have first.
    pub values: Vec<AudienceValue>,
}

/// How many callers with a value of an attribute have a flag.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AudienceValue {
    /// The value; `None` for callers without the attribute.
    pub value: Option<Json>,
    /// For how many callers with this value the flag is on.
    pub on: usize,
    /// How many callers have this value.
    pub callers: usize,
}

/// Counts who has a flag, for one caller after the other: memory does not grow with them.
#[derive(Debug)]
pub struct AudienceCounter<S> {
    snapshot: S,
    flag: String,
    callers: usize,
    counts: Vec<AudienceCount>,
    places: HashMap<(bool, Option<Variant>), usize>,
    groups: Groups,
    on: Marked,
    errors: usize,
    needs_targeting_key: bool,
    /// Attributes that the flag reads, and others of the callers whose names differ in case.
    misspelled: BTreeSet<(String, String)>,
}

impl Snapshot {
    /// Starts to count who has a flag. The evaluations count as those of the service, unless the snapshot is one of
    /// [`Flags::snapshot_of`](crate::Flags::snapshot_of).
    ///
    /// ```
    /// use novi::{Context, Flags, rows::{FlagRow, Rows}};
    ///
    /// let rows = Rows { flags: vec![FlagRow::new(1, "X", true)], ..Rows::default() };
    /// let snapshot = Flags::builder().from_rows(rows)?.snapshot();
    /// let mut counter = snapshot.audience("X")?;
    /// counter.add(&Context::new().with("targetingKey", "user-7"));
    /// let audience = counter.finish();
    /// assert_eq!((audience.on, audience.callers), (1, 1));
    /// # Ok::<(), novi::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::FlagNotFound`](crate::Error::FlagNotFound) if no flag has this name.
    pub fn audience(&self, flag: &str) -> Result<AudienceCounter<&Self>> {
        AudienceCounter::new(self, flag)
    }
}

impl<S: AsRef<Snapshot>> AudienceCounter<S> {
    /// Like [`Snapshot::audience`], with a snapshot that the counter owns.
    ///
    /// # Errors
    /// [`Error::FlagNotFound`](crate::Error::FlagNotFound) if no flag has this name.
    pub fn new(snapshot: S, flag: &str) -> Result<Self> {
        snapshot.as_ref().explain(flag, &Context::new())?;
        Ok(Self {
            snapshot,
            flag: flag.to_owned(),
            callers: 0,
            counts: Vec::new(),
            places: HashMap::new(),
            groups: Groups::default(),
            on: Marked::default(),
            errors: 0,
            needs_targeting_key: false,
            misspelled: BTreeSet::new(),
        })
    }

    /// Evaluates the flag for a caller. `None` if an override took the flag away since.
    pub fn add(&mut self, context: &Context<'_>) -> Option<Decision<&Snapshot>> {
        let decision = self.snapshot.as_ref().decision(&self.flag, context)?;
        if self.callers < EXPLAINED
            && let Ok(trace) = self.snapshot.as_ref().explain(&self.flag, context)
        {
            self.misspelled.extend(misspelled(&trace.activations, context));
        }
        self.callers += 1;
        self.groups.add(context);
        let counts = &mut self.counts;
        let place = *self.places.entry(decision.outcome()).or_insert_with(|| {
            counts.push(AudienceCount { state: ImpactState::of(&decision), callers: 0 });
            counts.len() - 1
        });
        if let Some(count) = counts.get_mut(place) {
            count.callers += 1;
        }
        self.errors += usize::from(decision.reason() == Reason::Error);
        // Evaluates again, so only until the first caller without a key that is needed.
        self.needs_targeting_key = self.needs_targeting_key || decision.needs_targeting_key(context);
        if decision.enabled() {
            self.groups.mark(&mut self.on);
        }
        Some(decision)
    }

    /// The counts of all callers so far.
    #[must_use]
    pub fn finish(mut self) -> Audience {
        self.counts.sort_by_key(|count| Reverse(count.callers));
        let of_on = |attribute: AttributeImpact| AudienceAttribute {
            attribute: attribute.attribute,
            values: (attribute.values.into_iter())
                .map(|value| AudienceValue { value: value.value, on: value.changed, callers: value.contexts })
                .collect(),
        };
        let on = self.counts.iter().filter(|count| count.state.enabled);
        let broken = (self.errors > 0).then(|| {
            let (errors, callers) = (self.errors, self.callers);
            format!("the flag is broken: its fail_mode decides for {errors} of {callers} callers")
        });
        let needs_key = self.needs_targeting_key.then(|| NEEDS_TARGETING_KEY.to_owned());
        let misspelled = self.misspelled.into_iter().map(|(wanted, found)| {
            format!(
                "the flag reads {wanted:?}, and callers have {found:?}, which differs in case; select it as `\"{wanted}\"`"
            )
        });
        Audience {
            on: on.map(|count| count.callers).sum(),
            flag: self.flag,
            revision: self.snapshot.as_ref().revision().number(),
            callers: self.callers,
            decisions: self.counts,
            attributes: self.groups.differing(&self.on).into_iter().map(of_on).collect(),
            errors: self.errors,
            warnings: broken.into_iter().chain(needs_key).chain(misspelled).collect(),
        }
    }
}

/// The attributes that activations miss, and those of the caller whose names differ in case.
fn misspelled(activations: &[TraceNode], context: &Context<'_>) -> Vec<(String, String)> {
    let missing = activations.iter().flat_map(|node| &node.inputs).filter(|input| input.value.is_none());
    let similar = missing.filter_map(|input| {
        let wanted = &input.attribute;
        let is_similar = |name: &&str| name.eq_ignore_ascii_case(wanted) && name != wanted;
        let found = context.iter().map(|(name, _)| name).find(is_similar)?;
        Some((wanted.clone(), found.to_owned()))
    });
    let below = activations.iter().flat_map(|node| misspelled(&node.activations, context));
    similar.chain(below).collect()
}

/// For people.
impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { flag, revision, callers, on, .. } = self;
        writeln!(
            f,
            "{flag} is on for {on} of {callers} callers{}, at revision {revision}",
            percent(*on, *callers)
        )?;
        for AudienceCount { state, callers } in &self.decisions {
            writeln!(f, "  {state}: {callers}{}", percent(*callers, self.callers))?;
        }
        self.attributes.iter().try_for_each(|attribute| {
            let values = attribute.values.iter().filter(|value| value.on > 0).map(|value| {
                let name = value.value.as_ref().map_or_else(|| "missing".to_owned(), ToString::to_string);
                format!("{name} {} of {}", value.on, value.callers)
            });
            writeln!(f, "  by {}: {}", attribute.attribute, values.collect::<Vec<_>>().join(", "))
        })
    }
}

/// A share, as in ` (24.8 %)`.
#[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
fn percent(part: usize, all: usize) -> String {
    if all == 0 { String::new() } else { format!(" ({:.1} %)", 100.0 * part as f64 / all as f64) }
}
