//! The verdict of an activation, as SQL can state it.

use crate::activation::sql::expression::{Expression, VariantExpression};

/// When an activation is on, and with which variant.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// Whether it is on.
    pub on: Expression,
    /// The variant while it is on. It has no meaning while it is off.
    pub variant: VariantExpression,
}

impl From<Expression> for Condition {
    fn from(on: Expression) -> Self {
        Self { on, variant: VariantExpression::none() }
    }
}

impl Condition {
    /// On or off for every caller, without a variant.
    #[must_use]
    pub fn always(on: bool) -> Self {
        Expression::always(on).into()
    }

    /// On for every caller, with this variant.
    #[must_use]
    pub fn variant(name: impl Into<String>) -> Self {
        Self { on: Expression::always(true), variant: VariantExpression::name(name) }
    }

    /// On if all are on, with the first variant.
    #[must_use]
    pub fn all(list: &[Self]) -> Self {
        Self {
            on: Expression::all(list.iter().map(|one| one.on.clone())),
            variant: VariantExpression::first(list.iter().map(|one| one.variant.clone())),
        }
    }

    /// On if one is on, with the variant of the first that is.
    #[must_use]
    pub fn any(list: &[Self]) -> Self {
        Self {
            on: Expression::any(list.iter().map(|one| one.on.clone())),
            variant: VariantExpression::case(list.iter().map(|one| (one.on.clone(), one.variant.clone()))),
        }
    }

    /// On if `count` are on, with the first variant of those.
    #[must_use]
    pub fn at_least(count: usize, list: &[Self]) -> Self {
        let on: Vec<Expression> = list.iter().map(|one| one.on.clone()).collect();
        let variant = |(index, one): (usize, &Self)| {
            if one.variant.is_none() {
                return VariantExpression::none();
            }
            // Those after the last that is needed are not evaluated.
            let before = on.get(..index).unwrap_or_default().to_vec();
            let is_needed = Expression::at_least(count, before).negated();
            let when = Expression::all([one.on.clone(), is_needed]);
            VariantExpression::case([(when, one.variant.clone())])
        };
        let variant = VariantExpression::first(list.iter().enumerate().map(variant));
        Self { on: Expression::at_least(count, on), variant }
    }

    /// The result for the first of these conditions that is met, or else `otherwise`.
    #[must_use]
    pub fn choose(cases: &[(Expression, Self)], otherwise: &Self) -> Self {
        let on = cases.iter().map(|(when, then)| (when.clone(), then.on.clone()));
        let variants = cases.iter().map(|(when, then)| (when.clone(), then.variant.clone()));
        let last = [(Expression::always(true), otherwise.variant.clone())];
        Self {
            on: Expression::choose(on, otherwise.on.clone()),
            variant: VariantExpression::case(variants.chain(last)),
        }
    }

    /// How long it is about in SQL, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.on.size().saturating_add(self.variant.size())
    }
}
