//! The SQL of parts of the units, by an attribute.

use super::{Dialect, Scope};

/// What units without the attribute have.
const NONE: &str = "(none)";

/// Into which parts units are divided.
#[derive(Clone, Debug)]
pub(crate) struct Segments {
    /// The column, and the SQL that selects it with the units; without, it is one of the assignments.
    pub(crate) attribute: String,
    pub(crate) sql: Option<String>,
    /// The values that are parts of their own. All others are one more.
    pub(crate) values: Vec<String>,
}

impl Segments {
    /// The value of an assignment `s` with the attributes `v` of its unit.
    fn value(&self, dialect: Dialect) -> String {
        match (&self.sql, self.attribute.as_str()) {
            (Some(_), _) => format!("coalesce(v.value, '{NONE}')"),
            (None, "day") => dialect.value(&dialect.day("s.assigned_at")),
            (None, _) => dialect.value("s.revision"),
        }
    }

    /// The assignments of an experiment, called `s`, with the attributes of their units. A unit with several rows has the
    /// first of its values.
    fn joined(&self, scope: &Scope, table: &str) -> String {
        let dialect = scope.dialect;
        let attributes = self.sql.as_ref().map(|sql| {
            // With the collation of the assignments, so that MySQL looks units up and does not compare all of them.
            let (unit, value) = (dialect.value("u.unit"), dialect.value(&format!("u.{}", self.attribute)));
            format!(
                " left join (select {unit} as unit, min({value}) as value from (\n{sql}\n) u group by {unit}) v \
                 on v.unit = {}",
                dialect.value("s.unit")
            )
        });
        let experiment = dialect.string(&scope.experiment);
        format!("from {table} s{} where s.experiment = {experiment}", attributes.unwrap_or_default())
    }

    /// A query with the columns of the assignments, where the number of the part is in front of the variant, as in
    /// `2:blue`. Sums, ranks and funnels by variant are then those by part and variant.
    pub(super) fn table(&self, scope: &Scope, table: &str) -> String {
        let dialect = scope.dialect;
        let value = self.value(dialect);
        let cases = self
            .values
            .iter()
            .enumerate()
            .map(|(number, name)| format!(" when {value} = {} then '{number}:'", dialect.string(name)));
        let others = format!("'{}:'", self.values.len());
        let number = if self.values.is_empty() {
            others
        } else {
            format!("case{} else {others} end", cases.collect::<String>())
        };
        format!(
            "(select s.id as id, s.experiment as experiment, s.unit as unit, s.assigned_at as assigned_at, s.revision as revision, \
             {} as variant {})",
            dialect.concatenated(&number, "s.variant"),
            self.joined(scope, table)
        )
    }
}

impl Scope {
    /// The values that most units have, and how many have them.
    pub(crate) fn most_frequent(&self, segments: &Segments, most: usize) -> String {
        let table = format!("{}novi_assignments", self.prefix);
        let value = segments.value(self.dialect);
        let inner = segments.joined(self, &table);
        // The condition is that of assignments called `a`.
        let condition = self.condition();
        format!(
            "select a.value as value, count(*) as units from (select {value} as value, s.experiment as experiment, \
             s.assigned_at as assigned_at {inner}) a where {condition} group by a.value order by 2 desc, 1 limit {most}"
        )
    }
}
