//! Styles and scripts, with a hash of their content in their names, so that browsers keep them forever.

use std::{fmt::Write as _, sync::LazyLock};

use axum::{
    extract::Path,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use sha2_11::{Digest as _, Sha256};

/// A file that pages use.
pub(crate) struct Asset {
    /// The name with the hash: `admin-1a2b3c4d5e6f7081.css`.
    pub(crate) name: String,
    content_type: &'static str,
    content: &'static str,
}

impl Asset {
    fn new(stem: &str, extension: &str, content_type: &'static str, content: &'static str) -> Self {
        let mut name = format!("{stem}-");
        for byte in Sha256::digest(content.as_bytes()).iter().take(8) {
            // Writing to a string does not fail.
            let _ = write!(name, "{byte:02x}");
        }
        name.push('.');
        name.push_str(extension);
        Self { name, content_type, content }
    }
}

/// All files of the pages.
pub(crate) struct Assets {
    pub(crate) style: Asset,
    pub(crate) script: Asset,
    /// Only for pages that edit lists.
    pub(crate) chips: Asset,
    /// htmx 4.0.1 from its npm package `htmx.org`; `assets/htmx-LICENSE.txt` has its license (0BSD).
    pub(crate) htmx: Asset,
    pub(crate) icon: Asset,
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

pub(crate) static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
    style: Asset::new("admin", "css", "text/css; charset=utf-8", include_str!("../assets/admin.css")),
    script: Asset::new("admin", "js", SCRIPT, include_str!("../assets/admin.js")),
    chips: Asset::new("chips", "js", SCRIPT, include_str!("../assets/chips.js")),
    htmx: Asset::new("htmx-4.0.1", "js", SCRIPT, include_str!("../assets/htmx-4.0.1.min.js")),
    icon: Asset::new("icon", "svg", "image/svg+xml", include_str!("../assets/icon.svg")),
});

/// `GET /assets/{name}`
pub(crate) async fn asset(Path(name): Path<String>) -> Response {
    let Assets { style, script, chips, htmx, icon } = &*ASSETS;
    let Some(asset) = [style, script, chips, htmx, icon].into_iter().find(|asset| asset.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut response = asset.content.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
    headers.insert(header::CACHE_CONTROL, forever);
    response
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::ASSETS;

    /// The text of all files of a folder.
    fn texts(folder: &Path) -> String {
        let text = |path: &Path| if path.is_dir() { texts(path) } else { fs::read_to_string(path).unwrap() };
        fs::read_dir(folder).unwrap().map(|entry| text(&entry.unwrap().path())).collect()
    }

    /// Names in a text: of classes, after a dot, or all words.
    fn names(text: &str, are_classes: bool) -> BTreeSet<&str> {
        let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
        let mut names = BTreeSet::new();
        for (start, word) in text.match_indices(|letter| !is_part(letter)) {
            let rest = &text[start + word.len()..];
            let end = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
            let is_name = rest.starts_with(|letter: char| letter.is_ascii_alphabetic());
            if is_name && (!are_classes || word == ".") {
                names.insert(&rest[..end]);
            }
        }
        names
    }

    #[test]
    fn every_class_of_the_stylesheet_is_used() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let used = texts(&root.join("templates"))
            + &texts(&root.join("src"))
            + ASSETS.script.content
            + ASSETS.chips.content;
        let mut used = names(&used, false);
        // The classes of series and of spans have a part that is computed.
        used.extend(["s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "span-off"]);
        let style = ASSETS.style.content;
        let selectors: String =
            style.split('}').filter_map(|rule| rule.rsplit_once('{')).map(|(of, _)| of).collect();
        let classes = names(&selectors, true);
        assert!(classes.len() > 80, "only {} classes were found", classes.len());
        let unused: Vec<_> = classes.difference(&used).collect();
        assert!(unused.is_empty(), "no template and no source uses the classes {unused:?}");
    }
}
