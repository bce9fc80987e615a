//! The systems whose tables can be followed.

use crate::{django_waffle, flipper, table::TableSpec, togglz};

/// A system whose tables can be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// The tables of Flipper's adapters.
    Flipper,
    /// The tables of django-waffle.
    Waffle,
    /// The table of Togglz.
    Togglz,
}

impl Followed {
    /// All systems.
    pub const ALL: [Self; 3] = [Self::Flipper, Self::Waffle, Self::Togglz];

    /// The name in names of tables and on the command line.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Flipper => "flipper",
            Self::Waffle => "waffle",
            Self::Togglz => "togglz",
        }
    }

    /// The name in texts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flipper => "Flipper",
            Self::Waffle => "django-waffle",
            Self::Togglz => "Togglz",
        }
    }

    /// The tables of the system.
    #[must_use]
    pub const fn tables(self) -> &'static [TableSpec] {
        match self {
            Self::Flipper => &flipper::TABLES,
            Self::Waffle => &django_waffle::TABLES,
            Self::Togglz => &togglz::TABLES,
        }
    }

    /// The table of features that are followed.
    #[must_use]
    pub fn followed(self) -> TableSpec {
        let name = match self {
            Self::Flipper => "legacy_flipper_follow",
            Self::Waffle => "legacy_waffle_follow",
            Self::Togglz => "legacy_togglz_follow",
        };
        TableSpec::optional(name, &["feature", "problem", "is_foreign"])
    }

    /// The view of all features, which the triggers read.
    #[must_use]
    pub fn found(self) -> TableSpec {
        let name = match self {
            Self::Flipper => "legacy_flipper",
            Self::Waffle => "legacy_waffle",
            Self::Togglz => "legacy_togglz",
        };
        TableSpec::required(name, &["feature", "problem"])
    }

    /// The table of what the triggers were created for.
    #[must_use]
    pub fn settings(self) -> TableSpec {
        let name = match self {
            Self::Flipper => "legacy_flipper_options",
            Self::Waffle => "legacy_waffle_options",
            Self::Togglz => "legacy_togglz_options",
        };
        TableSpec::optional(name, &["name", "value"])
    }

    /// What an import calls the lists and the conditions of a flag.
    pub(super) const fn activations(self) -> (&'static str, &'static str) {
        match self {
            Self::Flipper => ("actors", "gates"),
            Self::Waffle => ("users", "conditions"),
            Self::Togglz => ("users", "strategy"),
        }
    }

    /// For each table, a query for the features that a row of it is about.
    pub(super) const fn queries(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Flipper => &[
                ("flipper_features", "select {{row}}.{{q}}key{{q}}"),
                ("flipper_gates", "select {{row}}.feature_key"),
            ],
            Self::Waffle => &[
                ("waffle_flag", "select {{row}}.name"),
                ("waffle_flag_users", "select name from {{waffle_flag}} where id = {{row}}.flag_id"),
                ("waffle_flag_groups", "select name from {{waffle_flag}} where id = {{row}}.flag_id"),
                ("waffle_switch", "select {{row}}.name"),
                ("waffle_sample", "select {{row}}.name"),
                (
                    "auth_group",
                    "select f.name from {{waffle_flag}} f join {{waffle_flag_groups}} l on l.flag_id = f.id \
                     where l.group_id = {{row}}.id",
                ),
            ],
            Self::Togglz => &[("TOGGLZ", "select {{row}}.feature_name")],
        }
    }
}
