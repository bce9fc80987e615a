//! A service with `GET /features`, whose features are in one Redis database, and whose tokens are in another.
//!
//! A feature of `global_features` is for everybody. One of `features:user:USER` is for the user, as long as it is in
//! `active_features`.

use std::collections::{BTreeMap, BTreeSet};

use novi::store::token::TokenHash;
use novi_files::Flag;

use crate::{
    collector::{Collector, Draft, Imported},
    members::Members,
    options::Options,
    redis::Keys,
    report::{Outcome, Report},
};

/// The keys to read, as patterns.
pub const KEYS: [&str; 3] = ["global_features", "active_features", "features:user:*"];

/// The keys of tokens.
pub const TOKEN_KEYS: [&str; 1] = ["token:*"];

const GLOBAL: &str = "global_features";
const ACTIVE: &str = "active_features";
const USER: &str = "features:user:";
const TOKEN: &str = "token:";

/// A secret that can be guessed is no secret: its hash can be, too.
const SHORT: usize = 16;

/// Reads the features.
#[must_use]
pub fn read(keys: &Keys, options: &Options) -> Imported {
    let mut collector = Collector::default();
    let (global, active) = (names(keys.set(GLOBAL)), names(keys.set(ACTIVE)));
    let mut users: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (key, features) in keys.sets() {
        let Some(user) = key.strip_prefix(USER) else { continue };
        for feature in features {
            users.entry(feature).or_default().push(user.to_owned());
        }
    }
    let all: BTreeSet<&str> = global.iter().chain(&active).copied().chain(users.keys().copied()).collect();
    for name in all {
        let own = users.remove(name).unwrap_or_default();
        // Callers with a client token, and those without one, see exposed flags alone.
        let mut flag = Flag { status: Some(true), exposed: Some(true), ..Flag::default() };
        let mut differences = Vec::new();
        let source = if global.contains(name) {
            if !own.is_empty() {
                differences.push(format!(
                    "on for everybody: the users that have it themselves ({}) are not kept",
                    own.len()
                ));
            }
            GLOBAL.to_owned()
        } else {
            flag.status = Some(active.contains(name));
            let list = Members { what: "users", callers: own, by: &options.by };
            list.only(name, &mut collector, &mut flag);
            if active.contains(name) { ACTIVE.to_owned() } else { format!("{USER}*") }
        };
        collector.add(format!("{source}: {name}"), name, Ok(Draft { flag, differences }));
    }
    for (key, _) in keys.unreadable("") {
        let why = "expected a set of text".to_owned();
        collector.note(key, None, Outcome::NotMapped { why });
    }
    collector.finish()
}

fn names(set: &[String]) -> BTreeSet<&str> {
    set.iter().map(String::as_str).collect()
}

/// A token of a user. The secret itself is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The hash of the secret, as in novi's table of tokens.
    pub hash: TokenHash,
    /// The user that it stands for.
    pub user: String,
}

/// Reads the tokens. The report names them by the start of their hashes, and has no secret.
#[must_use]
pub fn read_tokens(keys: &Keys) -> (Vec<Token>, Report) {
    let (mut tokens, mut report) = (Vec::new(), Report::default());
    for (key, user) in keys.texts() {
        let Some(secret) = key.strip_prefix(TOKEN) else { continue };
        let hash = TokenHash::of(secret);
        let source = format!("{TOKEN}{}", hash.to_string().get(..8).unwrap_or_default());
        if secret.is_empty() || user.trim().is_empty() || user.trim() != user {
            let why = "expected a token, and a user without spaces at either end".to_owned();
            report.push(source, None, Outcome::NotMapped { why });
            continue;
        }
        let outcome = if secret.chars().count() < SHORT {
            let how = format!(
                "it works as before, but has less than {SHORT} characters, and can be guessed, also from its hash: \
                 replace it with `novi token rotate`"
            );
            Outcome::Approximated { how }
        } else {
            Outcome::Mapped
        };
        report.push(source, None, outcome);
        tokens.push(Token { hash, user: user.to_owned() });
    }
    (tokens, report)
}
