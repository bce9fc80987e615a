//! `novi sql --refresh`.

use std::process::ExitCode;

use novi_sql::{
    Output, Source, ViewSpec, statement,
    views::{ViewError, Views},
};
use serde::Serialize;

use super::stated::{options, stated};
use crate::{
    output::{DRY_RUN, Failure, print, print_json, print_note},
    session::Session,
};

/// What happens to a view.
#[derive(Serialize)]
struct Renewal {
    view: String,
    flag: String,
    /// The revision that the view is of.
    from_revision: i64,
    /// The revision of the flags.
    to_revision: i64,
    #[serde(skip)]
    statement: String,
}

/// Renews the views with these names, or all, that are not of the revision of the flags; those of one schema.
pub(super) async fn refresh(
    session: &Session,
    names: &[String],
    schema: Option<&str>,
    dry_run: bool,
) -> Result<ExitCode, Failure> {
    let flags = session.flags().await?;
    let revision = flags.snapshot().revision().number();
    let mut views = Views::connect(session.config.audience_url()).await.map_err(|error| failure(&error))?;
    let known = views.list(schema).await.map_err(|error| failure(&error))?;
    if let Some(missing) = names.iter().find(|name| known.iter().all(|spec| spec.source.view != **name)) {
        return Err(Failure::not_found(format!(
            "the database has no view {missing:?} that novi sql has made"
        )));
    }
    let wanted = |spec: &&ViewSpec| names.is_empty() || names.contains(&spec.source.view);
    let exists = |flag: &str| {
        flags.snapshot().rows().is_some_and(|rows| rows.flags.iter().any(|row| row.name == flag))
    };
    let outdated = known.iter().filter(wanted).filter(|spec| spec.revision != revision);
    let (kept, without_flag): (Vec<_>, Vec<_>) = outdated.partition(|spec| exists(&spec.flag));
    let mut renewals = Vec::new();
    for spec in kept {
        let mut options = options(session, views.dialect());
        options.columns = spec.columns.clone();
        (options.at, options.variant) = (spec.at, spec.variant);
        let about = |failure: Failure| failure.about(format_args!("view {:?}", spec.source.view));
        let (_, rendered) = stated(&flags, &spec.flag, &options).map_err(about)?;
        let output = Output::View(ViewSpec { revision, ..spec.clone() });
        let statement =
            statement(&rendered, &output, views.dialect()).map_err(Failure::usage).map_err(about)?;
        let (view, flag) = (spec.source.view.clone(), spec.flag.clone());
        let (from_revision, to_revision) = (spec.revision, revision);
        renewals.push(Renewal { view, flag, from_revision, to_revision, statement });
    }
    if !dry_run {
        let statements = renewals.iter().map(|one| (one.view.as_str(), one.statement.as_str()));
        let dropped = views.renew(statements).await.map_err(|error| failure(&error))?;
        let dropped: Vec<String> = dropped.into_iter().map(str::to_owned).collect();
        renewals.retain(|one| !dropped.contains(&one.view));
        for view in dropped {
            print_note(format_args!(
                "warning: the view {view:?} was dropped meanwhile, and is not created again"
            ))?;
        }
    }
    show(session, &renewals, dry_run)?;
    if renewals.is_empty() && without_flag.is_empty() && !session.json {
        let views = if known.is_empty() { "no views of novi sql exist at" } else { "all views are of" };
        print(format_args!("{views} revision {revision}"))?;
    }
    if dry_run && !session.json {
        print(DRY_RUN)?;
    }
    missing(&without_flag).map_or(Ok(ExitCode::SUCCESS), Err)
}

fn show(session: &Session, renewals: &[Renewal], dry_run: bool) -> Result<(), Failure> {
    if session.json {
        return print_json(&renewals);
    }
    for Renewal { view, flag, from_revision: from, to_revision: to, .. } in renewals {
        let verb = if dry_run { "would be renewed" } else { "renewed" };
        print(format_args!("{view}: flag {flag}, {verb} from revision {from} to revision {to}"))?;
    }
    Ok(())
}

/// The failure that names the views whose flags do not exist.
fn missing(specs: &[&ViewSpec]) -> Option<Failure> {
    let line = |spec: &&ViewSpec| {
        let Source { view, from } = &spec.source;
        format!(
            "the flag {:?} of the view {view:?} was renamed or deleted: drop the view, or make it again of another flag, \
             as in `novi sql FLAG --view {view} --from {from}`",
            spec.flag
        )
    };
    let lines: Vec<String> = specs.iter().map(line).collect();
    (!lines.is_empty()).then(|| Failure::not_found(lines.join("\n")))
}

fn failure(error: &ViewError) -> Failure {
    match error {
        ViewError::Url(_) => Failure::usage(error.to_string()),
        ViewError::NoSchema(_) => Failure::not_found(error.to_string()),
        _ => Failure::system(error.to_string()),
    }
}
