//! Activations as SQL: what [`Activation::to_sql`](super::Activation::to_sql) builds, without the words of a
//! dialect.
//!
//! A type states its condition as an [`Expression`]; `novi sql` writes it in the dialect of a database.

pub(crate) mod condition;
pub(crate) mod context;
pub(crate) mod expression;
pub(crate) mod place;

pub use condition::Condition;
pub(crate) use context::SqlChildren;
pub use context::SqlContext;
pub use expression::{
    Bound, Digest, Draw, Expression, Key, Node, Rise, Scale, Test, TextPlace, Time, VariantExpression,
    VariantNode,
};
pub use place::{Place, Refusal};
