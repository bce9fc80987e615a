//! Editing and deleting a flag.

use askama::Template;
use axum::{
    extract::Path,
    http::{Method, StatusCode},
    response::Response,
};
use novi::rows::FlagRow;
use serde_json::Value;

use crate::{
    api::{Failure, Problem},
    forms::json,
    pages::{
        flags::{Done, find},
        form::{Problems, object},
        switch::{affected, problems},
    },
    visit::{Editor, Layout, Page, Section, Sent, Visit},
};

/// The fields of a flag, as the form has them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) owner: String,
    pub(crate) tags: String,
    pub(crate) expires_at: String,
    pub(crate) variants: String,
    pub(crate) default_variant: String,
    pub(crate) off_variant: String,
    pub(crate) fail_mode: String,
    pub(crate) exposed: bool,
    pub(crate) override_allowed: bool,
}

impl Fields {
    fn of(row: &FlagRow) -> Self {
        let metadata = &row.metadata;
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        Self {
            name: row.name.clone(),
            description: text(&metadata.description),
            owner: text(&metadata.owner),
            tags: metadata.tags.join(", "),
            expires_at: metadata.expires_at.map(|at| at.to_rfc3339()).unwrap_or_default(),
            variants: text(&metadata.variants),
            default_variant: text(&metadata.default_variant),
            off_variant: text(&metadata.off_variant),
            fail_mode: metadata.fail_mode.as_str().to_owned(),
            exposed: metadata.exposed,
            override_allowed: metadata.override_allowed,
        }
    }

    fn sent(sent: &Sent) -> Self {
        let text = |name: &str| sent.text(name).to_owned();
        Self {
            name: text("name"),
            description: text("description"),
            owner: text("owner"),
            tags: text("tags"),
            expires_at: text("expires_at"),
            variants: text("variants"),
            default_variant: text("default_variant"),
            off_variant: text("off_variant"),
            fail_mode: text("fail_mode"),
            exposed: sent.is_checked("exposed"),
            override_allowed: sent.is_checked("override_allowed"),
        }
    }

    /// The fields for the API that differ from the row, as JSON text: numbers keep all their digits.
    fn changed(&self, before: &Self) -> Result<Vec<(&'static str, String)>, Problem> {
        let mut fields = Vec::new();
        let text = |value: &str| if value.is_empty() { Value::Null } else { value.into() }.to_string();
        if self.name != before.name {
            fields.push(("name", Value::from(&*self.name).to_string()));
        }
        for (name, new, old) in [
            ("description", &self.description, &before.description),
            ("owner", &self.owner, &before.owner),
            ("expires_at", &self.expires_at, &before.expires_at),
            ("default_variant", &self.default_variant, &before.default_variant),
            ("off_variant", &self.off_variant, &before.off_variant),
        ] {
            if new != old {
                fields.push((name, text(new)));
            }
        }
        if self.tags != before.tags {
            let tags: Vec<&str> = self.tags.split(',').map(str::trim).filter(|tag| !tag.is_empty()).collect();
            fields.push(("tags", serde_json::json!(tags).to_string()));
        }
        if self.variants != before.variants {
            fields.push(("variants", json::checked("/variants", &self.variants)?));
        }
        if self.fail_mode != before.fail_mode {
            fields.push(("fail_mode", Value::from(&*self.fail_mode).to_string()));
        }
        for (name, new, old) in [
            ("exposed", self.exposed, before.exposed),
            ("override_allowed", self.override_allowed, before.override_allowed),
        ] {
            if new != old {
                fields.push((name, new.to_string()));
            }
        }
        Ok(fields)
    }
}

#[derive(Template)]
#[template(path = "edit.html")]
struct EditPage {
    layout: Layout,
    id: i64,
    version: i64,
    fields: Fields,
    problems: Problems,
    error: Option<String>,
}

const POINTERS: [&str; 9] = [
    "/name",
    "/description",
    "/owner",
    "/tags",
    "/expires_at",
    "/variants",
    "/default_variant",
    "/off_variant",
    "/fail_mode",
];

impl EditPage {
    fn other_problems(&self) -> Vec<String> {
        self.problems.elsewhere(&POINTERS)
    }
}

/// The page again, with what is wrong.
fn again(visit: &Visit, id: i64, version: i64, fields: Fields, failure: Failure) -> Response {
    let status = failure.status;
    let error = Some(failure.message).filter(|_| failure.problems.is_empty());
    let page = EditPage {
        layout: visit.layout("Edit", Section::Flags),
        id,
        version,
        fields,
        problems: Problems(failure.problems),
        error,
    };
    visit.page_with(status, &page)
}

pub(crate) async fn edit(Editor(visit): Editor, Path(id): Path<i64>) -> Page {
    let row = find(visit.rows()?, id).ok_or_else(|| visit.not_found(&format!("flag {id} was not found")))?;
    Ok(visit.page(&EditPage {
        layout: visit.layout("Edit", Section::Flags),
        id,
        version: row.metadata.row_version,
        fields: Fields::of(row),
        problems: Problems(Vec::new()),
        error: None,
    }))
}

pub(crate) async fn update(Path(id): Path<i64>, sent: Sent) -> Page {
    let visit = &sent.visit;
    let row = find(visit.rows()?, id).ok_or_else(|| visit.not_found(&format!("flag {id} was not found")))?;
    let (fields, before) = (Fields::sent(&sent), visit.snapshot.revision().number());
    let version: i64 = sent.text("version").parse().unwrap_or(row.metadata.row_version);
    let mut changed = match fields.changed(&Fields::of(row)) {
        Ok(changed) => changed,
        Err(problem) => {
            let failure = Failure {
                problems: vec![problem],
                ..Failure::new(StatusCode::UNPROCESSABLE_ENTITY, "the form has a problem")
            };
            return Err(again(visit, id, version, fields, failure));
        }
    };
    if changed.is_empty() {
        return Ok(visit.redirect(&format!("/flags/{id}")));
    }
    changed.push(("version", version.to_string()));
    let (path, body) = (format!("/api/flags/{id}"), object(&changed));
    match visit.api().call(Method::PATCH, &path, &sent.authorship(), Some(body)).await {
        Ok(saved) => Ok(visit.redirect(&format!("/flags/{id}?{}", Done::query("saved", id, before, &saved)))),
        Err(failure) => Err(again(visit, id, version, fields, failure)),
    }
}

#[derive(Template)]
#[template(path = "delete.html")]
struct DeletePage {
    layout: Layout,
    id: i64,
    version: i64,
    name: String,
    affected: Vec<String>,
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
