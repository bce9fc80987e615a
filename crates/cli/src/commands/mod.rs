//! One file per command: its arguments and what it does.

mod activation;
mod argument;
mod assignments;
mod audience;
mod authorship;
mod callers;
mod change;
mod check;
mod cleanup;
pub(crate) mod complete;
mod completions;
mod diff;
mod eval;
mod evaluations;
mod experiment;
mod export;
mod files;
mod flag;
mod flag_tests;
mod flag_view;
mod follow_legacy;
mod health;
mod history;
mod impact;
mod import;
mod json_text;
mod link;
mod lint;
mod list;
mod man;
mod members;
mod metric;
mod migrate;
mod refs;
mod report;
mod reweight;
mod rollback;
mod seed;
mod serve;
mod set_status;
mod shortcut;
mod show;
mod sign;
mod sql;
mod stale;
mod timeline;
mod token;
mod types;
mod value_parser;
mod watch;

pub(crate) use self::{
    activation::Activation,
    assignments::Assignments,
    audience::Audience,
    check::Check,
    cleanup::Cleanup,
    completions::Completions,
    diff::Diff,
    eval::{Eval, Explain},
    experiment::Experiment,
    export::Export,
    files::{Apply, Drift, Plan, Promote, Pull},
    flag::Flag,
    flag_tests::Test,
    follow_legacy::FollowLegacy,
    health::Health,
    history::History,
    impact::Impact,
    import::Import,
    link::Link,
    lint::Lint,
    list::List,
    man::Man,
    members::Members,
    metric::Metric,
    migrate::Migrate,
    refs::Refs,
    reweight::Reweight,
    rollback::Rollback,
    seed::Seed,
    serve::Serve,
    set_status::SetStatus,
    shortcut::{Rollout, Schedule, Target, Variants},
    show::Show,
    sign::Sign,
    sql::Sql,
    stale::Stale,
    timeline::Timeline,
    token::Token,
    types::Types,
    watch::Watch,
};
