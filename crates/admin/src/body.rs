//! The body of a form: its fields, and the file of callers that a form of a change may have.

use axum::{
    extract::{DefaultBodyLimit, Form, FromRequest as _, Multipart, Request},
    http::{StatusCode, header},
};

use crate::{
    kept_files::{CallersFile, KeptFiles},
    session::SessionId,
};

/// The largest form, without its file: larger configs are for the API.
pub(crate) const BODY_LIMIT: usize = 1024 * 1024;

/// The largest form with its file. The API has the same limit for the callers of an impact by default.
const FILE_LIMIT: usize = 32 * 1024 * 1024;

/// The name of the input for a file of callers.
const FILE: &str = "callers_file";

/// A form that was sent.
#[derive(Default)]
pub(crate) struct Body {
    pub(crate) fields: Vec<(String, String)>,
    /// The file of callers, which was chosen in this form or an earlier one.
    file: Option<CallersFile>,
    /// The id of the file where it is kept.
    kept: Option<String>,
}

/// The name of the select of a saved query.
const QUERY: &str = "callers_query";

/// The names of the fields with the id of a file that is kept, and with its name.
const KEPT: &str = "callers_kept";
const KEPT_NAME: &str = "callers_kept_name";

/// The callers for a preview, as the form has them: what was typed, and before it a file and the name of a saved query.
/// All may be empty.
#[derive(Clone, Default)]
pub(crate) struct ChosenCallers {
    pub(crate) query: String,
    pub(crate) text: String,
    /// The id and the name of a file that is kept.
    pub(crate) file: Option<(String, String)>,
}

impl ChosenCallers {
    pub(crate) fn is_empty(&self) -> bool {
        self.query.is_empty() && self.text.is_empty() && self.file.is_none()
    }
}

/// The callers that a visitor has entered, one in JSON on each line, or the saved query that selects them.
#[derive(Clone, Copy)]
pub(crate) struct Entered<'a> {
    /// The name of a saved query, which counts before what was entered.
    pub(crate) query: Option<&'a str>,
    /// The name of their file; `None` if they were typed.
    pub(crate) file: Option<&'a str>,
    /// `None` if the file is no longer kept.
    pub(crate) text: Option<&'a [u8]>,
}

impl Body {
    /// # Errors
    /// A status with what is wrong.
    pub(crate) async fn read(mut request: Request) -> Result<Self, (StatusCode, String)> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if !kind.is_some_and(|kind| kind.starts_with("multipart/form-data")) {
            let Form(fields) = Form::<Vec<(String, String)>>::from_request(request, &())
                .await
                .map_err(|error| (error.status(), error.body_text()))?;
            return Ok(Self { fields, ..Self::default() });
        }
        DefaultBodyLimit::max(FILE_LIMIT).apply(&mut request);
        let failed = Multipart::from_request(request, &()).await;
        let mut parts = failed.map_err(|error| (error.status(), error.body_text()))?;
        let (mut body, mut size) = (Self::default(), 0);
        while let Some(part) =
            parts.next_field().await.map_err(|error| (error.status(), error.body_text()))?
        {
            let name = part.name().unwrap_or_default().to_owned();
            let file = part.file_name().map(str::to_owned);
            let content = part.bytes().await.map_err(|error| (error.status(), error.body_text()))?;
            if let Some(file) = file {
                // Without a chosen file, browsers send an empty one without a name.
                if name == FILE && !file.is_empty() {
                    body.file = Some(CallersFile { name: file, content });
                }
                continue;
            }
            size += content.len();
            if size > BODY_LIMIT {
                let message =
                    format!("the fields have more than {BODY_LIMIT} bytes: use the API for larger configs");
                return Err((StatusCode::PAYLOAD_TOO_LARGE, message));
            }
            let text = String::from_utf8(content.into()).map_err(|_| {
                (StatusCode::BAD_REQUEST, format!("expected text in UTF-8 as the field {name:?}"))
            })?;
            body.fields.push((name, text));
        }
        Ok(body)
    }

    /// A field, without spaces around it; empty if it is missing.
    pub(crate) fn text(&self, name: &str) -> &str {
        let field = self.fields.iter().find(|(known, _)| known == name);
        field.map_or("", |(_, value)| value.trim())
    }

    /// The callers of a saved query, or else those of the file, or else those that were typed.
    pub(crate) fn callers(&self) -> Entered<'_> {
        let query = Some(self.text(QUERY)).filter(|query| !query.is_empty());
        if let Some(CallersFile { name, content }) = &self.file {
            return Entered { query, file: Some(name), text: Some(content) };
        }
        if !self.text(KEPT).is_empty() {
            return Entered { query, file: Some(self.text(KEPT_NAME)), text: None };
        }
        // Lines count from the first that was typed, also if it is empty.
        let typed = self.fields.iter().find(|(name, _)| name == "callers");
        Entered { query, file: None, text: Some(typed.map_or(&[], |(_, text)| text.as_bytes())) }
    }

    /// Keeps the file for the next form of the session, or finds the one that was kept for this form.
    pub(crate) fn keep_file(&mut self, files: &KeptFiles, owner: &SessionId) {
        let kept = self.text(KEPT).to_owned();
        if let Some(file) = &self.file {
            self.kept = files.keep(owner, file.clone());
        } else if !kept.is_empty() {
            self.file = files.find(owner, &kept);
            self.kept = self.file.is_some().then_some(kept);
        }
    }

    pub(crate) fn chosen_callers(&self) -> ChosenCallers {
        let [query, text] = [QUERY, "callers"].map(|name| self.text(name).to_owned());
        let file = self.kept.clone().zip(self.file.as_ref().map(|file| file.name.clone()));
        ChosenCallers { query, text, file }
    }
}

impl Entered<'_> {
    /// None, so that a change is measured over a sample of recent callers, or made-up ones.
    pub(crate) const NONE: Entered<'static> = Entered { query: None, file: None, text: Some(&[]) };
}
