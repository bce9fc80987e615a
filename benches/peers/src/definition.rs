//! What is asked: flags, as each engine writes them down in its own way.

use std::fmt;

/// What a flag says. The first six are the workloads W1 to W6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// W1: on for everybody.
    On,
    /// W2: on for half of the callers, sticky by their key.
    Rollout,
    /// W3: country in a list, and plan equal, and version at least.
    Targeting,
    /// W4: on between two dates, long past and far ahead.
    Window,
    /// W5: one of three conjunctions of three conditions, which share conditions.
    Nested,
    /// W6: one of three variants, sticky.
    Split,
}

impl Kind {
    /// W1 to W6, in order.
    pub const ALL: [Self; 6] =
        [Self::On, Self::Rollout, Self::Targeting, Self::Window, Self::Nested, Self::Split];

    /// The workload's number.
    pub const fn number(self) -> usize {
        match self {
            Self::On => 1,
            Self::Rollout => 2,
            Self::Targeting => 3,
            Self::Window => 4,
            Self::Nested => 5,
            Self::Split => 6,
        }
    }

    /// Whether it is called so, such as `W1`.
    pub fn is(self, text: &str) -> bool {
        text.strip_prefix('W').and_then(|number| number.parse().ok()) == Some(self.number())
    }

    /// What tables call it; the name of its flag, too.
    pub const fn name(self) -> &'static str {
        match self {
            Self::On => "bool_on",
            Self::Rollout => "rollout",
            Self::Targeting => "targeting",
            Self::Window => "date_range",
            Self::Nested => "nested",
            Self::Split => "variant",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "W{} {}", self.number(), self.name())
    }
}

/// The country of a caller must be one of these (W3).
pub const COUNTRIES: [&str; 3] = ["US", "CA", "MX"];
/// The plan that a caller must have (W3).
pub const PLAN: &str = "pro";
/// The version that a caller must have at least (W3).
pub const VERSION: &str = "1.2.3";
/// A plan that nobody has: the first conjunction of W5 is always asked in vain.
pub const OTHER_PLAN: &str = "enterprise";
/// A version that a few have: the second conjunction of W5.
pub const OTHER_VERSION: &str = "9.0.0";
/// When the window of W4 starts, in text and in seconds.
pub const START: (&str, u64) = ("2020-01-01T00:00:00Z", 1_577_836_800);
/// When it ends.
pub const END: (&str, u64) = ("2035-01-01T00:00:00Z", 2_051_222_400);
/// The variants of W6 and their shares of a hundred.
pub const VARIANTS: [(&str, u32); 3] = [("A", 33), ("B", 33), ("C", 34)];

/// The three conjunctions of W5, each of a plan and a least version; all three ask for one of [`COUNTRIES`] as well.
pub const NESTED: [(&str, &str); 3] = [(OTHER_PLAN, VERSION), (PLAN, OTHER_VERSION), (PLAN, VERSION)];

/// A flag.
#[derive(Clone, Debug)]
pub struct Flag {
    /// Its name.
    pub name: String,
    /// What it says.
    pub kind: Kind,
}

/// All flags that an engine is given.
#[derive(Clone, Debug)]
pub struct Definition {
    /// In order.
    pub flags: Vec<Flag>,
}

impl Definition {
    /// A flag for each of W1 to W6.
    pub fn six() -> Self {
        let flag = |kind: Kind| Flag { name: kind.name().to_owned(), kind };
        Self { flags: Kind::ALL.into_iter().map(flag).collect() }
    }

    /// Half rollouts, half targeting, in turn.
    pub fn halves(count: usize) -> Self {
        Self::of(count, |index| if index % 2 == 0 { Kind::Rollout } else { Kind::Targeting })
    }

    /// Rollouts, each with other callers.
    pub fn rollouts(count: usize) -> Self {
        Self::of(count, |_| Kind::Rollout)
    }

    fn of(count: usize, kind: impl Fn(usize) -> Kind) -> Self {
        let flag = |index| Flag { name: format!("feature-{index:05}"), kind: kind(index) };
        Self { flags: (0..count).map(flag).collect() }
    }

    /// Whether a flag is of this kind.
    pub fn has(&self, kind: Kind) -> bool {
        self.flags.iter().any(|flag| flag.kind == kind)
    }
}
