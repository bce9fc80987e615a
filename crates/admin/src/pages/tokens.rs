//! The tokens by which callers authenticate.

use askama::Template;
use axum::{
    extract::{Path, Query},
    http::Method,
};
use serde_json::{Value, json};

use crate::{
    api::Failure,
    pages::{
        flags::{Done, Notice, text_of},
        form::Problems,
    },
    visit::{Layout, Page, Section, Sent, Visit},
    words::{Markup, time_of},
};

#[derive(Template)]
#[template(path = "tokens.html")]
struct TokensPage {
    layout: Layout,
    notice: Option<Notice>,
    tokens: Vec<Line>,
    /// The secret of a token that was just created.
    secret: Option<(String, String)>,
    name: String,
    role: String,
    subject: String,
    expires_at: String,
    problems: Problems,
    error: Option<String>,
}

impl TokensPage {
    fn other_problems(&self) -> Vec<String> {
        self.problems.elsewhere(&["/name", "/role", "/subject", "/expires_at"])
    }
}

struct Line {
    id: i64,
    name: String,
    role: String,
    subject: String,
    created: Markup,
    by: String,
    used: Markup,
    is_used: bool,
    expires: Markup,
    revoked: Markup,
    is_revoked: bool,
}

fn line(token: &Value) -> Line {
    Line {
        id: token["id"].as_i64().unwrap_or_default(),
        name: text_of(token, "name"),
        role: text_of(token, "role"),
        subject: text_of(token, "subject"),
        created: time_of(&token["created_at"]),
        by: text_of(token, "created_by"),
        used: time_of(&token["last_used_at"]),
        is_used: token["last_used_at"].is_string(),
        expires: time_of(&token["expires_at"]),
        revoked: time_of(&token["revoked_at"]),
        is_revoked: token["revoked_at"].is_string(),
    }
}

async fn page(visit: &Visit) -> Result<TokensPage, Failure> {
    let found = visit.api().get("/api/tokens?limit=1000").await?;
    let mut tokens: Vec<Line> = found["items"].as_array().into_iter().flatten().map(line).collect();
    tokens.sort_by_key(|token| (token.is_revoked, std::cmp::Reverse(token.id)));
    Ok(TokensPage {
        layout: visit.layout("Tokens", Section::Tokens),
        notice: None,
        // The first one has to open this page.
        role: if tokens.is_empty() { "admin" } else { "server" }.to_owned(),
        tokens,
        secret: None,
        name: String::new(),
        subject: String::new(),
        expires_at: String::new(),
        problems: Problems(Vec::new()),
        error: None,
    })
}

pub(crate) async fn list(visit: Visit, Query(done): Query<Done>) -> Page {
    let page = page(&visit).await.map_err(|failure| visit.fail(&failure))?;
    let notice = done.notice(visit.rows()?);
    Ok(visit.page(&TokensPage { notice, ..page }))
}

pub(crate) async fn create(sent: Sent) -> Page {
    let visit = &sent.visit;
    let fields = json!({
        "role": sent.text("role"),
        "name": sent.optional("name"),
        "subject": sent.optional("subject"),
        "expires_at": sent.optional("expires_at"),
    });
    let authorship: Vec<_> =
        sent.authorship().into_iter().filter(|(name, _)| *name == "x-novi-actor").collect();
    let created = visit.api().call(Method::POST, "/api/tokens", &authorship, Some(fields.to_string())).await;
    // The first token closes the server, also for this visitor: then the list cannot be read.
    let page = page(visit).await;
    match created {
        Ok(created) => {
            let secret = Some((text_of(&created["token"], "name"), text_of(&created, "secret")));
            let page = page.unwrap_or_else(|_| TokensPage::empty(visit, &created["token"]));
            Ok(visit.page(&TokensPage { secret, ..page }))
        }
        Err(failure) => {
            let page = page.map_err(|failure| visit.fail(&failure))?;
            let text = |name: &str| sent.text(name).to_owned();
            let error = Some(failure.message).filter(|_| failure.problems.is_empty());
            let (name, role, subject) = (text("name"), text("role"), text("subject"));
            let (expires_at, problems) = (text("expires_at"), Problems(failure.problems));
            let page = TokensPage { name, role, subject, expires_at, problems, error, ..page };
            Err(visit.page_with(failure.status, &page))
        }
    }
}

impl TokensPage {
    fn empty(visit: &Visit, token: &Value) -> Self {
        Self {
            layout: visit.layout("Tokens", Section::Tokens),
            notice: None,
            tokens: vec![line(token)],
            secret: None,
            name: String::new(),
            role: "server".to_owned(),
            subject: String::new(),
            expires_at: String::new(),
            problems: Problems(Vec::new()),
            error: None,
        }
    }
}

pub(crate) async fn revoke(Path(id): Path<i64>, sent: Sent) -> Page {
    let visit = &sent.visit;
    let revoked = visit.api().call(Method::DELETE, &format!("/api/tokens/{id}"), &[], None).await;
    revoked.map_err(|failure| visit.fail(&failure))?;
    Ok(visit.redirect("/tokens?done=token-revoked"))
}
