//! Which records of the history are about a flag: a row that was deleted may have had the id of another one.

use std::collections::{BTreeMap, BTreeSet};

use crate::store::{
    decode::Cell,
    sql::connection::{Connection, Statement},
};

/// So many conditions are joined at one level: SQLite limits the depth of an expression.
const MOST_JOINED: usize = 100;

/// The tables with records of a flag.
const OF_FLAG: [&str; 3] = ["flags", "flag_metadata", "flags_activations"];

/// The rows that are or were a flag with a name, and the activations that it is or was linked to.
#[derive(Default)]
pub(super) struct OfFlag {
    flags: Lives,
    activations: Lives,
}

/// Lives of rows, by their ids.
#[derive(Default)]
struct Lives(BTreeMap<i64, BTreeSet<Life>>);

/// The records of a row: those after the delete of the previous row with its id, until its own delete.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Life {
    from: i64,
    before: i64,
}

impl Life {
    const WHOLE: Self = Self { from: 0, before: i64::MAX };

    const fn has(self, record: i64) -> bool {
        self.from <= record && record < self.before
    }

    const fn is_current(self) -> bool {
        self.before == i64::MAX
    }
}

/// Where the lives of ids begin: after the records that deleted the previous row.
struct Starts(BTreeMap<i64, BTreeSet<i64>>);

impl Starts {
    /// `entities` are the table and those of what a row takes along. The order of the records that insert or delete
    /// these together differs between databases.
    async fn of(
        connection: &mut dyn Connection,
        entities: &[&str],
        ids: &BTreeSet<i64>,
    ) -> Result<Self, sqlx::Error> {
        let (Some(table), false) = (entities.first(), ids.is_empty()) else {
            return Ok(Self(BTreeMap::new()));
        };
        let entities = entities.join("', '");
        let inserts = records(connection, table, "insert", ids).await?;
        let deletes = records(connection, &entities, "delete", ids).await?;
        let start = |id: &i64, insert: i64| {
            let last = deletes.get(id)?.range(..insert).next_back()?;
            last.checked_add(1)
        };
        let starts = |(id, inserts): (i64, BTreeSet<i64>)| {
            (id, inserts.into_iter().filter_map(|insert| start(&id, insert)).collect())
        };
        Ok(Self(inserts.into_iter().map(starts).collect()))
    }

    /// The life of a row that has a record, or that exists now.
    fn life(&self, id: i64, record: Option<i64>) -> Life {
        let Some(starts) = self.0.get(&id) else { return Life::WHOLE };
        let record = record.unwrap_or(i64::MAX);
        let from = starts.range(..=record).next_back();
        let before = record.checked_add(1).and_then(|next| starts.range(next..).next());
        Life {
            from: from.copied().unwrap_or(Life::WHOLE.from),
            before: before.copied().unwrap_or(Life::WHOLE.before),
        }
    }
}

/// The records of an operation on the rows of these ids.
async fn records(
    connection: &mut dyn Connection,
    entities: &str,
    operation: &str,
    ids: &BTreeSet<i64>,
) -> Result<BTreeMap<i64, BTreeSet<i64>>, sqlx::Error> {
    let sql = format!(
        "select entity_id, id from flag_history where entity in ('{entities}') and operation = '{operation}' \
         and entity_id in ({})",
        listed(ids)
    );
    let mut records: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
    for [id, record] in integers(connection, Statement::new(sql)).await? {
        if let (Some(id), Some(record)) = (id, record) {
            records.entry(id).or_default().insert(record);
        }
    }
    Ok(records)
}

impl Lives {
    fn add(&mut self, id: i64, life: Life) {
        self.0.entry(id).or_default().insert(life);
    }

    fn any(&self, id: Option<i64>, fits: impl Fn(Life) -> bool) -> bool {
        id.and_then(|id| self.0.get(&id)).is_some_and(|lives| lives.iter().any(|life| fits(*life)))
    }

    /// The condition on the columns `id` and `entity_id` of records.
    fn condition(&self) -> String {
        let is_whole = |lives: &BTreeSet<Life>| lives.contains(&Life::WHOLE);
        let whole: BTreeSet<i64> =
            self.0.iter().filter(|(_, lives)| is_whole(lives)).map(|(id, _)| *id).collect();
        let parts = self.0.iter().filter(|(_, lives)| !is_whole(lives));
        let parts = parts.flat_map(|(id, lives)| lives.iter().map(move |life| (id, life)));
        let part = |(id, Life { from, before }): (&i64, &Life)| {
            format!("entity_id = {id} and id >= {from} and id < {before}")
        };
        let whole = (!whole.is_empty()).then(|| format!("entity_id in ({})", listed(&whole)));
        let mut conditions: Vec<String> = whole.into_iter().chain(parts.map(part)).collect();
        while conditions.len() > MOST_JOINED {
            let joined = |some: &[String]| format!("({})", some.join(" or "));
            conditions = conditions.chunks(MOST_JOINED).map(joined).collect();
        }
        conditions.join(" or ")
    }
}

impl OfFlag {
    /// `None` if no flag has or had this name.
    pub(super) async fn named(
        connection: &mut dyn Connection,
        name: &str,
    ) -> Result<Option<Self>, sqlx::Error> {
        let named = Statement::new(connection.dialect().history.named).bind_all([name; 3]);
        let named = integers(connection, named).await?;
        let ids: BTreeSet<i64> = named.iter().filter_map(|[id, _]| *id).collect();
        if ids.is_empty() {
            return Ok(None);
        }
        let starts = Starts::of(connection, &OF_FLAG, &ids).await?;
        let mut of_flag = Self::default();
        for [id, record] in named {
            if let Some(id) = id {
                of_flag.flags.add(id, starts.life(id, record));
            }
        }
        of_flag.add_activations(connection, &ids).await?;
        Ok(Some(of_flag))
    }

    async fn add_activations(
        &mut self,
        connection: &mut dyn Connection,
        flags: &BTreeSet<i64>,
    ) -> Result<(), sqlx::Error> {
        let flags = listed(flags);
        let linked =
            format!("select flag_id, activation_id from flags_activations where flag_id in ({flags})");
        let linked = integers(connection, Statement::new(linked)).await?;
        let linked = linked.into_iter().filter(|[flag, _]| self.flags.any(*flag, Life::is_current));
        let mut links: Vec<(i64, Option<i64>)> =
            linked.filter_map(|[_, activation]| Some((activation?, None))).collect();
        let were_linked = format!(
            "select entity_id, other_id, id from flag_history \
             where entity = 'flags_activations' and entity_id in ({flags})"
        );
        for [flag, activation, record] in integers(connection, Statement::new(were_linked)).await? {
            if let (Some(activation), Some(record)) = (activation, record)
                && self.flags.any(flag, |life| life.has(record))
            {
                links.push((activation, Some(record)));
            }
        }
        let ids = links.iter().map(|(activation, _)| *activation).collect();
        let starts = Starts::of(connection, &["activations", "activation_members"], &ids).await?;
        for (activation, record) in links {
            self.activations.add(activation, starts.life(activation, record));
        }
        Ok(())
    }

    /// The condition on records.
    pub(super) fn condition(&self) -> String {
        let flags = self.flags.condition();
        let flags = format!("entity in ('{}') and ({flags})", OF_FLAG.join("', '"));
        if self.activations.0.is_empty() {
            return flags;
        }
        let activations = self.activations.condition();
        format!("({flags} or entity in ('activations', 'activation_members') and ({activations}))")
    }
}

/// The integers of so many columns.
async fn integers<const COLUMNS: usize>(
    connection: &mut dyn Connection,
    statement: Statement,
) -> Result<Vec<[Option<i64>; COLUMNS]>, sqlx::Error> {
    let row = |cells: &mut dyn Iterator<Item = Cell>| {
        std::array::from_fn(|_| cells.next().and_then(Cell::into_integer))
    };
    connection.rows(statement, row).await
}

/// Numbers for a list in SQL.
fn listed(ids: &BTreeSet<i64>) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
