//! Completion of flag names, activations and class names, by the program itself.

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
    time::Duration,
};

use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use novi::{activation::ActivationType, rows::Rows};

use crate::session::Session;

/// The variable in which a shell asks for completions.
pub(crate) const VARIABLE: &str = "NOVI_COMPLETE";

/// A shell that waits longer seems to hang.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Clone, Copy)]
enum Names {
    Flags,
    Activations,
    Classes,
}

/// The command line, with completions from the database.
pub(crate) fn completing(command: clap::Command, shell: &OsStr) -> clap::Command {
    // What bash inserts is read by it again.
    let quotes = shell.to_string_lossy().contains("bash");
    command
        .mut_args(|argument| {
            let name = argument.get_value_names().and_then(|names| names.first()).map(ToString::to_string);
            let names = match (argument.get_id().as_str(), name.as_deref()) {
                ("flag", _) | (_, Some("FLAG")) => Names::Flags,
                ("activation", _) | (_, Some("ACTIVATION")) => Names::Activations,
                ("class", _) => Names::Classes,
                _ => return argument,
            };
            argument.add(ArgValueCompleter::new(move |typed: &OsStr| candidates(names, typed, quotes)))
        })
        .mut_subcommands(|inner| completing(inner, shell))
}

fn candidates(names: Names, typed: &OsStr, quotes: bool) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    let typed = if quotes { unquoted(&typed) } else { typed.into_owned() };
    let found = known(names).unwrap_or_default();
    let found = found.into_iter().filter(|name| name.starts_with(&typed));
    found.map(|name| CompletionCandidate::new(if quotes { quoted(&name) } else { name })).collect()
}

/// The names in the database. Errors complete nothing: a prompt is no place for them.
fn known(names: Names) -> Option<Vec<String>> {
    let session = session()?;
    if let Names::Classes = names {
        let registry = session.config.registry().ok()?;
        return Some(registry.iter().map(ActivationType::class).map(str::to_owned).collect());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let load = async { Some(session.flags().await.ok()?.snapshot().rows()?.clone()) };
    let rows: Rows = runtime.block_on(async { tokio::time::timeout(PATIENCE, load).await.ok().flatten() })?;
    Some(match names {
        Names::Activations => rows.activations.into_iter().map(|row| row.name).collect(),
        _ => rows.flags.into_iter().map(|row| row.name).collect(),
    })
}

/// The configuration that the typed command would have.
fn session() -> Option<Session> {
    let words: Vec<OsString> = std::env::args_os().collect();
    let words: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
    let value = |option: &str| {
        let equals = |word: &&str| word.strip_prefix(option)?.strip_prefix('=').map(str::to_owned);
        let after = words.iter().position(|word| *word == option).and_then(|at| words.get(at + 1));
        after.map(|word| (*word).to_owned()).or_else(|| words.iter().find_map(equals))
    };
    Session::load(value("--config").map(PathBuf::from), value("--database"), &[], false).ok()
}

/// As bash reads a word: without quotes and escapes.
fn unquoted(typed: &str) -> String {
    let mut letters = typed.chars();
    let mut text = String::new();
    while let Some(letter) = letters.next() {
        match letter {
            '"' | '\'' => (),
            '\\' => text.extend(letters.next()),
            letter => text.push(letter),
        }
    }
    text
}

/// As bash reads it again.
fn quoted(name: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "-_.,:/@%+".contains(letter);
    name.chars().flat_map(|letter| (!is_plain(letter)).then_some('\\').into_iter().chain([letter])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_names_are_read_again() {
        for name in ["Combo AND", "a\"b'c", "$HOME; rm", "grüße"] {
            assert_eq!(unquoted(&quoted(name)), name);
        }
        assert_eq!(quoted("Combo AND"), "Combo\\ AND");
        assert_eq!(unquoted("\"Combo A"), "Combo A");
    }
}
