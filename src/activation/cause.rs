//! What decided an evaluation, from which the reason of a decision follows.
//!
//! Most flags have the same reason for every caller that they are on for, which is known when the rows are
//! compiled. For all others the nodes that they depend on are tracked: an evaluation notes what decided on
//! the path that it takes.

use schemars::JsonSchema;
use serde::Serialize;

/// What decided that an activation is on or off. If several things did, the greatest counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Nothing: it is the same for every caller.
    #[default]
    Nothing,
    /// A condition.
    Condition,
    /// No rule or case matched.
    Fallthrough,
    /// A draw: the bucket of the caller.
    Draw,
}

impl Cause {
    const ALL: [Self; 4] = [Self::Nothing, Self::Condition, Self::Fallthrough, Self::Draw];

    /// The cause as seen by an activation for which it was a condition.
    fn as_condition(self) -> Self {
        if self == Self::Fallthrough { Self::Condition } else { self }
    }
}

/// How the cause of an activation's verdict follows from those of its children.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CauseRule {
    /// The activation is a condition, of which draws may be a part.
    #[default]
    Condition,
    /// The activation draws.
    Draw,
    /// The activation draws at some times, and is a condition at others.
    TimedDraw,
    /// The activation is the same for every caller.
    Unconditional,
    /// All children must be on.
    All,
    /// One child must be on.
    One,
    /// Some children must be on.
    Some,
    /// The child must be off.
    Negation,
    /// The first rule or case that matches decides.
    Choice {
        /// Whether the activation may be on if none matches.
        falls_on: bool,
    },
    /// The activation stands for another flag.
    Flag,
}

impl CauseRule {
    /// The cause of a verdict, after the evaluation of the children.
    pub(crate) fn cause(self, on: bool, seen: Causes) -> Cause {
        let Causes { on: of_on, off: of_off, .. } = seen;
        match self {
            Self::Condition if of_on == Cause::Draw => Cause::Draw,
            Self::Condition | Self::Flag => Cause::Condition,
            // Without a key there is no draw.
            Self::Draw if seen.without_draw && !on => Cause::Condition,
            Self::TimedDraw if seen.without_draw => Cause::Condition,
            Self::Draw | Self::TimedDraw => Cause::Draw,
            Self::Negation => of_on.max(of_off).as_condition(),
            _ if on => of_on,
            _ => of_on.max(of_off),
        }
    }

    /// The possible causes of a node's verdicts.
    pub(crate) fn possible<'a>(
        self,
        children: impl Iterator<Item = &'a PossibleCauses> + Clone,
    ) -> PossibleCauses {
        let only = |cause| PossibleCauses { on: CauseSet::of(cause), off: CauseSet::of(cause) };
        let any_on = || children.clone().fold(CauseSet::default(), |set, child| set.union(child.on));
        // An activation that is off may have evaluated any of its children.
        let any = || children.clone().fold(any_on(), |set, child| set.union(child.off));
        match self {
            Self::Condition if any_on().contains(Cause::Draw) => {
                let both = CauseSet::of(Cause::Condition).with(Cause::Draw);
                PossibleCauses { on: both, off: both }
            }
            Self::Condition | Self::Flag => only(Cause::Condition),
            Self::Draw => PossibleCauses {
                on: CauseSet::of(Cause::Draw),
                off: CauseSet::of(Cause::Draw).with(Cause::Condition),
            },
            Self::TimedDraw => {
                let both = CauseSet::of(Cause::Condition).with(Cause::Draw);
                PossibleCauses { on: both, off: both }
            }
            Self::Unconditional => only(Cause::Nothing),
            Self::All => {
                PossibleCauses { on: CauseSet::all(children.clone().map(|child| child.on)), off: any() }
            }
            Self::One => PossibleCauses { on: any_on(), off: CauseSet::all(children.map(|child| child.off)) },
            Self::Some => PossibleCauses { on: any_on(), off: any() },
            Self::Negation => {
                let all = children.fold(PossibleCauses::default(), |sets, child| PossibleCauses {
                    on: sets.on.union(child.on),
                    off: sets.off.union(child.off),
                });
                PossibleCauses { on: all.off.as_condition(), off: all.on.as_condition() }
            }
            Self::Choice { falls_on } => {
                let on = any_on();
                let on = on.union(on.as_condition()).with(Cause::Condition);
                let on = if falls_on { on.with(Cause::Fallthrough) } else { on };
                PossibleCauses { on, off: on.union(any()) }
            }
        }
    }
}

/// The possible causes of a node's verdicts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PossibleCauses {
    /// If it is on.
    pub(crate) on: CauseSet,
    /// If it is off.
    pub(crate) off: CauseSet,
}

/// A set of causes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CauseSet(u8);

impl CauseSet {
    const fn of(cause: Cause) -> Self {
        Self(1 << cause as u8)
    }

    const fn with(self, cause: Cause) -> Self {
        self.union(Self::of(cause))
    }

    const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn contains(self, cause: Cause) -> bool {
        self.0 & Self::of(cause).0 != 0
    }

    /// Whether a draw is one of them.
    pub(crate) const fn may_draw(self) -> bool {
        self.contains(Cause::Draw)
    }

    /// The causes, in order.
    pub(crate) fn iter(self) -> impl Iterator<Item = Cause> {
        Cause::ALL.into_iter().filter(move |cause| self.contains(*cause))
    }

    pub(crate) const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// The causes if a verdict has one cause of each set.
    pub(crate) fn all(sets: impl Iterator<Item = Self>) -> Self {
        sets.fold(Self::of(Cause::Nothing), |all, set| {
            let pairs = all.iter().flat_map(|one| set.iter().map(move |other| one.max(other)));
            pairs.fold(Self::default(), Self::with)
        })
    }

    fn as_condition(self) -> Self {
        self.iter().map(Cause::as_condition).fold(Self::default(), Self::with)
    }
}

/// What decided the verdicts of the children that an activation, or a flag, has evaluated so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Causes {
    /// Of those that are on.
    pub(crate) on: Cause,
    /// Of those that are off.
    off: Cause,
    /// Whether there was no draw, since the caller has no key, or it is not the time.
    without_draw: bool,
}

impl Causes {
    /// Adds the cause of a verdict.
    pub(super) fn add(&mut self, on: bool, cause: Cause) {
        let before = if on { &mut self.on } else { &mut self.off };
        *before = cause.max(*before);
    }

    /// A case matched.
    pub(super) fn add_condition(&mut self) {
        self.on = self.on.max(Cause::Condition);
    }

    /// A rule matched, so that its condition is the cause so far.
    pub(super) fn match_rule(&mut self) {
        self.on = self.on.as_condition();
    }

    /// No rule or case matched.
    pub(super) fn fall_through(&mut self) {
        self.on = Cause::Fallthrough;
    }

    /// There is no draw: the caller has no key, or it is not the time.
    pub(super) fn skip_draw(&mut self) {
        self.without_draw = true;
    }
}
