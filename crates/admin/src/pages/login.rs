//! Logging in with a token, and out.

use askama::Template;
use axum::{
    extract::{Form, Query},
    http::{StatusCode, header},
    response::Response,
};
use serde::Deserialize;

use crate::{
    session::SessionId,
    visit::{Caller, Guest, Layout, Page, Section, render},
};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Next {
    next: String,
}

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    layout: Layout,
    next: String,
    error: Option<String>,
}

/// A path of these pages, and of no other site.
fn checked(next: &str) -> &str {
    // A browser ignores some control characters, and a header cannot have them.
    let is_plain = !next.contains(|letter: char| letter == '\\' || letter.is_control() || !letter.is_ascii());
    let is_path = next.starts_with('/') && !next.starts_with("//") && is_plain;
    if is_path { next } else { "/flags" }
}

pub(crate) async fn form(guest: Guest, Query(Next { next }): Query<Next>) -> Response {
    page(&guest, StatusCode::OK, &next, None)
}

fn page(guest: &Guest, status: StatusCode, next: &str, error: Option<String>) -> Response {
    // The key binds the form to this browser: another site could otherwise log the visitor in.
    let new = if guest.session.is_none() { SessionId::generate() } else { None };
    let session = guest.session.as_ref().or(new.as_ref());
    let layout = Layout {
        key: session.map(SessionId::form_key).unwrap_or_default(),
        ..guest.layout("Log in", Section::None)
    };
    let mut response = render(status, &LoginPage { layout, next: checked(next).to_owned(), error });
    if let Some(cookie) = new.and_then(|session| session.cookie(&guest.prefix, guest.secure)) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Credentials {
    key: String,
    token: String,
    next: String,
}

pub(crate) async fn login(guest: Guest, Form(sent): Form<Credentials>) -> Page {
    let refused = |status, error: &str| Err(page(&guest, status, &sent.next, Some(error.to_owned())));
    if !guest.may_send(&sent.key) {
        return refused(StatusCode::FORBIDDEN, "The form has expired. Enter the token again.");
    }
    let token = sent.token.trim();
    let caller = match guest.api_with(token).get("/api/caller").await {
        Ok(caller) => serde_json::from_value::<Caller>(caller).ok(),
        Err(failure) if failure.status == StatusCode::UNAUTHORIZED => None,
        Err(failure) => return refused(failure.status, &failure.message),
    };
    if caller.is_none() {
        return refused(StatusCode::UNAUTHORIZED, "The token is unknown or has expired.");
    }
    // A new cookie, so that nobody can know it from before the login.
    if let Some(before) = &guest.session {
        guest.site.sessions().end(before);
    }
    let Some(session) = SessionId::generate() else {
        return refused(StatusCode::INTERNAL_SERVER_ERROR, "The system has no random numbers.");
    };
    guest.site.sessions().begin(&session, token.to_owned());
    let mut response = guest.redirect(checked(&sent.next));
    if let Some(cookie) = session.cookie(&guest.prefix, guest.secure) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

pub(crate) async fn logout(guest: Guest, Form(sent): Form<Credentials>) -> Response {
    if guest.may_send(&sent.key)
        && let Some(session) = &guest.session
    {
        guest.site.sessions().end(session);
        let mut response = guest.redirect("/login");
        if let Some(cookie) = SessionId::forgotten(&guest.prefix) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        return response;
    }
    guest.redirect("/flags")
}

#[cfg(test)]
mod tests {
    use super::checked;

    #[test]
    fn login_leads_to_own_pages_only() {
        assert_eq!(checked("/flags/3?x=y"), "/flags/3?x=y");
        for other in [
            "",
            "flags",
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "/a\nb",
            "/\t/evil.example",
            "/é",
        ] {
            assert_eq!(checked(other), "/flags", "{other}");
        }
    }
}
