//! Sessions: an opaque cookie in the browser, the token in memory.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::http::{HeaderMap, HeaderValue, Uri, header};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2_11::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

const COOKIE: &str = "novi_admin";

/// The name that the visitor stated last, for the history. It is a suggestion, and no proof.
const ACTOR: &str = "novi_admin_actor";

/// The longest name that is kept, in bytes, and for how long, in seconds: half a year.
const LONGEST_ACTOR: usize = 255;
const ACTOR_AGE: u32 = 180 * 24 * 60 * 60;

/// Further sessions end the oldest one.
const MOST: usize = 10_000;

/// A session ends when it was not used for this long.
const IDLE: Duration = Duration::from_hours(12);

/// The random text of a cookie.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SessionId(String);

impl SessionId {
    /// A new one; `None` if the system has no random numbers.
    pub(crate) fn generate() -> Option<Self> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).ok()?;
        Some(Self(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// The one that a browser sent.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let text = cookie(headers, COOKIE)?;
        // Not one of another program.
        (URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 32)).then(|| Self(text.to_owned()))
    }

    fn hash(&self, purpose: &str) -> [u8; 32] {
        Sha256::digest(format!("{purpose}:{}", self.0).as_bytes()).into()
    }

    /// The text that each form of the session sends, which pages of other sites cannot know.
    pub(crate) fn form_key(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.hash("form"))
    }

    /// Whether a form has the key of this session.
    pub(crate) fn owns(&self, key: &str) -> bool {
        self.form_key().as_bytes().ct_eq(key.as_bytes()).into()
    }

    /// The header that makes a browser keep the cookie until it is closed.
    pub(crate) fn cookie(&self, prefix: &str, secure: bool) -> Option<HeaderValue> {
        let secure = if secure { "; Secure" } else { "" };
        let text = format!("{COOKIE}={}; {}{secure}", self.0, attributes(prefix));
        HeaderValue::try_from(text).ok()
    }

    /// The header that makes a browser forget the cookie.
    pub(crate) fn forgotten(prefix: &str) -> Option<HeaderValue> {
        HeaderValue::try_from(format!("{COOKIE}=; {}; Max-Age=0", attributes(prefix))).ok()
    }
}

fn cookie<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs =
        cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == wanted).map(|(_, text)| text)
}

/// The name that the visitor of this browser stated last; empty if there is none.
pub(crate) fn actor_of(headers: &HeaderMap) -> String {
    let text = cookie(headers, ACTOR).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
    text.filter(|text| text.len() <= LONGEST_ACTOR && !text.contains(char::is_control)).unwrap_or_default()
}

/// The header that makes a browser remember a name.
pub(crate) fn remember_actor(actor: &str, prefix: &str, secure: bool) -> Option<HeaderValue> {
    let text = URL_SAFE_NO_PAD.encode(actor);
    let secure = if secure { "; Secure" } else { "" };
    let is_short = actor.len() <= LONGEST_ACTOR;
    is_short.then(|| {
        HeaderValue::try_from(format!("{ACTOR}={text}; {}; Max-Age={ACTOR_AGE}{secure}", attributes(prefix)))
            .ok()
    })?
}

/// The cookie is for the pages only, wherever they are mounted.
fn attributes(prefix: &str) -> String {
    // A semicolon would end the attribute.
    let path = if prefix.is_empty() || prefix.contains(';') { "/" } else { prefix };
    format!("Path={path}; HttpOnly; SameSite=Strict")
}

/// Whether a request came over HTTPS, as far as it says so itself. A client that lies only gets a cookie that
/// it does not send.
pub(crate) fn says_https(headers: &HeaderMap, uri: &Uri) -> bool {
    let proto = headers.get("x-forwarded-proto").and_then(|value| value.to_str().ok());
    uri.scheme_str() == Some("https") || proto.is_some_and(|proto| proto.eq_ignore_ascii_case("https"))
}

struct Session {
    token: String,
    used: Instant,
}

/// The sessions of this process.
#[derive(Default)]
pub(crate) struct Sessions {
    /// By the hash of their cookies.
    by_hash: Mutex<HashMap<[u8; 32], Session>>,
}

impl Sessions {
    /// Begins a session with a token that was accepted.
    pub(crate) fn begin(&self, id: &SessionId, token: String) {
        let (now, mut sessions) =
            (Instant::now(), self.by_hash.lock().unwrap_or_else(PoisonError::into_inner));
        sessions.retain(|_, session| now.duration_since(session.used) < IDLE);
        if sessions.len() >= MOST
            && let Some(oldest) =
                sessions.iter().min_by_key(|(_, session)| session.used).map(|(hash, _)| *hash)
        {
            sessions.remove(&oldest);
        }
        sessions.insert(id.hash("session"), Session { token, used: now });
    }

    /// The token of a session.
    pub(crate) fn token(&self, id: &SessionId) -> Option<String> {
        let (now, mut sessions) =
            (Instant::now(), self.by_hash.lock().unwrap_or_else(PoisonError::into_inner));
        let session = sessions.get_mut(&id.hash("session"))?;
        if now.duration_since(session.used) >= IDLE {
            sessions.remove(&id.hash("session"));
            return None;
        }
        session.used = now;
        Some(session.token.clone())
    }

    pub(crate) fn end(&self, id: &SessionId) {
        self.by_hash.lock().unwrap_or_else(PoisonError::into_inner).remove(&id.hash("session"));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn session_has_its_token_until_it_ends() {
        let (sessions, id) = (Sessions::default(), SessionId::generate().unwrap());
        assert_eq!(sessions.token(&id), None);
        sessions.begin(&id, "secret".to_owned());
        assert_eq!(sessions.token(&id), Some("secret".to_owned()));
        assert_eq!(sessions.token(&SessionId::generate().unwrap()), None);
        sessions.end(&id);
        assert_eq!(sessions.token(&id), None);
    }

    #[test]
    fn full_store_ends_the_oldest_session() {
        let sessions = Sessions::default();
        let ids: Vec<_> = (0..=MOST).map(|_| SessionId::generate().unwrap()).collect();
        for id in &ids {
            sessions.begin(id, "secret".to_owned());
        }
        assert_eq!(sessions.by_hash.lock().unwrap().len(), MOST);
        assert_eq!(sessions.token(&ids[0]), None);
        assert!(sessions.token(&ids[MOST]).is_some());
    }

    #[test]
    fn cookie_is_for_the_path_of_the_pages() {
        let id = SessionId::generate().unwrap();
        for (prefix, path) in [("", "/"), ("/admin", "/admin"), ("/a;Domain=b", "/")] {
            let cookie = id.cookie(prefix, false).unwrap();
            let expected = format!("; Path={path}; HttpOnly; SameSite=Strict");
            assert!(cookie.to_str().unwrap().ends_with(&expected), "{prefix}");
        }
    }

    #[test]
    fn stated_name_comes_back() {
        let header = remember_actor("Ada; Ünal", "/admin", false).unwrap();
        let mut headers = HeaderMap::new();
        let pair = header.to_str().unwrap().split(';').next().unwrap().to_owned();
        headers.insert(header::COOKIE, HeaderValue::try_from(format!("a=b; {pair}")).unwrap());
        assert_eq!(actor_of(&headers), "Ada; Ünal");
        assert_eq!(remember_actor(&"a".repeat(256), "", false), None);
        headers.insert(header::COOKIE, HeaderValue::from_static("novi_admin_actor=%%%"));
        assert_eq!(actor_of(&headers), "");
    }

    #[test]
    fn cookie_is_found_among_others_unless_it_is_malformed() {
        let id = SessionId::generate().unwrap();
        let find = |cookies: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, HeaderValue::from_str(cookies).unwrap());
            SessionId::of(&headers)
        };
        assert!(find(&format!("a=b; novi_admin={}; c", id.0)).is_some_and(|found| found == id));
        for other in ["", "novi_admin=", "novi_admin=abc", "xnovi_admin=abc", "novi_admin=%00"] {
            assert!(find(other).is_none(), "{other}");
        }
        assert!(
            id.owns(&id.form_key()) && !id.owns("") && !id.owns(&SessionId::generate().unwrap().form_key())
        );
    }
}
