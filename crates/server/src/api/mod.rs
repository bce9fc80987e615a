//! Management: everything below `/api`.
//!
//! What is read of the present comes from the snapshot, so that it answers while the database does not. What is written goes
//! through [`perform`]: worked out by the snapshot's rows, written if they still are so, and told when this server answers by it.

mod activations;
mod draft;
mod edits;
mod evaluate;
mod fields;
mod flags;
mod history;
mod issues;
mod members;
mod moment;
mod operation;
mod page;
mod params;
mod perform;
pub(crate) mod problem;
mod refusal;
mod rollback;
mod row;
mod sent;
mod stale;
mod status;
mod types;
mod view;
mod whole;

use crate::{
    access::{
        Access::Needs,
        Role::{Admin, Server},
    },
    endpoint::{Endpoint, delete, get, patch, post, put},
    explain,
    extract::FlagName,
};
use params::Id;

/// What is served below `/api`.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        get("/api/flags", Needs(Admin), "Flags with their metadata, by filters", flags::list),
        post("/api/flags", Needs(Admin), "Makes a flag", flags::create),
        get("/api/flags/{id}", Needs(Admin), "A flag, by its id", flags::one::<Id>),
        patch("/api/flags/{id}", Needs(Admin), "Sets fields of a flag", flags::update::<Id>),
        delete("/api/flags/{id}", Needs(Admin), "Removes a flag", flags::delete::<Id>),
        get("/api/flags/named/{*name}", Needs(Admin), "A flag, by its name", flags::one::<FlagName>),
        patch("/api/flags/named/{*name}", Needs(Admin), "Sets fields of a flag", flags::update::<FlagName>),
        delete("/api/flags/named/{*name}", Needs(Admin), "Removes a flag", flags::delete::<FlagName>),
        put("/api/flags/{id}/activations/{activation_id}", Needs(Admin), "Links a flag", flags::link),
        delete("/api/flags/{id}/activations/{activation_id}", Needs(Admin), "Ends a link", flags::unlink),
        get(
            "/api/activations",
            Needs(Admin),
            "Activations with their configs, by filters",
            activations::list,
        ),
        post("/api/activations", Needs(Admin), "Makes an activation", activations::create),
        get("/api/activations/{id}", Needs(Admin), "An activation", activations::one),
        patch("/api/activations/{id}", Needs(Admin), "Sets fields of an activation", activations::update),
        delete("/api/activations/{id}", Needs(Admin), "Removes an activation", activations::delete),
        get("/api/activations/{id}/members", Needs(Admin), "The members of an activation", members::list),
        post("/api/activations/{id}/members", Needs(Admin), "Adds and removes members", members::change),
        delete("/api/activations/{id}/members", Needs(Admin), "Removes a member", members::delete),
        post("/api/edits", Needs(Admin), "Makes several changes, all or none", edits::edit),
        get("/api/history", Needs(Admin), "What has changed, the newest first", history::list),
        get("/api/diff", Needs(Admin), "What differs between two moments", history::diff),
        post("/api/rollback", Needs(Admin), "Goes back to a past moment", rollback::rollback),
        get("/api/issues", Needs(Admin), "The rows that do not compile", issues::list),
        get("/api/stale", Needs(Admin), "Flags that nobody needs any more", stale::list),
        get("/api/types", Needs(Server), "The activation types, with their schemas", types::list),
        get("/api/status", Needs(Server), "What this server answers from, and how it is", status::status),
        post(
            "/api/evaluate/{*name}",
            Needs(Server),
            "What a flag answers, also in the past",
            evaluate::evaluate,
        ),
        post("/api/explain/{*name}", Needs(Server), "Why a flag answers as it does", explain::explain),
    ]
}
