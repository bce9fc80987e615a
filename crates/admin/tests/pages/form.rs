//! The fields that a browser sends for a form.

/// The fields of the form of a page whose action ends so, without its buttons.
pub fn fields(page: &str, action: &str) -> Vec<(String, String)> {
    let start = format!("{action}\" class=\"stack");
    let form = page
        .split("<form ")
        .find(|form| form.contains(&start))
        .unwrap_or_else(|| panic!("no form {action} in {page}"));
    let form = form.split("</form>").next().unwrap();
    let mut fields = Vec::new();
    for tag in form.split('<').skip(1) {
        let (inside, text) = tag.split_once('>').unwrap();
        let (Some(name), element) = (attribute(inside, "name"), inside.split([' ', '\n']).next().unwrap())
        else {
            continue;
        };
        let value = attribute(inside, "value").unwrap_or_default();
        match element {
            "input" if inside.contains("type=\"checkbox\"") && !inside.contains(" checked") => {}
            "input" => fields.push((name, value)),
            // The first line break is no part of it, and browsers send CRLF.
            "textarea" => {
                let text = text.strip_prefix('\n').unwrap_or(text);
                fields.push((name, unescape(text).replace('\n', "\r\n")));
            }
            "select" => {
                let options = form.split(&format!("name=\"{}\"", escape(&name))).nth(1).unwrap();
                let options = options.split("</select>").next().unwrap();
                let chosen = options.split("<option ").find(|option| option.contains(" selected>"));
                let first = options.split("<option ").nth(1);
                fields.push((
                    name,
                    chosen.or(first).and_then(|option| attribute(option, "value")).unwrap_or_default(),
                ));
            }
            _ => {}
        }
    }
    fields
}

/// Sets a field, or adds it.
pub fn set(fields: &mut Vec<(String, String)>, name: &str, value: &str) {
    match fields.iter_mut().find(|(field, _)| field == name) {
        Some((_, old)) => value.clone_into(old),
        None => fields.push((name.to_owned(), value.to_owned())),
    }
}

pub fn borrowed(fields: &[(String, String)]) -> Vec<(&str, &str)> {
    fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let rest = tag.split_once(&format!("{name}=\""))?.1;
    Some(unescape(rest.split('"').next()?))
}

fn unescape(text: &str) -> String {
    let text = text.replace("&#34;", "\"").replace("&#39;", "'").replace("&#60;", "<").replace("&#62;", ">");
    text.replace("&quot;", "\"")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&#38;", "&")
        .replace("&amp;", "&")
}

fn escape(text: &str) -> String {
    text.replace('&', "&#38;").replace('"', "&#34;")
}
