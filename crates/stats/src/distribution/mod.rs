//! Distribution functions that stay exact in the tails and for many degrees of freedom.
//!
//! Each distribution has `cdf` (the probability of at most `x`), `sf` (of more than `x`, exact where `1 -
//! cdf` is not), and their inverses `ppf` and `isf`, as in SciPy. Arguments outside of the domain, and `NaN`,
//! give `NaN`, as the functions of `f64` do.

#![expect(
    clippy::float_cmp,
    clippy::many_single_char_names,
    reason = "the ends of a domain are exact numbers, and names are those of the formulas"
)]

mod beta;
mod chi_squared;
mod incomplete_beta;
mod incomplete_gamma;
mod invert;
mod normal;
mod special;
mod student_t;

pub use beta::Beta;
pub use chi_squared::ChiSquared;
pub use normal::Normal;
pub use special::log_gamma;
pub use student_t::StudentT;
