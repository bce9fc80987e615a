//! A flag as SQL.

use std::{collections::HashMap, sync::Arc};

use crate::{
    activation::{
        Child, ChildReference, Registry,
        sql::{Condition, Expression, Place, Refusal, SqlChildren, SqlContext, VariantExpression},
    },
    context::Context,
    error::Result,
    rows::{ActivationRow, MemberRow, Revision},
    snapshot::{Logic, Snapshot, decision::Reason},
};

/// Deeper activations are refused: databases parse expressions recursively.
const MAX_DEPTH: usize = 64;

/// The longest condition, in bytes of SQL. Activations that several others share are written each time.
const MAX_SIZE: usize = 1 << 20;

/// A flag as a condition over the attributes of callers, which `novi sql` writes in the dialect of a
/// database.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FlagSql {
    /// The name of the flag.
    pub flag: String,
    /// The revision of the rows.
    pub revision: Revision,
    /// Whether the flag is on.
    pub on: Expression,
    /// The variant of the decision.
    pub variant: VariantExpression,
    /// The static context: attributes of callers that have none of their own.
    pub base: Context<'static>,
}

impl Snapshot {
    /// States a flag in SQL, or returns everything that SQL cannot state.
    ///
    /// The snapshot must [keep its rows](crate::snapshot::Settings::keep_rows), and `registry` must be that
    /// of its activation types.
    ///
    /// # Errors
    /// [`Error::FlagNotFound`](crate::Error::FlagNotFound) if no flag has this name.
    pub fn to_sql(
        &self,
        flag: &str,
        registry: &Registry,
    ) -> Result<std::result::Result<FlagSql, Vec<Refusal>>> {
        let index = self.find_index(flag).ok_or_else(|| self.missing(flag))?;
        let mut walk = Walk {
            snapshot: self,
            registry,
            known: HashMap::new(),
            path: Vec::new(),
            place: Arc::default(),
            refusals: Vec::new(),
        };
        let stated = walk.flag(index);
        if !walk.refusals.is_empty() {
            return Ok(Err(walk.refusals));
        }
        // The variant while the status is off is that of a flag that is off.
        let variant = match stated.on.constant() {
            Some(_) => stated.variant,
            None => VariantExpression::case([(stated.on.clone(), stated.variant)]),
        };
        let (flag, revision, base) = (flag.to_owned(), self.revision(), self.around.base.clone());
        Ok(Ok(FlagSql { flag, revision, on: stated.on, variant, base }))
    }
}

struct Walk<'a> {
    snapshot: &'a Snapshot,
    registry: &'a Registry,
    /// The conditions of rows, by the flag that they are evaluated for; and those of flags.
    known: HashMap<(Option<i64>, u32), Condition>,
    /// The flags that are being stated, innermost last.
    path: Vec<u32>,
    /// The activation that is being stated.
    place: Arc<Place>,
    refusals: Vec<Refusal>,
}

impl Walk<'_> {
    fn flag(&mut self, index: u32) -> Condition {
        if let Some(known) = self.known.get(&(None, index)) {
            return known.clone();
        }
        let flag = self.snapshot.name_of(index).to_owned();
        let before = std::mem::replace(&mut self.place, Arc::new(Place { flag, ..Place::default() }));
        self.path.push(index);
        let stated = self.state_flag(index);
        self.path.pop();
        self.place = before;
        self.known.insert((None, index), stated.clone());
        stated
    }

    fn state_flag(&mut self, index: u32) -> Condition {
        let Some((home, flag)) = self.snapshot.locate(index) else { return Condition::always(false) };
        let name = |variant| VariantExpression::name(home.name_of_variant(variant));
        let conjunction = match &flag.logic {
            Logic::Fixed(outcome) if outcome.reason.reason() != Reason::Error => {
                let variant = outcome.variant.map_or_else(VariantExpression::none, name);
                return Condition { on: Expression::always(outcome.enabled), variant };
            }
            Logic::Fixed(_) | Logic::LastKnown => {
                return self.refuse_here("the flag is broken; correct its rows first, see `novi check`");
            }
            Logic::Activations(conjunction) => conjunction,
        };
        let default = conjunction.default.map(name);
        let Some(row) = self.snapshot.row_of(self.snapshot.name_of(index)) else {
            return self.refuse_here("the rows are not kept");
        };
        let rows: Vec<&ActivationRow> = self.snapshot.activations_of(row).collect();
        let all: Vec<Condition> = rows.into_iter().map(|row| self.row(row)).collect();
        let all = Condition::all(&all);
        if all.on.constant() == Some(false) {
            return Condition::always(false);
        }
        Condition { variant: VariantExpression::first([all.variant].into_iter().chain(default)), ..all }
    }

    fn row(&mut self, row: &ActivationRow) -> Condition {
        let flag = self.path.last().copied().unwrap_or_default();
        if let Some(known) = self.known.get(&(Some(row.id), flag)) {
            return known.clone();
        }
        let place = Place { id: Some(row.id), name: Some(row.name.clone()), ..(*self.place).clone() };
        let members = self.snapshot.rows().map_or(&[][..], |rows| rows.members_of(row.id));
        let stated = self.activation(place, &row.class_name, row.config.as_deref(), members);
        self.known.insert((Some(row.id), flag), stated.clone());
        stated
    }

    fn activation(
        &mut self,
        place: Place,
        class_name: &str,
        config: Option<&str>,
        members: &[MemberRow],
    ) -> Condition {
        let place = Arc::new(Place { class_name: Some(class_name.to_owned()), ..place });
        let before = std::mem::replace(&mut self.place, Arc::clone(&place));
        self.path.push(self.path.last().copied().unwrap_or_default());
        let stated = if self.path.len() > MAX_DEPTH {
            self.refuse_here("nested too deeply for SQL; combine the conditions in fewer activations")
        } else if let Some(kind) = self.registry.find(class_name) {
            let (base, identity) = (&self.snapshot.around.base, &self.snapshot.around.identity);
            let mut sql = SqlContext { place: Arc::clone(&place), members, base, identity, children: self };
            let stated = kind.to_sql(config, &mut sql).of(&place);
            if stated.size() > MAX_SIZE {
                self.refuse_here(
                    "too long for SQL, of which a flag may take 1 MiB; evaluate it with `novi audience`",
                )
            } else {
                stated
            }
        } else {
            self.refuse_here("unknown class")
        };
        self.path.pop();
        self.place = before;
        stated
    }

    fn refuse_here(&mut self, message: &str) -> Condition {
        let place = (*self.place).clone();
        self.refuse(Refusal { place, path: String::new(), message: message.to_owned() });
        Condition::always(false)
    }
}

impl SqlChildren for Walk<'_> {
    fn child(&mut self, child: &Child) -> Condition {
        match &child.reference {
            ChildReference::Id(id) => {
                let rows = self.snapshot.rows().map_or(&[][..], |rows| &rows.activations);
                let place = rows.binary_search_by_key(id, |row| row.id).ok();
                match place.and_then(|place| rows.get(place)) {
                    Some(row) => self.row(row),
                    None => self.refuse_here("it refers to an activation that does not exist"),
                }
            }
            ChildReference::Inline { class_name, config, .. } => {
                let place = (*self.place).clone();
                self.activation(place, class_name, config.as_deref(), &[])
            }
            // A flag that does not exist counts as off.
            ChildReference::Flag(name) => {
                self.snapshot.find_index(name).map_or(Condition::always(false), |index| self.flag(index))
            }
        }
    }

    fn refuse(&mut self, refusal: Refusal) {
        /// More are of no use to a person.
        const MOST: usize = 100;
        if self.refusals.len() < MOST && !self.refusals.contains(&refusal) {
            self.refusals.push(refusal);
        }
    }
}
