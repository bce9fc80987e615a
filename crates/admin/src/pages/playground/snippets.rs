//! The same question as programs, to copy.

use serde_json::{Value, json};

/// A program that evaluates what the page has evaluated.
pub(super) struct Snippet {
    /// The id of its text on the page.
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) text: String,
}

/// Programs that evaluate one flag, or all, for a context now.
pub(super) fn snippets(host: &str, flag: &str, context: &Value) -> Vec<Snippet> {
    let path = if flag.is_empty() {
        "/ofrep/v1/evaluate/flags".to_owned()
    } else {
        format!("/ofrep/v1/evaluate/flags/{}", crate::api::escape(flag))
    };
    let (address, body) = (format!("http://{host}{path}"), json!({"context": context}));
    vec![
        Snippet { id: "curl", title: "curl", text: curl(&address, &body) },
        Snippet { id: "rust", title: "Rust, with the crate novi", text: rust(flag, context) },
        Snippet { id: "python", title: "Python", text: python(&address, &body) },
        Snippet { id: "javascript", title: "JavaScript", text: javascript(&address, &body) },
    ]
}

/// A request for a shell.
pub(super) fn curl(address: &str, body: &Value) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    let (address, body) = (quoted(address), quoted(&body.to_string()));
    format!("curl -s {address} -H 'content-type: application/json' \\\n  -d {body}")
}

fn rust(flag: &str, context: &Value) -> String {
    let text = context.to_string();
    // As many as no quote in the text is followed by.
    let mut fence = "#".to_owned();
    while text.contains(&format!("\"{fence}")) {
        fence.push('#');
    }
    let context = format!("let context = Context::from_json(r{fence}\"{text}\"{fence})?;");
    if flag.is_empty() {
        return format!("{context}\nlet decisions = flags.snapshot().evaluate_all(&context);");
    }
    format!("{context}\nlet decision = flags.evaluate({flag:?}, &context)?;")
}

/// The text of a JSON string is one of Python and of JavaScript as well.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn python(address: &str, body: &Value) -> String {
    let (address, body) = (quoted(address), quoted(&body.to_string()));
    format!(
        "import json, urllib.request\n\nrequest = urllib.request.Request(\n    {address},\n    {body}.encode(),\n    \
         {{\"content-type\": \"application/json\"}},\n)\nprint(json.load(urllib.request.urlopen(request)))"
    )
}

fn javascript(address: &str, body: &Value) -> String {
    let (address, body) = (quoted(address), quoted(&body.to_string()));
    format!(
        "const response = await fetch({address}, {{\n  method: \"POST\",\n  headers: {{ \"content-type\": \
         \"application/json\" }},\n  body: {body},\n}});\nconsole.log(await response.json());"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_for_each_language() {
        let context = json!({"name": "O'Neil \"#\\ \n🦀"});
        let all: Result<[Snippet; 4], _> = snippets("localhost:6684", "a b", &context).try_into();
        let [curl, rust, python, javascript] = all.map_err(|_| "four").unwrap();
        assert!(curl.text.contains(r##"O'\''Neil \"#\\ \n🦀"##), "{}", curl.text);
        assert!(curl.text.contains("'http://localhost:6684/ofrep/v1/evaluate/flags/a%20b'"), "{}", curl.text);
        assert!(rust.text.contains(r###"(r##"{"name":"O'Neil \"#\\ \n🦀"}"##)"###), "{}", rust.text);
        assert!(rust.text.contains(r#"flags.evaluate("a b", &context)?"#), "{}", rust.text);
        let literal = r##""{\"context\":{\"name\":\"O'Neil \\\"#\\\\ \\n🦀\"}}""##;
        assert!(python.text.contains(literal) && javascript.text.contains(literal), "{}", python.text);
        assert!(snippets("x", "", &context)[1].text.contains("evaluate_all"));
    }
}
