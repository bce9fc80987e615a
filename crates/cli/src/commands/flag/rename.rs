//! `novi flag rename`.

use std::process::ExitCode;

use clap::Args;
use novi::rows::ActivationRow;
use serde_json::Value;

use crate::{
    commands::change::{ChangeOptions, Current, Draft, Fields, Operation, perform},
    output::Failure,
    session::Session,
};

/// The types that place callers by a hash with a salt.
const DRAWING: [&str; 4] = ["novi.bucket", "novi.percentage", "novi.ramp", "novi.split"];

/// Hashes without a salt of their own.
const UNSALTED: [&str; 3] = ["blake2s", "crc32", "rollout"];

const ABOUT: &str = "\
Code that evaluates the old name no longer finds the flag. Rollouts and splits without a `salt` draw by the flag's name: \
a renamed flag is on for other callers.";

/// Rename a flag
#[derive(Debug, Args)]
#[command(after_help = ABOUT)]
pub(crate) struct Rename {
    /// Flag by name or #ID
    flag: String,

    /// New name
    name: String,

    #[command(flatten)]
    options: ChangeOptions,
}

impl Rename {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let Self { flag, name, options } = self;
        let set = Fields::new().with("name", &name).maybe("version", options.if_version.as_ref());
        perform(session, options, |current| {
            let row = current.flag(&flag)?;
            let mut draft = Draft::new([Operation::update_flag(row.id, &set)]);
            draft.notes.extend(drawn_by_name(current, &row.name).map(|activation| {
                format!(
                    "activations#{} {:?} has no `salt` and draws by the flag's name: after the rename, other callers \
                     are in; set its `salt` to {:?} to keep them",
                    activation.id, activation.name, row.name
                )
            }));
            Ok(draft)
        })
        .await
    }
}

/// The activations of a flag that draw by its name.
fn drawn_by_name<'c>(current: &'c Current, flag: &str) -> impl Iterator<Item = &'c ActivationRow> {
    let reached = current.snapshot.reached_by(flag);
    let rows = current.rows.activations.iter().filter(move |row| reached.contains(&row.id));
    rows.filter(|row| {
        let Some(kind) = current.registry.find(&row.class_name) else { return false };
        let config = row.config.as_deref().unwrap_or("null");
        let config: Value = serde_json::from_str(config).unwrap_or_default();
        // A split is also a part of the results of rules.
        let mut open = vec![(kind.class().to_owned(), &config)];
        while let Some((class, value)) = open.pop() {
            let hash = value.get("hash").and_then(Value::as_str).unwrap_or_default();
            let draws = DRAWING.contains(&class.as_str()) && !UNSALTED.contains(&hash);
            if draws && value.get("salt").is_none_or(Value::is_null) {
                return true;
            }
            match value {
                Value::Array(items) => open.extend(items.iter().map(|item| (String::new(), item))),
                Value::Object(fields) => open.extend(fields.iter().map(|(field, inner)| {
                    let class = match field.as_str() {
                        "config" => value.get("class_name").and_then(Value::as_str).unwrap_or_default(),
                        "split" => "novi.split",
                        _ => "",
                    };
                    (class.to_owned(), inner)
                })),
                _ => (),
            }
        }
        false
    })
}
