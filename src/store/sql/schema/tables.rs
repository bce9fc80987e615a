//! The tables.

use crate::store::sql::schema::{Column, Group, Role, Table};

type Types = [&'static str; 3];

const ID: Types = ["integer", "bigint", "bigint"];
const SMALL: Types = ["integer", "smallint", "smallint"];
const NAME: Types = ["varchar(255)", "text", "varchar(255)"];
const SHORT: Types = ["text", "text", "varchar(255)"];
const TEXT: Types = ["text", "text", "text"];
const LONG: Types = ["text", "text", "longtext"];
const BOOLEAN: Types = ["boolean", "boolean", "boolean"];
const TIME: Types = ["text", "timestamptz", "datetime(6)"];

const fn column(
    name: &'static str,
    types: Types,
    role: Role,
    is_nullable: bool,
    description: &'static str,
) -> Column {
    Column { name, types, is_nullable, role, description }
}

const fn key(name: &'static str, types: Types, description: &'static str) -> Column {
    column(name, types, Role::Key, false, description)
}

const fn value(name: &'static str, types: Types, description: &'static str) -> Column {
    column(name, types, Role::Value, false, description)
}

/// A value that may be null.
const fn option(name: &'static str, types: Types, description: &'static str) -> Column {
    column(name, types, Role::Value, true, description)
}

const fn kept(name: &'static str, types: Types, description: &'static str) -> Column {
    column(name, types, Role::Kept, false, description)
}

const fn kept_option(name: &'static str, types: Types, description: &'static str) -> Column {
    column(name, types, Role::Kept, true, description)
}

pub(in crate::store::sql) const TABLES: &[Table] = &[
    Table {
        name: "flags",
        group: Group::Core,
        description: "The flags",
        columns: &[
            key("id", ID, "1 or more; chosen by the database if left out"),
            value("name", NAME, "What code calls the flag; unique, at most 255 characters"),
            value("status", BOOLEAN, "The kill switch: a flag with status false is off for everybody"),
        ],
    },
    Table {
        name: "activations",
        group: Group::Core,
        description: "The conditions under which flags are on",
        columns: &[
            key("id", ID, "1 or more; chosen by the database if left out"),
            value("name", NAME, "What people call the activation; need not be unique"),
            value("class_name", NAME, "The activation type, such as novi.percentage; see `novi types`"),
            option("config", LONG, "The settings of the type, as JSON text"),
        ],
    },
    Table {
        name: "flags_activations",
        group: Group::Core,
        description: "Which activations a flag has: all of them must be on; a flag without any is on",
        columns: &[
            value("flag_id", ID, "flags.id; the link is deleted with the flag"),
            value("activation_id", ID, "activations.id; an activation with links cannot be deleted"),
        ],
    },
    Table {
        name: "flag_metadata",
        group: Group::Editable,
        description: "More about each flag; a trigger adds the row of a new flag, and deletes it with the flag",
        columns: &[
            key("flag_id", ID, "flags.id"),
            option("description", TEXT, "What the flag is for"),
            option("owner", TEXT, "The person or team to ask"),
            option("expires_at", TIME, "When the flag should be removed; see the expired setting"),
            option("tags", TEXT, r#"A JSON array of strings, such as ["beta"]"#),
            value(
                "override_allowed",
                BOOLEAN,
                "Whether requests and tools may override the flag; default true",
            ),
            value("exposed", BOOLEAN, "Whether client tokens may see and evaluate the flag; default false"),
            value(
                "fail_mode",
                ["varchar(20)", "text", "varchar(20)"],
                "What a broken flag is: off (default), on, or last_known",
            ),
            option(
                "variants",
                LONG,
                r#"The values of the variants, as a JSON object: {"blue": 1, "red": 2}"#,
            ),
            option(
                "value_type",
                ["varchar(20)", "text", "varchar(20)"],
                "The type of the values: boolean, string, integer, number, object or any",
            ),
            option("default_variant", SHORT, "The variant of a flag that is on without choosing one"),
            option("off_variant", SHORT, "The variant, and thus the value, while the status is off"),
            option(
                "metadata",
                LONG,
                r#"What clients get with each decision: a flat JSON object, such as {"team": "shop"}"#,
            ),
            column(
                "row_version",
                ID,
                Role::Recorded,
                false,
                "Rises with each change of the flag or its links",
            ),
            column("created_at", TIME, Role::Recorded, true, "When the flag was added"),
            kept_option("updated_at", TIME, "When the flag or its links last changed"),
        ],
    },
    Table {
        name: "activation_members",
        group: Group::Editable,
        description: "The members of lists (novi.members), beside the list in the config of their activation",
        columns: &[
            value("activation_id", ID, "activations.id; members are deleted with their activation"),
            value("member", NAME, "The value that is compared, byte by byte; at most 255 characters"),
            value("denied", BOOLEAN, "Whether the member is denied rather than allowed; default false"),
        ],
    },
    Table {
        name: "activation_metadata",
        group: Group::Bookkeeping,
        description: "Versions of activations; a trigger adds the row of a new activation",
        columns: &[
            key("activation_id", ID, "activations.id"),
            kept("row_version", ID, "Rises with each change of the activation or its members"),
            kept_option("created_at", TIME, "When the activation was added"),
            kept_option("updated_at", TIME, "When the activation or its members last changed"),
        ],
    },
    Table {
        name: "flag_history",
        group: Group::Kept,
        description: "A record of each change of a row, written by triggers; prune it with `novi history --prune`",
        columns: &[
            key("id", ID, "In the order of writing"),
            kept("slot", SMALL, "The counter in novi_revision that was raised"),
            kept_option("revision", ID, "The number of the slot that has the change"),
            kept("changed_at", TIME, "When; on PostgreSQL, when the transaction committed"),
            kept_option("actor", SHORT, "Who, as the session named itself, else the database user"),
            kept("entity", ["text", "text", "varchar(64)"], "The table"),
            kept_option("entity_id", ID, "The id of the flag or activation"),
            kept_option("other_id", ID, "Of a link: the id of the activation"),
            kept("operation", ["text", "text", "varchar(16)"], "insert, update or delete"),
            kept_option("before", LONG, "The row before, as JSON"),
            kept_option("after", LONG, "The row after, as JSON"),
            kept_option("reason", TEXT, "Why, if the session gave a reason"),
            kept_option("follows", ID, "The stamp that the slot had before"),
        ],
    },
    Table {
        name: "novi_revision",
        group: Group::Kept,
        description: "The revision of the rows: the sum of these counters, of which MySQL has 64 and the others one",
        columns: &[
            key("slot", SMALL, "The number of the counter"),
            kept("revision", ID, "Rises with each change"),
            column("changed_at", TIME, Role::Kept, true, "When the rows last changed"),
            kept(
                "stamp",
                ID,
                "Drawn at random with each change: differs between two databases at one revision",
            ),
        ],
    },
    Table {
        name: "novi_usage",
        group: Group::Bookkeeping,
        description: "When flags were last evaluated, for `novi stale`; may be emptied",
        columns: &[
            kept("flag", SHORT, "The name of the flag"),
            kept("first_seen", TIME, "When an evaluation was first recorded"),
            kept("last_evaluated", TIME, "When it was last evaluated, in any process"),
            kept_option("last_on", TIME, "When it was last on"),
            kept_option("last_off", TIME, "When it was last off"),
            kept("evaluations", ID, "How often it was evaluated"),
        ],
    },
    Table {
        name: "novi_usage_since",
        group: Group::Bookkeeping,
        description: "Since when usage is recorded",
        columns: &[key("id", SMALL, "Always 1"), kept("since", TIME, "When the table was made")],
    },
    Table {
        name: "novi_evaluations",
        group: Group::Bookkeeping,
        description: "Evaluations of flags by hour and result; old hours are deleted; may be emptied",
        columns: &[
            kept("flag", SHORT, "The name of the flag"),
            kept("hour", TIME, "The start of the hour"),
            kept("enabled", BOOLEAN, "Whether the flag was on"),
            kept("variant", SHORT, "The variant; empty without one, and for a flag that was off"),
            kept("evaluations", ID, "How often the flag was evaluated to this result, in all processes"),
        ],
    },
    Table {
        name: "novi_assignments",
        group: Group::Kept,
        description: "Which variant each unit of an experiment had first; `novi assignments forget` deletes them",
        columns: &[
            key("id", ID, "In the order of writing"),
            kept("experiment", SHORT, "The experiment, usually named as its flag; empty for a mark of novi"),
            kept("unit", SHORT, "Whom the draw was for, such as the targeting key"),
            kept("variant", SHORT, "The variant; on or off for a flag without variants"),
            kept("revision", ID, "The revision of the flags that assigned it"),
            kept("assigned_at", TIME, "When the unit was first exposed"),
        ],
    },
    Table {
        name: "novi_tokens",
        group: Group::Kept,
        description: "API tokens; use `novi token`, since a secret is shown only once and never stored",
        columns: &[
            value("id", ID, "Chosen by the database"),
            value(
                "name",
                SHORT,
                "What people call the token; unique among tokens that are neither revoked nor replaced",
            ),
            value("role", ["text", "text", "varchar(20)"], "client, server or admin"),
            option("subject", SHORT, "The only user that the token may evaluate for"),
            value("hash", ["text", "text", "char(64)"], "The SHA-256 of the secret, in hexadecimal digits"),
            kept("created_at", TIME, "When the token was created"),
            kept_option("created_by", SHORT, "Who created it"),
            option("expires_at", TIME, "When it expires"),
            option("revoked_at", TIME, "When it was revoked"),
            option("replaced_at", TIME, "When another token took its name; it works until expires_at"),
            kept_option("last_used_at", TIME, "When it was last used, to a minute"),
        ],
    },
    Table {
        name: "novi_token_changes",
        group: Group::Bookkeeping,
        description: "Whether novi_tokens has changed",
        columns: &[
            key("id", SMALL, "Always 1"),
            kept("changes", ID, "Drawn at random with each change; 0 before the first"),
        ],
    },
];
