//! 1,000 callers with five attributes; the rules match half of them.

use std::time::{SystemTime, UNIX_EPOCH};

/// How many callers take turns.
pub const USERS: usize = 1000;

/// A caller, as a service knows it: its texts are somewhere in memory, and a context is made from them.
#[derive(Clone, Debug)]
pub struct User {
    /// The sticky identity, 16 bytes.
    pub key: String,
    /// ISO 3166, two letters.
    pub country: String,
    /// `free`, `team` or `pro`.
    pub plan: String,
    /// Of the caller's program, three numbers.
    pub version: String,
    /// In years.
    pub age: i64,
    /// Milliseconds since 1970, for engines without a clock: they get the time as an additional attribute.
    pub now: i64,
}

/// The callers, in an order that is the same on each run but has no pattern to learn.
pub fn users() -> Vec<User> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let now = i64::try_from(now).unwrap_or_default();
    let mut users: Vec<_> = (0..USERS).map(|index| user(index, now)).collect();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for index in (1..users.len()).rev() {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let bound = u64::try_from(index + 1).unwrap_or(1);
        users.swap(index, usize::try_from((random >> 33) % bound).unwrap_or_default());
    }
    users
}

/// Those with even numbers are in the right country, have the right plan and a new version. The others lack one of the three.
fn user(index: usize, now: i64) -> User {
    const INSIDE: [&str; 3] = ["US", "CA", "MX"];
    const OUTSIDE: [&str; 3] = ["DE", "FR", "JP"];
    const NEW: [&str; 4] = ["1.2.3", "1.10.0", "2.4.11", "9.1.0"];
    const OLD: [&str; 3] = ["0.9.17", "1.1.9", "1.2.2"];
    let lacks = (index % 2 == 1).then_some(index / 2 % 3);
    let pick = |list: &[&str]| list[index / 6 % list.len()].to_owned();
    User {
        key: format!("user-{index:011}"),
        country: pick(if lacks == Some(0) { &OUTSIDE } else { &INSIDE }),
        plan: if lacks == Some(1) { pick(&["free", "team"]) } else { "pro".to_owned() },
        version: pick(if lacks == Some(2) { &OLD } else { &NEW }),
        age: i64::try_from(18 + index % 60).unwrap_or_default(),
        now,
    }
}
