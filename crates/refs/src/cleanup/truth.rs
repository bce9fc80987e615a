//! Which conditions are decided by the flag alone.

use syn::{BinOp, Expr, ExprBinary, ExprUnary, UnOp, visit::Visit};

use super::subject::Cleaner;

/// What a condition is, now that the flag is decided. `None` if it depends on more, or has nothing of the flag.
pub(super) fn truth(cleaner: &Cleaner, expression: &Expr) -> Option<bool> {
    match expression {
        Expr::MethodCall(call) => cleaner.enabled(call),
        Expr::Paren(inner) => truth(cleaner, &inner.expr),
        Expr::Group(inner) => truth(cleaner, &inner.expr),
        Expr::Unary(ExprUnary { op: UnOp::Not(_), expr, .. }) => truth(cleaner, expr).map(|is_true| !is_true),
        Expr::Binary(ExprBinary { left, op, right, .. }) => {
            let decides = decisive(op)?;
            let (first, second) = (truth(cleaner, left), truth(cleaner, right));
            match (first, second) {
                (Some(first), _) if first == decides => Some(decides),
                (Some(_), Some(second)) => Some(second),
                // What is on the left is no longer evaluated.
                (None, Some(second)) if second == decides && is_pure(left) => Some(decides),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The value of one side that decides `&&` or `||`.
pub(super) fn decisive(op: &BinOp) -> Option<bool> {
    match op {
        BinOp::And(_) => Some(false),
        BinOp::Or(_) => Some(true),
        _ => None,
    }
}

/// The side that is left of `&&` or `||`, if the other one no longer matters.
pub(super) fn remaining<'e>(cleaner: &Cleaner, binary: &'e ExprBinary) -> Option<&'e Expr> {
    let decides = decisive(&binary.op)?;
    match (truth(cleaner, &binary.left), truth(cleaner, &binary.right)) {
        (Some(first), None) if first != decides => Some(&binary.right),
        (None, Some(second)) if second != decides => Some(&binary.left),
        _ => None,
    }
}

/// Whether an expression can be left out: it calls nothing, changes nothing, and binds nothing.
fn is_pure(expression: &Expr) -> bool {
    struct Effects(bool);

    impl<'ast> Visit<'ast> for Effects {
        fn visit_expr(&mut self, expression: &'ast Expr) {
            let is_harmless = matches!(
                expression,
                Expr::Binary(_)
                    | Expr::Cast(_)
                    | Expr::Field(_)
                    | Expr::Group(_)
                    | Expr::Lit(_)
                    | Expr::Paren(_)
                    | Expr::Path(_)
                    | Expr::Reference(_)
                    | Expr::Unary(_)
            );
            let assigns = matches!(expression, Expr::Binary(binary) if is_assignment(&binary.op));
            self.0 |= !is_harmless || assigns;
            syn::visit::visit_expr(self, expression);
        }
    }

    let mut effects = Effects(false);
    effects.visit_expr(expression);
    !effects.0
}

fn is_assignment(op: &BinOp) -> bool {
    matches!(
        op,
        BinOp::AddAssign(_)
            | BinOp::SubAssign(_)
            | BinOp::MulAssign(_)
            | BinOp::DivAssign(_)
            | BinOp::RemAssign(_)
            | BinOp::BitXorAssign(_)
            | BinOp::BitAndAssign(_)
            | BinOp::BitOrAssign(_)
            | BinOp::ShlAssign(_)
            | BinOp::ShrAssign(_)
    )
}
