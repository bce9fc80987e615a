//! `novi target`.

use std::process::ExitCode;

use clap::Args;
use jsonc_parser::cst::{CstInputValue, CstNode, CstObject};

use super::{
    args::{HOW, ShortcutOptions},
    edits::{Edits, Found, attribute, is_inline, new_config, set},
    place::Kind,
};
use crate::{
    commands::{
        argument::read_list,
        change::{Operation, perform},
    },
    output::Failure,
    session::Session,
};

const LIST: Kind = Kind { class: "novi.members", noun: "members", instead: &[] };

const EXAMPLES: &str = "\
Examples:
  novi target checkout --allow user-1,user-2 --deny user-3
  novi target checkout --allow @testers.txt --by account
  novi target checkout --remove user-2

With allowed members the flag is on for nobody else; with denied ones alone it is on for everybody else. @FILE and - have a \
member on each line.
";

/// Turn a flag on or off for members of a list
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n{HOW}"))]
pub(crate) struct Target {
    /// Flags by name or #ID
    #[arg(required = true, value_name = "FLAG")]
    flags: Vec<String>,

    /// Members to allow, separated by commas
    #[arg(long, value_name = "MEMBER|@FILE|-", value_delimiter = ',')]
    allow: Vec<String>,

    /// Members to deny
    #[arg(long, value_name = "MEMBER|@FILE|-", value_delimiter = ',')]
    deny: Vec<String>,

    /// Members to remove from both lists
    #[arg(long, value_name = "MEMBER|@FILE|-", value_delimiter = ',')]
    remove: Vec<String>,

    /// Attribute that identifies callers
    #[arg(long, value_name = "ATTRIBUTE")]
    by: Option<String>,

    #[command(flatten)]
    shortcut: ShortcutOptions,
}

/// The members of the command.
struct Lists {
    allow: Vec<String>,
    deny: Vec<String>,
    remove: Vec<String>,
    by: Option<String>,
}

impl Target {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let Self { flags, allow, deny, remove, by, shortcut } = self;
        shortcut.options.version_of_one(&flags)?;
        // "a, b" names two members, and no blank is part of one.
        let read = |option: &str, given: &[String]| {
            let given: Vec<String> = given.iter().map(|member| member.trim().to_owned()).collect();
            read_list(option, &given)
        };
        let (allow, deny) = (read("--allow", &allow)?, read("--deny", &deny)?);
        let lists = Lists { allow, deny, remove: read("--remove", &remove)?, by };
        if [&lists.allow, &lists.deny, &lists.remove].iter().all(|list| list.is_empty()) && lists.by.is_none()
        {
            return Err(Failure::usage("no member given: name some with --allow, --deny or --remove"));
        }
        if let Some(both) = lists.allow.iter().find(|member| lists.deny.contains(member)) {
            return Err(Failure::usage(format!("member {both:?} is both allowed and denied")));
        }
        perform(session, shortcut.options.clone(), |current| {
            let (mut edits, rows) = Edits::new(current, &flags, &shortcut)?;
            for flag in rows {
                let id = match edits.find(flag, &LIST, || new_config(|config| lists.start(config)))? {
                    // Only rows have members in the table.
                    Found::Existing(place) if is_inline(&place) => {
                        edits.edit(&place, |config| lists.write(config, true))?;
                        continue;
                    }
                    Found::Existing(place) => {
                        edits.edit(&place, |config| lists.write(config, false))?;
                        place.row.id
                    }
                    Found::Created(id) => id,
                };
                let Lists { allow, deny, remove, .. } = &lists;
                if !remove.is_empty() {
                    edits.then(Operation::remove_members(id, remove, None));
                }
                for (members, denied) in [(allow, false), (deny, true)] {
                    if !members.is_empty() {
                        edits.then(Operation::add_members(id, members, denied, None));
                    }
                }
            }
            edits.into_draft()
        })
        .await
    }
}

impl Lists {
    /// The config of a new activation, whose members are in the table. Without a list nobody would be in after the
    /// last member is removed, or everybody.
    fn start(&self, config: &CstObject) {
        let list = if self.allow.is_empty() { "deny" } else { "allow" };
        set(config, list, CstInputValue::Array(Vec::new()));
        self.set_by(config);
    }

    /// Removes from the lists of a config what contradicts the members, and adds these if no table has them.
    fn write(&self, config: &CstObject, add: bool) {
        let Self { allow, deny, remove, .. } = self;
        for (field, mine, other) in [("allow", allow, deny), ("deny", deny, allow)] {
            let mut known = Vec::new();
            for item in config.array_value(field).map(|list| list.elements()).unwrap_or_default() {
                let Some(member) = member_of(&item) else { continue };
                if other.contains(&member) || remove.contains(&member) {
                    item.remove();
                } else {
                    known.push(member);
                }
            }
            if add && !mine.is_empty() {
                let list = config.array_value_or_set(field);
                for member in mine.iter().filter(|member| !known.contains(member)) {
                    list.append(member.as_str().into());
                }
            }
        }
        self.set_by(config);
    }

    fn set_by(&self, config: &CstObject) {
        if let Some(by) = &self.by {
            set(config, "by", attribute(by));
        }
    }
}

/// A member as a string: 7 and "7" are the same.
fn member_of(item: &CstNode) -> Option<String> {
    if let Some(text) = item.as_string_lit() {
        return text.decoded_value().ok();
    }
    item.as_number_lit().map(|number| number.to_string())
}
