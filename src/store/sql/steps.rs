//! From changes to statements, and the rules that the tables enforce on each.

use crate::{
    error::Error,
    rows::{
        ActivationRow, FlagMetadata, FlagRow, LinkRow, MemberRow,
        violation::{RowRef, Violation},
    },
    store::{
        change::Change,
        constraints,
        sql::connection::{Statement, Value},
    },
};

/// The statements. Parameters are used in order, once each.
mod sql {
    pub(super) const SET_STATUS: &str = "update flags set status = ? where name = ?";
    pub(super) const INSERT_FLAG: &str = "insert into flags (id, name, status) values (?, ?, ?)";
    pub(super) const RENAME_FLAG: &str = "update flags set name = ? where id = ?";
    pub(super) const DELETE_FLAG: &str = "delete from flags where id = ?";
    pub(super) const ENSURE_METADATA: &str = "insert into flag_metadata (flag_id) select id from flags where id = ? \
        and not exists (select 1 from flag_metadata known where known.flag_id = flags.id)";
    pub(super) const SET_METADATA: &str = "update flag_metadata set description = ?, owner = ?, expires_at = ?, tags = ?, \
        override_allowed = ?, exposed = ?, fail_mode = ?, variants = ?, value_type = ?, default_variant = ?, off_variant = ?, metadata = ? where flag_id = ?";
    pub(super) const INSERT_ACTIVATION: &str =
        "insert into activations (id, name, class_name, config) values (?, ?, ?, ?)";
    pub(super) const UPDATE_ACTIVATION: &str =
        "update activations set name = ?, class_name = ?, config = ? where id = ?";
    pub(super) const DELETE_ACTIVATION: &str = "delete from activations where id = ?";
    pub(super) const LINK: &str = "insert into flags_activations (flag_id, activation_id) values (?, ?)";
    pub(super) const UNLINK: &str = "delete from flags_activations where flag_id = ? and activation_id = ?";
    pub(super) const INSERT_MEMBER: &str =
        "insert into activation_members (activation_id, member, denied) values (?, ?, ?)";
    pub(super) const DELETE_MEMBER: &str =
        "delete from activation_members where activation_id = ? and member = ?";
}

/// One statement of a change.
pub(super) struct Step {
    pub(super) statement: Statement,
    /// The row, for a violation that the change does not foresee.
    pub(super) row: RowRef,
    /// If no row was changed.
    pub(super) missing: Option<Error>,
    /// If the key exists already.
    pub(super) duplicate: Option<Violation>,
    /// If the row refers to one that does not exist, or is referred to.
    pub(super) reference: Option<Violation>,
    /// Whether the change is made once a row was changed; further steps are for a row that does not exist.
    pub(super) settles: bool,
}

impl Step {
    fn new(sql: &'static str, row: RowRef, values: impl IntoIterator<Item = Value>) -> Self {
        let statement = Statement::new(sql).bind_all(values);
        Self { statement, row, missing: None, duplicate: None, reference: None, settles: false }
    }

    /// The row of the step must exist.
    fn exists(mut self) -> Self {
        self.missing = Some(constraints::missing(self.row.clone()).into());
        self
    }

    fn duplicate(mut self, violation: Violation) -> Self {
        self.duplicate = Some(violation);
        self
    }

    fn reference(mut self, violation: Violation) -> Self {
        self.reference = Some(violation);
        self
    }
}

/// The statements that make a change.
pub(super) fn steps(change: Change) -> Vec<Step> {
    match change {
        Change::SetStatus { flag, status } => {
            let row = RowRef::named("flags", &flag);
            let mut step = Step::new(sql::SET_STATUS, row, [status.into(), flag.as_str().into()]);
            step.missing = Some(Error::FlagNotFound { name: flag, similar: None });
            vec![step]
        }
        Change::InsertFlag(row) => insert_flag(row),
        Change::RenameFlag { id, name } => {
            let (row, duplicate) = (RowRef::flag(id, &name), constraints::duplicate_flag(id, &name));
            let missing = constraints::missing(RowRef::id("flags", id));
            let step = Step::new(sql::RENAME_FLAG, row, [name.into(), id.into()]).duplicate(duplicate);
            vec![Step { missing: Some(missing.into()), ..step }]
        }
        Change::InsertActivation(row) => {
            let subject = RowRef::activation(row.id, &row.name);
            let duplicate = constraints::taken_id(&subject);
            let id = row.id.into();
            vec![
                Step::new(sql::INSERT_ACTIVATION, subject, std::iter::once(id).chain(contents(row)))
                    .duplicate(duplicate),
            ]
        }
        Change::UpdateActivation(row) => {
            let subject = RowRef::activation(row.id, &row.name);
            let missing = constraints::missing(RowRef::id("activations", row.id));
            let id = row.id.into();
            let values = contents(row).into_iter().chain([id]);
            vec![Step { missing: Some(missing.into()), ..Step::new(sql::UPDATE_ACTIVATION, subject, values) }]
        }
        Change::Link(link) => ends(link).map_or_else(Vec::new, |(flag, activation)| {
            let row = RowRef::link(flag, activation);
            vec![
                Step::new(sql::LINK, row, [flag.into(), activation.into()])
                    .duplicate(constraints::duplicate_link(flag, activation))
                    .reference(constraints::missing_end(flag, activation)),
            ]
        }),
        Change::Unlink(link) => ends(link).map_or_else(Vec::new, |(flag, activation)| {
            let row = RowRef::link(flag, activation);
            let missing = constraints::missing_link(flag, activation).into();
            let step = Step::new(sql::UNLINK, row, [flag.into(), activation.into()]);
            vec![Step { missing: Some(missing), ..step }]
        }),
        Change::SetMetadata { flag_id, metadata } => set_metadata(flag_id, *metadata),
        Change::DeleteFlag { id } => {
            vec![Step::new(sql::DELETE_FLAG, RowRef::id("flags", id), [id.into()]).exists()]
        }
        Change::DeleteActivation { id } => vec![
            Step::new(sql::DELETE_ACTIVATION, RowRef::id("activations", id), [id.into()])
                .exists()
                .reference(constraints::activation_in_use(id, &[])),
        ],
        Change::InsertMember(row) => vec![insert_member(row)],
        Change::DeleteMember { activation_id: id, member } => {
            let row = RowRef::member(id, &member);
            vec![Step::new(sql::DELETE_MEMBER, row, [id.into(), member.into()]).exists()]
        }
    }
}

/// Both ends of a link; [`constraints::check`] has rejected a link without one.
fn ends(link: LinkRow) -> Option<(i64, i64)> {
    Some((link.flag_id?, link.activation_id?))
}

fn insert_member(row: MemberRow) -> Step {
    let MemberRow { activation_id: id, member, denied, .. } = row;
    let (subject, duplicate) = (RowRef::member(id, &member), constraints::duplicate_member(id, &member));
    Step::new(sql::INSERT_MEMBER, subject, [id.into(), member.into(), denied.into()])
        .duplicate(duplicate)
        .reference(constraints::missing_activation(id))
}

fn contents(row: ActivationRow) -> [Value; 3] {
    [row.name.into(), row.class_name.into(), row.config.into()]
}

fn insert_flag(row: FlagRow) -> Vec<Step> {
    let subject = RowRef::flag(row.id, &row.name);
    let duplicate = constraints::duplicate_flag(row.id, &row.name);
    let values = [row.id.into(), row.name.into(), row.status.into()];
    let mut steps = vec![Step::new(sql::INSERT_FLAG, subject, values).duplicate(duplicate)];
    steps.extend(set_metadata(row.id, row.metadata));
    steps
}

fn set_metadata(flag_id: i64, metadata: FlagMetadata) -> Vec<Step> {
    let row = RowRef::id("flags", flag_id);
    // An array of strings always is JSON.
    let tags = (!metadata.tags.is_empty()).then(|| serde_json::Value::from(metadata.tags).to_string());
    let values: [Value; 13] = [
        metadata.description.into(),
        metadata.owner.into(),
        metadata.expires_at.into(),
        tags.into(),
        metadata.override_allowed.into(),
        metadata.exposed.into(),
        metadata.fail_mode.as_str().into(),
        metadata.variants.into(),
        metadata.value_type.map(|kind| kind.as_str().to_owned()).into(),
        metadata.default_variant.into(),
        metadata.off_variant.into(),
        metadata.metadata.into(),
        flag_id.into(),
    ];
    // The row exists unless somebody has deleted it. To look for it first would lock it for reading on MySQL,
    // and of two writers who have looked neither could write.
    let update = || Step::new(sql::SET_METADATA, row.clone(), values.clone());
    vec![
        Step { settles: true, ..update() },
        Step::new(sql::ENSURE_METADATA, row.clone(), [flag_id.into()]),
        update().exists(),
    ]
}
