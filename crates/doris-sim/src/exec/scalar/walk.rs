//! The parts of an expression.

use sqlparser::ast::{Expr, FunctionArg, FunctionArgExpr, FunctionArguments, InTarget};

/// The expressions directly inside one; subqueries are not entered.
pub(in crate::exec) fn children(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::Nested(inner)
        | Expr::UnaryOp { expr: inner, .. }
        | Expr::Cast { expr: inner, .. }
        | Expr::IsNull(inner)
        | Expr::IsNotNull(inner)
        | Expr::IsTrue(inner)
        | Expr::IsNotTrue(inner)
        | Expr::IsFalse(inner)
        | Expr::IsNotFalse(inner)
        | Expr::Floor { expr: inner, .. }
        | Expr::Ceil { expr: inner, .. }
        | Expr::Extract { expr: inner, .. }
        | Expr::Trim { expr: inner, .. } => vec![inner],
        Expr::BinaryOp { left, right, .. } => vec![left, right],
        Expr::Like { expr, pattern, .. } => vec![expr, pattern],
        Expr::Between { expr, low, high, .. } => vec![expr, low, high],
        Expr::Substring { expr, substring_from, substring_for, .. } => {
            let bounds = [substring_from, substring_for].into_iter().flatten();
            std::iter::once(expr.as_ref()).chain(bounds.map(AsRef::as_ref)).collect()
        }
        Expr::In { expr, target: InTarget::List(items), .. } => std::iter::once(expr.as_ref()).chain(items).collect(),
        Expr::In { expr, .. } => vec![expr],
        Expr::Case { operand, conditions, else_result, .. } => {
            let branches = conditions.iter().flat_map(|branch| [&branch.condition, &branch.result]);
            operand.iter().chain(else_result).map(AsRef::as_ref).chain(branches).collect()
        }
        Expr::Interval(interval) => vec![&interval.value],
        Expr::Function(call) => match &call.args {
            FunctionArguments::List(list) => list
                .args
                .iter()
                .filter_map(|argument| match argument {
                    FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}
