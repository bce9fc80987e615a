//! Two people edit a row: the second chooses, for each field, between both. A form has the values that it was drawn
//! with, `was.NAME`; the page of a merge has both sides, `theirs.NAME` and `mine.NAME`, and the choice, `pick.NAME`.

use askama::Template;
use axum::{http::StatusCode, response::Response};

use crate::{
    forms::{draw::label, fields::pointer, json},
    visit::{Layout, Section, Sent, Visit},
};

/// The fields of a row, by name.
pub(crate) type Values = Vec<(String, String)>;

/// The longest value of which all is shown.
const LONGEST: usize = 2000;

#[derive(Template)]
#[template(path = "merge.html")]
struct MergePage<'a> {
    layout: Layout,
    what: &'a str,
    /// Where the form is sent, and where the visitor goes without saving.
    action: &'a str,
    back: &'a str,
    version: i64,
    same: Values,
    theirs: &'a Values,
    fields: Vec<Merged>,
    actor: &'a str,
    reason: &'a str,
}

/// A field that is not the same on both sides.
struct Merged {
    name: String,
    label: String,
    base: String,
    theirs: String,
    mine: String,
    /// Whether both have changed it.
    is_conflict: bool,
    /// Whether only this visitor has changed it.
    is_mine: bool,
}

/// What a row is, and where its pages are.
pub(crate) struct Edited<'a> {
    pub(crate) what: &'a str,
    pub(crate) action: &'a str,
    pub(crate) back: &'a str,
    pub(crate) version: i64,
}

pub(crate) fn get<'a>(values: &'a Values, name: &str) -> &'a str {
    values.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
}

/// The values that a form was drawn with; empty if it does not say so.
pub(crate) fn was(sent: &Sent) -> Values {
    let was = sent.all().iter().filter_map(|(name, value)| Some((name.strip_prefix("was.")?, value)));
    was.map(|(name, value)| (name.to_owned(), lines(value))).collect()
}

/// The merged values, if the form is that of a merge.
pub(crate) fn picked(sent: &Sent) -> Option<Values> {
    sent.optional("merge")?;
    let mut values = Values::new();
    for (field, value) in sent.all() {
        if let Some(name) = field.strip_prefix("same.") {
            values.push((name.to_owned(), lines(value)));
        } else if let Some(name) = field.strip_prefix("theirs.") {
            let side = if sent.text(&format!("pick.{name}")) == "mine" { "mine" } else { "theirs" };
            let chosen = sent.all().iter().find(|(found, _)| *found == format!("{side}.{name}"));
            values.push((name.to_owned(), lines(chosen.map_or("", |(_, value)| value))));
        }
    }
    // In the order of the row: the order of variants decides which callers have them. New ones are last.
    let was = was(sent);
    let place = |name: &str| was.iter().position(|(found, _)| found == name).unwrap_or(was.len());
    values.sort_by_cached_key(|(name, _)| place(name));
    Some(values)
}

/// Browsers send line breaks as CRLF.
fn lines(value: &str) -> String {
    value.replace("\r\n", "\n")
}

/// The page on which a visitor merges, if others have changed a field since the form was drawn.
pub(crate) fn page(
    visit: &Visit,
    sent: &Sent,
    edited: &Edited<'_>,
    (base, theirs, mine): (&Values, &Values, &Values),
) -> Option<Response> {
    if base.is_empty()
        || theirs.iter().all(|(name, value)| get(base, name) == value) && base.len() == theirs.len()
    {
        return None;
    }
    let mut names: Vec<&str> = theirs.iter().map(|(name, _)| name.as_str()).collect();
    for (name, _) in mine {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let (mut same, mut fields) = (Values::new(), Vec::new());
    for name in names {
        let (base, theirs, mine) = (get(base, name), get(theirs, name), get(mine, name));
        if theirs == mine {
            same.push((name.to_owned(), mine.to_owned()));
            continue;
        }
        fields.push(Merged {
            name: name.to_owned(),
            label: label_of(name),
            base: base.to_owned(),
            theirs: theirs.to_owned(),
            mine: mine.to_owned(),
            is_conflict: base != theirs && base != mine,
            is_mine: base == theirs,
        });
    }
    // What has to be chosen is first.
    fields.sort_by_key(|field| !field.is_conflict);
    let page = MergePage {
        layout: visit.layout("Merge", Section::Flags),
        what: edited.what,
        action: edited.action,
        back: edited.back,
        version: edited.version,
        same,
        theirs,
        fields,
        actor: sent.text("actor"),
        reason: sent.text("reason"),
    };
    Some(visit.page_with(StatusCode::PRECONDITION_FAILED, &page))
}

/// A config by its members, as `config/NAME`, unless one of the configs is no object. Members that are objects on all
/// sides are in parts, as `config/variants/NAME`.
pub(crate) fn by_member(configs: [&str; 3]) -> [Values; 3] {
    let [Some(base), Some(theirs), Some(mine)] = configs.map(json::members) else {
        return configs.map(|config| vec![("config".to_owned(), json::one_line(config))]);
    };
    let sides = [base, theirs, mine];
    let in_parts = |name: &str| {
        let values = sides.each_ref().map(|side| Some(side.iter().find(|(found, _)| found == name)?.1));
        matches!(values.map(|raw| raw.and_then(json::members)), [Some(base), Some(theirs), Some(mine)]
            if in_one_order([&base, &theirs, &mine]))
    };
    let value = |path: String, raw: &str| (path, json::one_line(raw));
    sides.each_ref().map(|side| {
        let mut values = Values::new();
        for (name, raw) in side {
            let path = pointer("config", name);
            match json::members(raw).filter(|_| in_parts(name)) {
                Some(parts) => {
                    values.extend(parts.iter().map(|(part, raw)| value(pointer(&path, part), raw)));
                }
                None => values.push(value(path, raw)),
            }
        }
        values
    })
}

/// Whether objects with these members can be merged by them: the order of variants decides which callers have them.
fn in_one_order(sides: [&[(String, &str)]; 3]) -> bool {
    let is_shared = |name: &str| sides.iter().all(|side| side.iter().any(|(found, _)| found == name));
    let [base, theirs, mine] = sides.map(|side| {
        side.iter().map(|(name, _)| name.as_str()).filter(|name| is_shared(name)).collect::<Vec<_>>()
    });
    // An empty object has no member that could stand for it, and names of inputs have no line breaks.
    let are_names = |side: &[(String, &str)]| {
        !side.is_empty() && side.iter().all(|(name, _)| !name.contains(char::is_control))
    };
    base == theirs && base == mine && sides.iter().all(|side| are_names(side))
}

/// The config of merged values.
pub(crate) fn config(values: &Values) -> String {
    if let Some((_, config)) = values.iter().find(|(name, _)| name == "config") {
        return config.clone();
    }
    // Each member with its value, or with its parts.
    let mut members: Vec<(String, Result<String, Values>)> = Vec::new();
    for (name, raw) in values {
        // A member that the chosen side does not have is empty.
        let Some(path) = name.strip_prefix("config/").filter(|_| !raw.is_empty()) else { continue };
        let Some((name, part)) = path.split_once('/') else {
            members.push((unescaped(path), Ok(raw.clone())));
            continue;
        };
        let (name, part) = (unescaped(name), (unescaped(part), raw.clone()));
        match members.iter_mut().find(|(found, _)| *found == name) {
            Some((_, Err(parts))) => parts.push(part),
            _ => members.push((name, Err(vec![part]))),
        }
    }
    let value = |(name, value): (String, Result<String, Values>)| {
        (name, value.unwrap_or_else(|parts| json::object(&parts)))
    };
    json::object(&members.into_iter().map(value).collect::<Vec<_>>())
}

/// A part of a JSON pointer as a name.
fn unescaped(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}

/// The label of a field: `config/variants/grid` is `Variants: grid`.
fn label_of(name: &str) -> String {
    match name.split('/').collect::<Vec<_>>().as_slice() {
        [_, member] => label(&unescaped(member)),
        [_, member, part] => format!("{}: {}", label(&unescaped(member)), unescaped(part)),
        _ => label(name),
    }
}

impl Merged {
    fn shown(text: &str) -> String {
        match text.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
            None if text.is_empty() => "none".to_owned(),
            None => text.to_owned(),
        }
    }
}
