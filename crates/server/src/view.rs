//! A snapshot in the order and under the names that the endpoints need.

use std::{
    cmp::Ordering,
    collections::HashMap,
    ptr,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use novi::{
    Context, Error, Flags, Guard, Snapshot,
    rows::{FlagRow, Rows},
};
use serde::{Serialize, Serializer};

/// The view of the present snapshot, made once a snapshot and not once a request.
pub(crate) struct Views {
    last: ArcSwap<View>,
    /// Held while a view is made: many requests miss it at the same time, and one is enough to make it.
    making: Mutex<()>,
}

impl Views {
    pub(crate) fn new(flags: &Flags) -> Self {
        Self { last: ArcSwap::from_pointee(View::of(flags.snapshot())), making: Mutex::new(()) }
    }

    pub(crate) fn present(&self, flags: &Flags) -> Arc<View> {
        let snapshot = flags.snapshot();
        if let Some(view) = self.of(&snapshot) {
            return view;
        }
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever held the lock may have made this view, or there is a newer snapshot by now.
        let snapshot = flags.snapshot();
        self.of(&snapshot).unwrap_or_else(|| {
            let view = Arc::new(View::of(snapshot));
            self.last.store(Arc::clone(&view));
            view
        })
    }

    /// The view that is there, if it is this snapshot's. A view keeps its snapshot alive, so no other snapshot can have
    /// its address; a revision could be another's, since rows may be replaced under the same one.
    fn of(&self, snapshot: &Snapshot) -> Option<Arc<View>> {
        let last = self.last.load();
        ptr::eq(last.snapshot(), snapshot).then(|| Arc::clone(&last))
    }
}

/// A snapshot, and the places of its rows. A place is an index of [`Rows::flags`] or [`Rows::activations`].
pub(crate) struct View {
    snapshot: Guard,
    /// The places of the flags in the order of their ids.
    by_id: Vec<u32>,
    /// The places of the flags in the order of their names; of twins, the one that answers to the name first.
    by_name: Vec<u32>,
    /// The places of each flag's activations, in the order of their ids.
    activations: Vec<Vec<u32>>,
}

impl View {
    fn of(snapshot: Guard) -> Self {
        let rows = snapshot.rows();
        let mut by_id: Vec<u32> = (0..).zip(&rows.flags).map(|(place, _)| place).collect();
        by_id.sort_by_key(|place| flag(rows, *place).map(|row| row.id));
        let has_name = |row: &FlagRow| row.faults.iter().all(|fault| fault.column != "name");
        let named = (0..).zip(&rows.flags).filter(|(_, row)| has_name(row));
        let mut by_name: Vec<u32> = named.map(|(place, _)| place).collect();
        by_name.sort_by_key(|place| flag(rows, *place).map(|row| &*row.name));
        Self { by_id, by_name, activations: activations(rows), snapshot }
    }

    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The place of the flag with this name.
    pub(crate) fn find(&self, name: &str) -> Option<u32> {
        let order = |place: &u32| {
            flag(self.snapshot.rows(), *place).map_or(Ordering::Less, |row| row.name.as_str().cmp(name))
        };
        let first = self.by_name.partition_point(|place| order(place).is_lt());
        self.by_name.get(first).copied().filter(|place| order(place).is_eq())
    }

    /// The error for a name that [`find`](Self::find) does not find.
    pub(crate) fn not_found(&self, name: &str) -> Error {
        // Looking for a name that is like it takes time by the number of flags, and anybody can ask.
        const MOST_FLAGS: usize = 1000;
        let plain = || Error::FlagNotFound { name: name.to_owned(), similar: None };
        if self.by_name.len() > MOST_FLAGS {
            return plain();
        }
        // A flag that only an override has is found here, but it is no row.
        self.snapshot.evaluate(name, &Context::new()).err().unwrap_or_else(plain)
    }

    /// The status of every flag's row, by place.
    pub(crate) fn statuses(&self) -> Vec<bool> {
        self.snapshot.rows().flags.iter().map(|row| row.status).collect()
    }

    /// What every flag answers, by place.
    pub(crate) fn evaluate(&self, context: &Context<'_>) -> Vec<bool> {
        let flags = self.snapshot.rows().flags.len();
        // Behind the rows come the flags that only overrides have.
        self.snapshot.evaluate_all(context).iter().take(flags).map(novi::Decision::enabled).collect()
    }

    /// All flags for JSON, with these statuses by place.
    pub(crate) fn list<'a>(&'a self, statuses: &'a [bool]) -> List<'a> {
        List { view: self, statuses }
    }

    /// One flag for JSON.
    pub(crate) fn flag(&self, place: u32, status: bool) -> Option<FlagJson<'_>> {
        let rows = self.snapshot.rows();
        let FlagRow { id, name, .. } = flag(rows, place)?;
        let places = self.activations.get(place as usize)?;
        Some(FlagJson { activations: ActivationsJson { rows, places }, id: *id, name, status })
    }
}

fn flag(rows: &Rows, place: u32) -> Option<&FlagRow> {
    rows.flags.get(place as usize)
}

/// The places of each flag's activations, in the order of their ids. Links that lead nowhere are the snapshot's to
/// complain of.
fn activations(rows: &Rows) -> Vec<Vec<u32>> {
    let (flag_places, activation_places) =
        (places(rows.flags.iter().map(|row| row.id)), places(rows.activations.iter().map(|row| row.id)));
    let mut linked = vec![Vec::new(); rows.flags.len()];
    for link in &rows.links {
        let flag = link.flag_id.and_then(|id| flag_places.get(&id));
        let activation = link.activation_id.and_then(|id| activation_places.get(&id));
        if let (Some(flag), Some(activation)) = (flag, activation)
            && let Some(places) = linked.get_mut(*flag as usize)
        {
            places.push(*activation);
        }
    }
    for places in &mut linked {
        places.sort_by_key(|place| rows.activations.get(*place as usize).map(|row| row.id));
        places.dedup();
    }
    linked
}

/// Places by id; the first of twins.
fn places(ids: impl Iterator<Item = i64>) -> HashMap<i64, u32> {
    let mut places = HashMap::new();
    for (place, id) in (0..).zip(ids) {
        places.entry(id).or_insert(place);
    }
    places
}

/// All flags, in the order of their ids.
pub(crate) struct List<'a> {
    view: &'a View,
    statuses: &'a [bool],
}

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let status = |place: u32| self.statuses.get(place as usize).copied().unwrap_or_default();
        let flag = |place: &u32| self.view.flag(*place, status(*place));
        serializer.collect_seq(self.view.by_id.iter().filter_map(flag))
    }
}

/// A flag as the Python original writes it.
#[derive(Serialize)]
pub(crate) struct FlagJson<'a> {
    activations: ActivationsJson<'a>,
    id: i64,
    name: &'a str,
    status: bool,
}

struct ActivationsJson<'a> {
    rows: &'a Rows,
    places: &'a [u32],
}

impl Serialize for ActivationsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rows = self.places.iter().filter_map(|place| self.rows.activations.get(*place as usize));
        serializer.collect_seq(rows.map(|row| ActivationJson {
            class_name: &row.class_name,
            config: row.config.as_deref(),
            id: row.id,
            name: &row.name,
        }))
    }
}

#[derive(Serialize)]
struct ActivationJson<'a> {
    class_name: &'a str,
    config: Option<&'a str>,
    id: i64,
    name: &'a str,
}
