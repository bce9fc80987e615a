//! From changes to statements: what is asked of a database, and what is said when it refuses.

use chrono::{DateTime, Utc};

use crate::{
    error::Error,
    rows::{ActivationRow, FlagMetadata, FlagRow, LinkRow, MemberRow},
    store::{Change, constraints as refusal},
};

/// The reading statements that differ between databases.
pub(in crate::store) struct Queries {
    /// The revision.
    pub(in crate::store) revision: &'static str,
    /// `slot, revision`
    pub(in crate::store) cursor: &'static str,
    /// `slot, revision, entity, entity_id, operation, before, after` of the records of a slot above one revision and up to
    /// another, at most so many; rows before and after where it is an update.
    pub(in crate::store) touched: &'static str,
    /// What stands for the first parameter.
    pub(in crate::store) placeholder: &'static str,
    /// The tables have the names `f`, `a`, `l` and `m` in what follows; each is to be followed by a condition or an order.
    ///
    /// `id, name, status`, then `flag_id` of the metadata (null where there is none) and its other columns.
    pub(in crate::store) flags: &'static str,
    /// `id, name, class_name, config`
    pub(in crate::store) activations: &'static str,
    /// `flag_id, activation_id`
    pub(in crate::store) links: &'static str,
    /// `activation_id, member, denied`
    pub(in crate::store) members: &'static str,
    /// How many tables have the given name where novi's tables are made.
    pub(in crate::store) has_table: &'static str,
}

/// The writing statements, which differ in their placeholders only.
pub(in crate::store) struct Statements {
    pub(in crate::store) set_status: &'static str,
    pub(in crate::store) insert_flag: &'static str,
    pub(in crate::store) rename_flag: &'static str,
    pub(in crate::store) insert_activation: &'static str,
    pub(in crate::store) update_activation: &'static str,
    pub(in crate::store) link: &'static str,
    pub(in crate::store) unlink: &'static str,
    pub(in crate::store) ensure_metadata: &'static str,
    pub(in crate::store) set_metadata: &'static str,
    pub(in crate::store) delete_flag: &'static str,
    pub(in crate::store) delete_activation: &'static str,
    pub(in crate::store) insert_member: &'static str,
    pub(in crate::store) delete_member: &'static str,
}

/// Makes the [`Statements`] of a database from its ten placeholders. Parameters are used in order, once each.
macro_rules! statements {
    ($p1:literal $p2:literal $p3:literal $p4:literal $p5:literal $p6:literal $p7:literal $p8:literal $p9:literal $p10:literal) => {
        $crate::store::sql::Statements {
            set_status: concat!("update flags set status = ", $p1, " where name = ", $p2),
            insert_flag: concat!(
                "insert into flags (id, name, status) values (",
                $p1,
                ", ",
                $p2,
                ", ",
                $p3,
                ")"
            ),
            rename_flag: concat!("update flags set name = ", $p1, " where id = ", $p2),
            insert_activation: concat!(
                "insert into activations (id, name, class_name, config) values (",
                $p1,
                ", ",
                $p2,
                ", ",
                $p3,
                ", ",
                $p4,
                ")"
            ),
            update_activation: concat!(
                "update activations set name = ",
                $p1,
                ", class_name = ",
                $p2,
                ", config = ",
                $p3,
                " where id = ",
                $p4
            ),
            link: concat!(
                "insert into flags_activations (flag_id, activation_id) values (",
                $p1,
                ", ",
                $p2,
                ")"
            ),
            unlink: concat!(
                "delete from flags_activations where flag_id = ",
                $p1,
                " and activation_id = ",
                $p2
            ),
            ensure_metadata: concat!(
                "insert into flag_metadata (flag_id) select id from flags where id = ",
                $p1,
                " and not exists (select 1 from flag_metadata known where known.flag_id = flags.id)"
            ),
            set_metadata: concat!(
                "update flag_metadata set description = ",
                $p1,
                ", owner = ",
                $p2,
                ", expires_at = ",
                $p3,
                ", tags = ",
                $p4,
                ", override_allowed = ",
                $p5,
                ", exposed = ",
                $p6,
                ", fail_mode = ",
                $p7,
                ", variants = ",
                $p8,
                ", default_variant = ",
                $p9,
                " where flag_id = ",
                $p10
            ),
            delete_flag: concat!("delete from flags where id = ", $p1),
            delete_activation: concat!("delete from activations where id = ", $p1),
            insert_member: concat!(
                "insert into activation_members (activation_id, member, denied) values (",
                $p1,
                ", ",
                $p2,
                ", ",
                $p3,
                ")"
            ),
            delete_member: concat!(
                "delete from activation_members where activation_id = ",
                $p1,
                " and member = ",
                $p2
            ),
        }
    };
}
pub(in crate::store) use statements;

/// A parameter.
#[derive(Clone, Debug)]
pub(in crate::store) enum Value {
    Integer(i64),
    Boolean(bool),
    Text(Option<String>),
    Time(Option<DateTime<Utc>>),
}

/// One statement of a change.
pub(in crate::store) struct Step {
    pub(in crate::store) sql: &'static str,
    pub(in crate::store) values: Vec<Value>,
    /// The row, for a refusal that no other sentence fits.
    pub(in crate::store) what: String,
    /// When no row was there to change.
    pub(in crate::store) missing: Option<Error>,
    /// When the row is there already.
    pub(in crate::store) taken: Option<String>,
    /// When the row refers to none, or is referred to.
    pub(in crate::store) reference: Option<String>,
    /// Whether the change is made when a row was there; the further steps are for where there was none.
    pub(in crate::store) settles: bool,
}

impl Step {
    fn new(sql: &'static str, what: String, values: Vec<Value>) -> Self {
        Self { sql, values, what, missing: None, taken: None, reference: None, settles: false }
    }

    fn missing(mut self, sentence: String) -> Self {
        self.missing = Some(Error::Refused(sentence));
        self
    }

    fn taken(mut self, sentence: String) -> Self {
        self.taken = Some(sentence);
        self
    }

    fn reference(mut self, sentence: String) -> Self {
        self.reference = Some(sentence);
        self
    }
}

/// The statements that make a change.
pub(in crate::store) fn steps(change: Change, sql: &Statements) -> Vec<Step> {
    match change {
        Change::SetStatus { flag, status } => {
            let values = vec![Value::Boolean(status), Value::Text(Some(flag.clone()))];
            let mut step = Step::new(sql.set_status, format!("flag {flag:?}"), values);
            step.missing = Some(Error::FlagNotFound { name: flag, similar: None });
            vec![step]
        }
        Change::InsertFlag(row) => insert_flag(row, sql),
        Change::RenameFlag { id, name } => {
            let (what, taken) = (refusal::flag(id, &name), refusal::flag_taken(id, &name));
            let step = Step::new(sql.rename_flag, what, vec![Value::Text(Some(name)), Value::Integer(id)]);
            vec![step.taken(taken).missing(refusal::no_such_row("flags", id))]
        }
        Change::InsertActivation(row) => {
            let (what, taken) =
                (refusal::activation(row.id, &row.name), refusal::activation_taken(row.id, &row.name));
            let mut values = vec![Value::Integer(row.id)];
            values.extend(contents(row));
            vec![Step::new(sql.insert_activation, what, values).taken(taken)]
        }
        Change::UpdateActivation(row) => {
            let (id, what) = (row.id, refusal::activation(row.id, &row.name));
            let mut values = Vec::from(contents(row));
            values.push(Value::Integer(id));
            vec![
                Step::new(sql.update_activation, what, values)
                    .missing(refusal::no_such_row("activations", id)),
            ]
        }
        Change::Link(link) | Change::Unlink(link)
            if link.flag_id.is_none() || link.activation_id.is_none() =>
        {
            // `refusal::check` has refused it.
            Vec::new()
        }
        Change::Link(link) => {
            let (flag, activation, values) = ends(link);
            vec![
                Step::new(sql.link, refusal::link(flag, activation), values)
                    .taken(refusal::link_taken(flag, activation))
                    .reference(refusal::link_ends(flag, activation)),
            ]
        }
        Change::Unlink(link) => {
            let (flag, activation, values) = ends(link);
            vec![
                Step::new(sql.unlink, refusal::link(flag, activation), values)
                    .missing(refusal::no_such_link(flag, activation)),
            ]
        }
        Change::SetMetadata { flag_id, metadata } => set_metadata(flag_id, *metadata, sql),
        Change::DeleteFlag { id } => vec![
            Step::new(sql.delete_flag, format!("flags#{id}"), vec![Value::Integer(id)])
                .missing(refusal::no_such_row("flags", id)),
        ],
        Change::DeleteActivation { id } => vec![
            Step::new(sql.delete_activation, format!("activations#{id}"), vec![Value::Integer(id)])
                .missing(refusal::no_such_row("activations", id))
                .reference(refusal::activation_in_use(id)),
        ],
        Change::InsertMember(row) => vec![insert_member(row, sql)],
        Change::DeleteMember { activation_id, member } => vec![delete_member(activation_id, member, sql)],
    }
}

/// Both ends, which are there, and the same as parameters.
fn ends(link: LinkRow) -> (i64, i64, Vec<Value>) {
    let (flag, activation) = (link.flag_id.unwrap_or_default(), link.activation_id.unwrap_or_default());
    (flag, activation, vec![Value::Integer(flag), Value::Integer(activation)])
}

fn insert_member(row: MemberRow, sql: &Statements) -> Step {
    let MemberRow { activation_id: id, member, denied, .. } = row;
    let (what, taken) = (refusal::member(id, &member), refusal::member_taken(id, &member));
    let values = vec![Value::Integer(id), Value::Text(Some(member)), Value::Boolean(denied)];
    Step::new(sql.insert_member, what, values).taken(taken).reference(refusal::no_such_row("activations", id))
}

fn delete_member(id: i64, member: String, sql: &Statements) -> Step {
    let (what, missing) = (refusal::member(id, &member), refusal::no_such_member(id, &member));
    let values = vec![Value::Integer(id), Value::Text(Some(member))];
    Step::new(sql.delete_member, what, values).missing(missing)
}

fn contents(row: ActivationRow) -> [Value; 3] {
    [Value::Text(Some(row.name)), Value::Text(Some(row.class_name)), Value::Text(row.config)]
}

fn insert_flag(row: FlagRow, sql: &Statements) -> Vec<Step> {
    let (what, taken) = (refusal::flag(row.id, &row.name), refusal::flag_taken(row.id, &row.name));
    let values = vec![Value::Integer(row.id), Value::Text(Some(row.name)), Value::Boolean(row.status)];
    let mut steps = vec![Step::new(sql.insert_flag, what, values).taken(taken)];
    steps.extend(set_metadata(row.id, row.metadata, sql));
    steps
}

fn set_metadata(flag_id: i64, metadata: FlagMetadata, sql: &Statements) -> Vec<Step> {
    let what = format!("flags#{flag_id}");
    // An array of texts always is JSON.
    let tags = (!metadata.tags.is_empty()).then(|| serde_json::Value::from(metadata.tags).to_string());
    let values = vec![
        Value::Text(metadata.description),
        Value::Text(metadata.owner),
        Value::Time(metadata.expires_at),
        Value::Text(tags),
        Value::Boolean(metadata.override_allowed),
        Value::Boolean(metadata.exposed),
        Value::Text(Some(metadata.fail_mode.as_str().to_owned())),
        Value::Text(metadata.variants),
        Value::Text(metadata.default_variant),
        Value::Integer(flag_id),
    ];
    // The row is there unless somebody has deleted it. To look for it first would lock it for reading on MySQL, and of two
    // writers who have looked neither could write.
    let update = || Step::new(sql.set_metadata, what.clone(), values.clone());
    vec![
        Step { settles: true, ..update() },
        Step::new(sql.ensure_metadata, what.clone(), vec![Value::Integer(flag_id)]),
        update().missing(refusal::no_such_row("flags", flag_id)),
    ]
}
