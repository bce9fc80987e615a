//! A visit of a page: who the visitor is, where the page is mounted, and how it is rendered.

use std::sync::Arc;

use askama::Template;
use axum::{
    Router,
    extract::{FromRequest, FromRequestParts, OriginalUri, Request},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts, uri::Authority},
    response::{Html, IntoResponse, Response},
};
use novi::{
    Flags,
    rows::Rows,
    snapshot::{Snapshot, SnapshotGuard},
    store::token::Role,
};
use serde::Deserialize;

use crate::{
    api::{Api, Failure, escape},
    assets::{ASSETS, Assets},
    body::{Body, ChosenCallers, Entered},
    kept_files::KeptFiles,
    session::{SessionId, Sessions, actor_of, remember_actor, says_https},
};

/// What all pages share.
#[derive(Clone)]
pub(crate) struct Site(Arc<Inner>);

struct Inner {
    flags: Flags,
    api: Router,
    sessions: Sessions,
    files: KeptFiles,
    secure: bool,
}

impl Site {
    pub(crate) fn new(flags: Flags, api: Router, secure: bool) -> Self {
        Self(Arc::new(Inner {
            flags,
            api,
            sessions: Sessions::default(),
            files: KeptFiles::default(),
            secure,
        }))
    }

    pub(crate) fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    pub(crate) fn flags(&self) -> &Flags {
        &self.0.flags
    }
}

/// The response of a page, or one in its place, such as the way to the login.
pub(crate) type Page = Result<Response, Response>;

/// The request of a visitor who may not have logged in.
pub(crate) struct Guest {
    pub(crate) site: Site,
    pub(crate) prefix: String,
    pub(crate) api: Api,
    pub(crate) session: Option<SessionId>,
    pub(crate) secure: bool,
    headers: HeaderMap,
    path: String,
    parts: Parts,
}

impl FromRequestParts<Site> for Guest {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Response> {
        let session = SessionId::of(&parts.headers);
        let token = session.as_ref().and_then(|id| site.sessions().token(id));
        let (prefix, secure) = (mount_path(parts), site.0.secure || says_https(&parts.headers, &parts.uri));
        Ok(Self {
            api: Api::new(site.0.api.clone(), parts, token.as_deref()),
            site: site.clone(),
            prefix,
            session,
            secure,
            headers: parts.headers.clone(),
            path: parts.uri.path_and_query().map_or_else(String::new, ToString::to_string),
            parts: parts.clone(),
        })
    }
}

/// The path at which the pages are mounted, such as `/admin`; empty if they are the application itself.
fn mount_path(parts: &Parts) -> String {
    let Some(OriginalUri(original)) = parts.extensions.get::<OriginalUri>() else { return String::new() };
    let (whole, inner) = (original.path(), parts.uri.path());
    // Without a slash at the end, the path of the pages is `/` all the same.
    let prefix = whole.strip_suffix(inner).or_else(|| (inner == "/").then_some(whole));
    prefix.unwrap_or_default().trim_end_matches('/').to_owned()
}

impl Guest {
    /// The API with a token that a visitor logs in with.
    pub(crate) fn api_with(&self, token: &str) -> Api {
        Api::new(self.site.0.api.clone(), &self.parts, Some(token))
    }

    /// Whether a form comes from a page of this session.
    pub(crate) fn may_send(&self, key: &str) -> bool {
        let header = |name: &str| self.headers.get(name).and_then(|value| value.to_str().ok());
        let host = header("host").or_else(|| self.parts.uri.authority().map(Authority::as_str));
        let own = |origin: &str| origin.split_once("://").map(|(_, host)| host) == host;
        let is_own = header("origin").is_none_or(own);
        let is_same_site = header("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none"));
        is_own && is_same_site && self.session.as_ref().is_some_and(|session| session.owns(key))
    }

    /// Whether a link on another site leads here: then the browser keeps the cookie to itself, since it is
    /// `SameSite=Strict`. It sends the cookie when the page loads itself again.
    fn lacks_cookies(&self) -> bool {
        let site = self.headers.get("sec-fetch-site");
        self.session.is_none() && site.is_some_and(|site| site == "cross-site" || site == "same-site")
    }

    /// A redirect to a page below the prefix.
    pub(crate) fn redirect(&self, path: &str) -> Response {
        redirect(&format!("{}{path}", self.prefix))
    }

    pub(crate) fn layout(&self, title: &str, section: Section) -> Layout {
        Layout {
            assets: &ASSETS,
            prefix: self.prefix.clone(),
            title: title.to_owned(),
            section,
            key: String::new(),
            visitor: None,
            issues: 0,
            revision: 0,
            actor: actor_of(&self.headers),
            queries: Vec::new(),
        }
    }
}

/// A redirect after which the browser sends GET.
pub(crate) fn redirect(to: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(to) = HeaderValue::try_from(to) {
        response.headers_mut().insert(header::LOCATION, to);
    }
    response
}

/// The caller, as the API sees it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Caller {
    pub(crate) role: Role,
    pub(crate) token: Option<String>,
}

impl Caller {
    pub(crate) fn may_write(&self) -> bool {
        self.role >= Role::Admin
    }
}

/// A visitor who may see the pages.
pub(crate) struct Visit {
    pub(crate) guest: Guest,
    pub(crate) caller: Caller,
    pub(crate) snapshot: SnapshotGuard,
    /// The key of forms.
    key: String,
    /// The cookie of a visitor who has none yet.
    new_session: Option<SessionId>,
    /// The name that the visitor has stated in a form.
    stated: Option<String>,
    /// The names of saved queries that select callers, if the visitor may write.
    pub(crate) queries: Vec<String>,
}

impl FromRequestParts<Site> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Response> {
        let guest = Guest::from_request_parts(parts, site).await?;
        if guest.lacks_cookies() && parts.method == "GET" {
            return Err(render(StatusCode::OK, &ReloadPage));
        }
        let caller = match guest.api.get("/api/caller").await {
            Ok(caller) => serde_json::from_value::<Caller>(caller).ok(),
            Err(failure) if failure.status == StatusCode::UNAUTHORIZED => None,
            Err(failure) => return Err(failed(guest.layout("Error", Section::None), &failure)),
        };
        let Some(caller) = caller else {
            let next = if parts.method == "GET" { guest.path.as_str() } else { "/" };
            return Err(guest.redirect(&format!("/login?next={}", escape(next))));
        };
        let new_session = if guest.session.is_none() { SessionId::generate() } else { None };
        let key =
            guest.session.as_ref().or(new_session.as_ref()).map(SessionId::form_key).unwrap_or_default();
        let snapshot = site.flags().snapshot();
        Ok(Self { guest, caller, snapshot, key, new_session, stated: None, queries: Vec::new() })
    }
}

impl Visit {
    pub(crate) fn api(&self) -> &Api {
        &self.guest.api
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.guest.prefix
    }

    pub(crate) fn layout(&self, title: &str, section: Section) -> Layout {
        Layout {
            key: self.key.clone(),
            visitor: Some(self.caller.clone()),
            issues: self.snapshot.issue_count(),
            revision: self.snapshot.revision().number(),
            queries: self.queries.clone(),
            ..self.guest.layout(title, section)
        }
    }

    /// The rows of the snapshot.
    ///
    /// # Errors
    /// A page with the error if the flags do not keep their rows.
    pub(crate) fn rows(&self) -> Result<&Rows, Response> {
        let message = "the flags do not keep their rows: create them with `Flags::builder().keep_rows()`";
        let missing = || self.fail(&Failure::new(StatusCode::INTERNAL_SERVER_ERROR, message));
        Snapshot::rows(&self.snapshot).ok_or_else(missing)
    }

    /// The rendered page.
    pub(crate) fn page(&self, template: &impl Template) -> Response {
        self.page_with(StatusCode::OK, template)
    }

    pub(crate) fn page_with(&self, status: StatusCode, template: &impl Template) -> Response {
        let mut response = render(status, template);
        let cookie =
            self.new_session.as_ref().and_then(|session| session.cookie(self.prefix(), self.guest.secure));
        if let Some(cookie) = cookie {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }

    /// The page of an error.
    pub(crate) fn fail(&self, failure: &Failure) -> Response {
        if failure.status == StatusCode::UNAUTHORIZED {
            return self.guest.redirect("/login");
        }
        failed(self.layout("Error", Section::None), failure)
    }

    pub(crate) fn not_found(&self, message: &str) -> Response {
        self.fail(&Failure::new(StatusCode::NOT_FOUND, message))
    }

    /// A redirect after a change. The browser remembers the name that was stated for it.
    pub(crate) fn redirect(&self, path: &str) -> Response {
        let mut response = self.guest.redirect(path);
        let stated = self.stated.as_deref();
        let cookie = stated.and_then(|actor| remember_actor(actor, self.prefix(), self.guest.secure));
        if let Some(cookie) = cookie {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }
}

/// A page that loads itself again.
#[derive(Template)]
#[template(path = "reload.html")]
struct ReloadPage;

/// The page of an error.
#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    layout: Layout,
    failure: &'a Failure,
}

fn failed(layout: Layout, failure: &Failure) -> Response {
    render(failure.status, &ErrorPage { layout, failure })
}

pub(crate) fn render(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!("could not render a page: {error}");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The entry of the navigation that a page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    Flags,
    Timeline,
    Experiments,
    History,
    Issues,
    Stale,
    Types,
    Playground,
    Tokens,
    Status,
    None,
}

/// What surrounds every page.
pub(crate) struct Layout {
    pub(crate) assets: &'static Assets,
    pub(crate) prefix: String,
    pub(crate) title: String,
    pub(crate) section: Section,
    /// The key of forms.
    pub(crate) key: String,
    pub(crate) visitor: Option<Caller>,
    pub(crate) issues: usize,
    pub(crate) revision: i64,
    /// The name that the visitor stated last.
    pub(crate) actor: String,
    /// The names of saved queries that select callers.
    pub(crate) queries: Vec<String>,
}

impl Layout {
    pub(crate) fn may_write(&self) -> bool {
        self.visitor.as_ref().is_some_and(Caller::may_write)
    }

    /// Whether the visitor states a name, since no token has one.
    pub(crate) fn asks_who(&self) -> bool {
        self.visitor.as_ref().is_some_and(|caller| caller.token.is_none())
    }

    pub(crate) fn entries(&self) -> Vec<(Section, &'static str, &'static str)> {
        let mut entries = vec![
            (Section::Flags, "/flags", "Flags"),
            (Section::Timeline, "/timeline", "Timeline"),
            (Section::Experiments, "/experiments", "Experiments"),
            (Section::History, "/history", "History"),
            (Section::Issues, "/issues", "Issues"),
            (Section::Stale, "/stale", "Stale"),
            (Section::Types, "/types", "Types"),
            (Section::Playground, "/playground", "Playground"),
        ];
        if self.may_write() {
            entries.push((Section::Tokens, "/tokens", "Tokens"));
        }
        entries.push((Section::Status, "/status", "Status"));
        entries
    }
}

/// A visitor who may change flags.
pub(crate) struct Editor(pub(crate) Visit);

impl FromRequestParts<Site> for Editor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Response> {
        let visit = Visit::from_request_parts(parts, site).await?;
        visit.check_write()?;
        let queries = visit.saved_queries().await;
        Ok(Self(Visit { queries, ..visit }))
    }
}

impl Visit {
    /// The names of saved queries that select callers; empty if the visitor may not run them.
    pub(crate) async fn saved_queries(&self) -> Vec<String> {
        if !self.caller.may_write() {
            return Vec::new();
        }
        // Pages also work without the choice of a query.
        let found = self.api().get("/api/audience").await.unwrap_or_default();
        let items = found["items"].as_array().into_iter().flatten();
        items.filter_map(|item| item["name"].as_str().map(str::to_owned)).collect()
    }

    /// # Errors
    /// The page of an error if the visitor may only read.
    fn check_write(&self) -> Result<(), Response> {
        if self.caller.may_write() {
            return Ok(());
        }
        let role = self.caller.role;
        let message = format!("changes require a token with the role `admin`; yours has the role `{role}`");
        Err(self.fail(&Failure::new(StatusCode::FORBIDDEN, message)))
    }
}

/// The fields of a form that was sent by a visitor who may write.
pub(crate) struct Sent {
    pub(crate) visit: Visit,
    body: Body,
}

impl FromRequest<Site> for Sent {
    type Rejection = Response;

    async fn from_request(request: Request, site: &Site) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let visit = Visit::from_request_parts(&mut parts, site).await?;
        let request = Request::from_parts(parts, body);
        let body = Body::read(request).await;
        let body = body.map_err(|(status, message)| visit.fail(&Failure::new(status, message)))?;
        let mut sent = Self { visit, body };
        if !sent.visit.guest.may_send(sent.text("key")) {
            let message =
                "the form is not from this page, or its session has ended: reload the page and retry";
            return Err(sent.visit.fail(&Failure::new(StatusCode::FORBIDDEN, message)));
        }
        sent.visit.check_write()?;
        if let Some(session) = &sent.visit.guest.session {
            sent.body.keep_file(&site.0.files, session);
        }
        let actor = sent.optional("actor").filter(|_| sent.visit.caller.token.is_none()).map(str::to_owned);
        let queries = sent.visit.saved_queries().await;
        Ok(Self { visit: Visit { stated: actor, queries, ..sent.visit }, body: sent.body })
    }
}

impl Sent {
    /// All fields, as they were sent.
    pub(crate) fn all(&self) -> &[(String, String)] {
        &self.body.fields
    }

    /// A field, without spaces around it; empty if it is missing.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.body.text(name)
    }

    /// A field that may be empty, which means none.
    pub(crate) fn optional(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    /// The callers for the preview, as its form has them.
    pub(crate) fn chosen_callers(&self) -> ChosenCallers {
        self.body.chosen_callers()
    }

    /// The callers for the preview.
    pub(crate) fn callers(&self) -> Entered<'_> {
        self.body.callers()
    }

    pub(crate) fn is_checked(&self, name: &str) -> bool {
        self.optional(name).is_some()
    }

    /// The headers of a change: why, and who if no token says so.
    pub(crate) fn authorship(&self) -> Vec<(&'static str, &str)> {
        let mut headers = Vec::new();
        // A header is one line, and so is the field.
        let first_line = |text: &'_ str| text.lines().next().unwrap_or_default().len();
        if let Some(reason) = self.optional("reason") {
            headers.push(("x-novi-reason", reason.get(..first_line(reason)).unwrap_or_default()));
        }
        if let Some(actor) = self.optional("actor").filter(|_| self.visit.caller.token.is_none()) {
            headers.push(("x-novi-actor", actor));
        }
        headers
    }
}
