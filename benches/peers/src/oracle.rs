//! What the answers must be, said as plainly as possible. An engine that answers otherwise is not measured: the program ends.

use std::collections::HashMap;

use crate::{
    definition::{COUNTRIES, Definition, Kind, NESTED, PLAN, VARIANTS, VERSION},
    engine::{Engine, Hashing, each_engine},
    users::User,
};

/// A share may be so far from what it should be: 1,000 callers are few. It is more than three standard deviations.
const TOLERANCE: usize = 50;

/// Checks all engines.
///
/// # Panics
/// An answer is wrong.
pub fn check_engines(users: &[User]) {
    each_engine!(check(users));
}

/// Holds every answer of an engine to W1 to W6 against what it must be, and the contexts made in the call as well.
///
/// # Panics
/// An answer is wrong.
pub fn check<E: Engine>(users: &[User]) {
    let engine = E::load(E::document(&Definition::six()));
    for kind in Kind::ALL {
        let flag = engine.flag(kind.name());
        let answers: Vec<_> = users.iter().map(|user| answer(&engine, &flag, kind, user)).collect();
        let exact = E::HASHING == Hashing::Murmur3 || !matches!(kind, Kind::Rollout | Kind::Split);
        if exact {
            for (user, found) in users.iter().zip(&answers) {
                let right = expected(kind, user);
                assert_eq!(*found, right, "{}: {kind} for {user:?}", E::NAME);
            }
        } else {
            check_shares(&format!("{}: {kind}", E::NAME), kind, &answers);
        }
    }
    check_all::<E>(users);
}

/// An answer as text, asked three times in two ways: it must be the same each time.
fn answer<E: Engine>(engine: &E, flag: &E::Flag, kind: Kind, user: &User) -> Option<char> {
    let ctx = E::context(user);
    let all: [Option<char>; 3] = if kind == Kind::Split {
        let letters =
            [engine.variant(flag, &ctx), engine.variant(flag, &ctx), engine.variant_anew(flag, user)];
        letters.map(|letter| letter.map(char::from))
    } else {
        let answers = [engine.ask(flag, &ctx), engine.ask(flag, &ctx), engine.ask_anew(flag, user)];
        answers.map(|on| on.then_some('+'))
    };
    assert!(all.iter().all(|one| *one == all[0]), "{}: {kind}: {all:?} for {user:?}", E::NAME);
    all[0]
}

/// A plus for on, nothing for off, or the variant's letter.
fn expected(kind: Kind, user: &User) -> Option<char> {
    match kind {
        Kind::On | Kind::Window => Some('+'),
        Kind::Rollout => is_in(kind.name(), user).then_some('+'),
        Kind::Targeting => matches(PLAN, VERSION, user).then_some('+'),
        Kind::Nested => NESTED.iter().any(|(plan, version)| matches(plan, version, user)).then_some('+'),
        Kind::Split => {
            let mixed = finish(murmur3(&format!("{}:{}", kind.name(), user.key)) ^ 0x9e37_79b9);
            let percent = mixed % 100_000 / 1000;
            let mut end = 0;
            let found = VARIANTS.iter().find(|(_, share)| {
                end += share;
                percent < end
            });
            found.and_then(|(name, _)| name.chars().next())
        }
    }
}

fn is_in(flag: &str, user: &User) -> bool {
    murmur3(&format!("{flag}:{}", user.key)) % 100_000 < 50_000
}

fn matches(plan: &str, version: &str, user: &User) -> bool {
    COUNTRIES.contains(&user.country.as_str())
        && user.plan == plan
        && numbers(&user.version) >= numbers(version)
}

fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map(|part| part.parse().expect("versions are three numbers")).collect()
}

fn check_shares(what: &str, kind: Kind, answers: &[Option<char>]) {
    let mut counts = HashMap::new();
    for answer in answers {
        *counts.entry(*answer).or_insert(0_usize) += 1;
    }
    let wanted: Vec<_> = if kind == Kind::Split {
        VARIANTS.iter().map(|(name, share)| (name.chars().next(), *share)).collect()
    } else {
        vec![(Some('+'), 50), (None, 50)]
    };
    assert_eq!(counts.len(), wanted.len(), "{what}: {counts:?}");
    for (answer, share) in wanted {
        let right = answers.len() * share as usize / 100;
        let found = counts.get(&answer).copied().unwrap_or_default();
        assert!(found.abs_diff(right) <= TOLERANCE, "{what}: {counts:?}");
    }
}

/// What W7 evaluates: as many flags are on as there must be.
fn check_all<E: Engine>(users: &[User]) {
    const FLAGS: usize = 1000;
    let definition = Definition::halves(FLAGS);
    let engine = E::load(E::document(&definition));
    for user in users.iter().take(20) {
        let found = engine.all(&E::context(user));
        let (mut rollouts, mut targeting) = (0, 0);
        for flag in &definition.flags {
            match flag.kind {
                Kind::Rollout => rollouts += usize::from(is_in(&flag.name, user)),
                _ => targeting += usize::from(matches(PLAN, VERSION, user)),
            }
        }
        if E::HASHING == Hashing::Murmur3 {
            assert_eq!(found, rollouts + targeting, "{}: all flags for {user:?}", E::NAME);
        } else {
            let rollouts = found.saturating_sub(targeting);
            assert!(rollouts.abs_diff(FLAGS / 4) <= TOLERANCE, "{}: all flags: {found}", E::NAME);
        }
    }
}

/// MurmurHash3 x86 32 with seed 0, as it is published.
fn murmur3(text: &str) -> u32 {
    let mix = |block: u32| block.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let (blocks, tail) = text.as_bytes().as_chunks::<4>();
    let mut hash = 0_u32;
    for block in blocks {
        hash = (hash ^ mix(u32::from_le_bytes(*block)))
            .rotate_left(13)
            .wrapping_mul(5)
            .wrapping_add(0xe654_6b64);
    }
    let tail = tail.iter().rev().fold(0, |all, byte| all << 8 | u32::from(*byte));
    let length = u32::try_from(text.len()).expect("names are short");
    finish(hash ^ mix(tail) ^ length)
}

fn finish(hash: u32) -> u32 {
    let hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    let hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_the_published_ones() {
        for (text, hash) in [("", 0), ("test", 0xba6b_d213), ("Hello, world!", 0xc036_3e43)] {
            assert_eq!(murmur3(text), hash, "{text:?}");
        }
    }

    #[test]
    fn half_of_the_callers_match() {
        let users = crate::users::users();
        for kind in [Kind::Targeting, Kind::Nested] {
            assert_eq!(users.iter().filter(|user| expected(kind, user).is_some()).count(), users.len() / 2);
        }
        assert!(users.iter().all(|user| user.key.len() == 16));
    }
}
