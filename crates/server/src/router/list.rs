//! The list of all endpoints. The router adds `/openapi.json`, which describes the list.

use novi::store::token::Role::{Admin, Server};

use crate::{
    app::extract::FlagName,
    auth::access::Access::{self, Optional, Public, Requires},
    endpoints::{evaluated_flags, features, flags, health, metrics},
    manage::{self, request::params::Id},
    ofrep,
    router::{
        endpoint::{Endpoint, delete, get, patch, post, put},
        large::Large::{Comparison, Evaluation, Impact},
    },
};

/// All endpoints.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    let mut endpoints = evaluation();
    endpoints.extend(management());
    endpoints.extend(experiments());
    endpoints.extend(reports());
    endpoints
}

/// The endpoints that only read.
fn evaluation() -> Vec<Endpoint> {
    use ofrep::evaluate::{ACCESS, PATH, SINGLE_PATH};
    vec![
        get("/flags", Requires(Server), "List flags as rows, by id", flags::list).large(Evaluation),
        get("/flags/{*name}", Requires(Server), "Get a flag as a row", flags::one),
        post(
            "/evaluatedFlags",
            Requires(Server),
            "Evaluate all flags; `status` is the decision",
            evaluated_flags::list,
        )
        .large(Evaluation),
        post(
            "/evaluatedFlags/{*name}",
            Requires(Server),
            "Evaluate a flag; `status` is the decision",
            evaluated_flags::one,
        ),
        get("/features", Optional, "List the names of the flags that are on for the caller", features::list)
            .large(Evaluation),
        post(PATH, ACCESS, "Evaluate all flags (OFREP)", ofrep::routes::bulk).without_middleware(),
        post(SINGLE_PATH, ACCESS, "Evaluate a flag (OFREP)", ofrep::routes::single).without_middleware(),
        get(
            ofrep::events::PATH,
            Public,
            "Stream events when flags may evaluate differently; the URL is a secret",
            ofrep::events::events,
        ),
        get("/health/live", Public, "Whether the process responds", health::live),
        get("/health/ready", Public, "Whether to send requests to this server", health::ready),
        get("/metrics", Access::Metrics, "Metrics of this server, for Prometheus", metrics::metrics),
    ]
}

/// The endpoints below `/api` of flags and activations.
fn management() -> Vec<Endpoint> {
    use manage::{activations, edits, evaluations, flags, members};
    vec![
        get("/api/flags", Requires(Server), "List flags with their metadata", flags::list),
        post("/api/flags", Requires(Admin), "Create a flag", flags::create),
        get("/api/flags/{id}", Requires(Server), "Get a flag by id", flags::one::<Id>),
        patch("/api/flags/{id}", Requires(Admin), "Update a flag", flags::update::<Id>),
        delete("/api/flags/{id}", Requires(Admin), "Delete a flag", flags::delete::<Id>),
        get(
            "/api/flags/{id}/evaluations",
            Requires(Server),
            "Get how often a flag was evaluated, by hour and result",
            evaluations::one,
        ),
        get("/api/flags/named/{*name}", Requires(Server), "Get a flag by name", flags::one::<FlagName>),
        patch("/api/flags/named/{*name}", Requires(Admin), "Update a flag", flags::update::<FlagName>),
        delete("/api/flags/named/{*name}", Requires(Admin), "Delete a flag", flags::delete::<FlagName>),
        put(
            "/api/flags/{id}/activations/{activation_id}",
            Requires(Admin),
            "Link a flag to an activation",
            flags::link,
        ),
        delete(
            "/api/flags/{id}/activations/{activation_id}",
            Requires(Admin),
            "Unlink a flag from an activation",
            flags::unlink,
        ),
        get("/api/activations", Requires(Server), "List activations with their configs", activations::list),
        post("/api/activations", Requires(Admin), "Create an activation", activations::create),
        get("/api/activations/{id}", Requires(Server), "Get an activation", activations::one),
        patch("/api/activations/{id}", Requires(Admin), "Update an activation", activations::update),
        delete("/api/activations/{id}", Requires(Admin), "Delete an activation", activations::delete),
        get("/api/activations/{id}/members", Requires(Admin), "List members", members::list),
        post("/api/activations/{id}/members", Requires(Admin), "Add and remove members", members::change),
        delete("/api/activations/{id}/members", Requires(Admin), "Remove a member", members::delete),
        post("/api/edits", Requires(Admin), "Make several changes, all or none", edits::edit),
    ]
}

/// Experiments as rows.
fn experiments() -> Vec<Endpoint> {
    use manage::experiments::{change, list, metrics};
    vec![
        get("/api/experiments", Requires(Server), "List experiments, newest first", list::list),
        post("/api/experiments", Requires(Admin), "Create an experiment, as a draft", change::create),
        post("/api/experiments/{name}/start", Requires(Admin), "Start an experiment", change::start),
        post(
            "/api/experiments/{name}/stop",
            Requires(Admin),
            "Stop an experiment: all callers get the control",
            change::stop,
        ),
        post(
            "/api/experiments/{name}/decide",
            Requires(Admin),
            "End an experiment: a variant for all, or off",
            change::decide,
        ),
        get("/api/metrics", Requires(Admin), "List the metrics of experiments, by name", metrics::list),
    ]
}

/// The other endpoints below `/api`.
fn reports() -> Vec<Endpoint> {
    use manage::{
        audience, caller, contexts, evaluate, evaluations, experiments, explain, history, impact, issues,
        lint, rollback, stale, status, timeline, tokens, types,
    };
    vec![
        post(
            "/api/impact",
            Requires(Admin),
            "Whom changes would affect, without making them",
            impact::impact,
        )
        .large(Impact),
        post(
            "/api/audience",
            Requires(Admin),
            "Who has a flag, among the users of a database",
            audience::audience,
        )
        .large(Comparison),
        get(
            "/api/experiments/{name}",
            Requires(Admin),
            "Compare the variants of an experiment",
            experiments::report::report,
        )
        .large(Comparison),
        get("/api/audience", Requires(Admin), "List saved queries that select users", audience::list),
        get("/api/contexts", Requires(Admin), "List contexts of recent evaluations", contexts::list),
        get("/api/history", Requires(Server), "List changes, newest first", history::list),
        get("/api/diff", Requires(Server), "List differences between two revisions", history::diff)
            .large(Comparison),
        post("/api/rollback", Requires(Admin), "Roll back to an earlier revision", rollback::rollback)
            .large(Comparison),
        get("/api/issues", Requires(Server), "List invalid rows", issues::list),
        get(
            "/api/lint",
            Requires(Server),
            "List rows that have no effect or contradict each other",
            lint::list,
        )
        .large(Comparison),
        get("/api/stale", Requires(Server), "List flags that can be removed", stale::list),
        get(
            "/api/evaluations",
            Requires(Server),
            "Get how often some flags were evaluated, by hour and result",
            evaluations::list,
        ),
        get(
            "/api/timeline",
            Requires(Server),
            "List flags that the time will change: windows, ramps, schedules, expiries",
            timeline::list,
        ),
        get("/api/types", Requires(Server), "List activation types with their schemas", types::list),
        get("/api/status", Requires(Server), "Get the status of this server", status::status),
        get("/api/caller", Requires(Server), "Get the role and the token of the caller", caller::caller),
        get("/api/tokens", Requires(Admin), "List tokens, without their secrets", tokens::list),
        post("/api/tokens", Requires(Admin), "Create a token", tokens::create),
        delete("/api/tokens/{id}", Requires(Admin), "Revoke a token", tokens::revoke),
        post(
            "/api/evaluate",
            Requires(Server),
            "Evaluate all flags, now or at an earlier revision",
            evaluate::evaluate_all,
        )
        .large(Comparison),
        post(
            "/api/evaluate/{*name}",
            Requires(Server),
            "Evaluate a flag, now or at an earlier revision",
            evaluate::evaluate,
        ),
        post("/api/explain/{*name}", Requires(Server), "Explain a decision", explain::explain),
    ]
}
