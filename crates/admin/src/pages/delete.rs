//! Deleting a flag.

use askama::Template;
use axum::{
    extract::Path,
    http::{Method, StatusCode},
};

use crate::{
    api::Failure,
    pages::{
        flag::{Names, dependents},
        flags::find,
        switch::{affected, problems},
    },
    visit::{Editor, Layout, Page, Section, Sent},
};

#[derive(Template)]
#[template(path = "delete.html")]
struct DeletePage {
    layout: Layout,
    id: i64,
    version: i64,
    name: String,
    affected: Vec<String>,
    /// The flags that refer to it by its name.
    dependents: Names,
    problems: Vec<String>,
}

pub(crate) async fn confirm_delete(Editor(visit): Editor, Path(id): Path<i64>) -> Page {
    let row = find(visit.rows()?, id).ok_or_else(|| visit.not_found(&format!("flag {id} was not found")))?;
    let path = format!("/api/flags/{id}?dry_run=true");
    let planned = visit.api().call(Method::DELETE, &path, &[], None).await;
    let planned = planned.map_err(|failure| visit.fail(&failure))?;
    Ok(visit.page(&DeletePage {
        layout: visit.layout("Delete", Section::Flags),
        id,
        version: row.metadata.row_version,
        name: row.name.clone(),
        affected: affected(&planned, &row.name),
        dependents: Names::of(dependents(&visit, visit.rows()?, row)),
        problems: problems(&planned),
    }))
}

pub(crate) async fn delete(Path(id): Path<i64>, sent: Sent) -> Page {
    let visit = &sent.visit;
    let row = find(visit.rows()?, id).ok_or_else(|| visit.not_found(&format!("flag {id} was not found")))?;
    if sent.text("name") != row.name {
        let message = format!("type the name of the flag, {:?}, to delete it", row.name);
        return Err(visit.fail(&Failure::new(StatusCode::UNPROCESSABLE_ENTITY, message)));
    }
    let version = format!("\"{}\"", sent.text("version"));
    let mut headers = sent.authorship();
    headers.push(("if-match", &version));
    let deleted = visit.api().call(Method::DELETE, &format!("/api/flags/{id}"), &headers, None).await;
    deleted.map_err(|failure| visit.fail(&failure))?;
    Ok(visit.redirect("/flags?done=deleted"))
}
