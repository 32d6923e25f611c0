//! Expressions over the columns of one row, bound and typed.

mod alike;
mod arithmetic;
mod bind;
mod builtin;
mod constant;
mod functions;
mod like;
mod walk;

pub(super) use bind::{Binder, Grouped, ScopeColumn, arguments_of, at, label_of, unquoted};
pub(super) use builtin::union_of_sets;
pub(super) use functions::Function;
pub(super) use like::LikePattern;
pub(super) use walk::children;

use super::coerce::{self, coerce};
use crate::model::{ColumnType, Value};
use arithmetic::Arithmetic;

/// An expression with its type.
#[derive(Clone, Debug)]
pub(super) struct Typed {
    pub(super) scalar: Scalar,
    pub(super) ty: ColumnType,
}

/// A comparison of two values of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compare {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    /// `<=>`: NULL equals NULL.
    NullSafeEq,
}

/// An expression. NULL is unknown, as in SQL.
#[derive(Clone, Debug)]
pub(super) enum Scalar {
    Const(Value),
    /// By position in the row.
    Column(usize),
    Not(Box<Scalar>),
    And(Box<Scalar>, Box<Scalar>),
    Or(Box<Scalar>, Box<Scalar>),
    Compare(Compare, Box<Scalar>, Box<Scalar>),
    IsNull(Box<Scalar>),
    In(Box<Scalar>, Vec<Scalar>),
    Like(Box<Scalar>, LikePattern),
    /// Conditions with results, and ELSE.
    Case(Vec<(Scalar, Scalar)>, Box<Scalar>),
    Arithmetic(Arithmetic, Box<Scalar>, Box<Scalar>),
    Negate(Box<Scalar>),
    /// What cannot be cast is NULL.
    Cast(Box<Scalar>, ColumnType),
    Call(Function, Vec<Scalar>),
}

impl Scalar {
    /// The value for a row.
    pub(super) fn eval(&self, row: &[Value]) -> Value {
        match self {
            Self::Const(value) => value.clone(),
            Self::Column(at) => row.get(*at).cloned().unwrap_or(Value::Null),
            Self::Not(inner) => truth_value(inner.truth(row).map(|t| !t)),
            Self::And(..) | Self::Or(..) | Self::Compare(..) | Self::In(..) => truth_value(self.truth(row)),
            Self::IsNull(inner) => Value::Bool(inner.eval(row).is_null()),
            Self::Like(inner, pattern) => match inner.eval(row) {
                Value::Null => Value::Null,
                value => Value::Bool(pattern.matches(&value.to_string())),
            },
            Self::Case(branches, otherwise) => branches
                .iter()
                .find(|(condition, _)| condition.truth(row) == Some(true))
                .map_or_else(|| otherwise.eval(row), |(_, result)| result.eval(row)),
            Self::Arithmetic(op, left, right) => op.apply(&left.eval(row), &right.eval(row)),
            Self::Negate(inner) => arithmetic::negate(&inner.eval(row)),
            Self::Cast(inner, ty) => coerce(&inner.eval(row), ty).unwrap_or(Value::Null),
            Self::Call(function, arguments) => {
                function.call(&arguments.iter().map(|argument| argument.eval(row)).collect::<Vec<_>>())
            }
        }
    }

    /// As a condition; `None` is unknown.
    pub(super) fn truth(&self, row: &[Value]) -> Option<bool> {
        match self {
            Self::And(left, right) => match (left.truth(row), right.truth(row)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            Self::Or(left, right) => match (left.truth(row), right.truth(row)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
            Self::Compare(op, left, right) => op.holds(&left.eval(row), &right.eval(row)),
            Self::In(inner, items) => {
                let value = inner.eval(row);
                let mut unknown = value.is_null();
                for item in items {
                    match Compare::Eq.holds(&value, &item.eval(row)) {
                        Some(true) => return Some(true),
                        Some(false) => {}
                        None => unknown = true,
                    }
                }
                if unknown { None } else { Some(false) }
            }
            other => coerce::boolean(&other.eval(row)),
        }
    }
}

impl Compare {
    pub(super) fn holds(self, left: &Value, right: &Value) -> Option<bool> {
        if self == Self::NullSafeEq {
            return Some(left == right);
        }
        if left.is_null() || right.is_null() {
            return None;
        }
        let order = left.cmp(right);
        Some(match self {
            Self::Eq | Self::NullSafeEq => order.is_eq(),
            Self::Ne => order.is_ne(),
            Self::Lt => order.is_lt(),
            Self::Le => order.is_le(),
            Self::Gt => order.is_gt(),
            Self::Ge => order.is_ge(),
        })
    }
}

fn truth_value(truth: Option<bool>) -> Value {
    truth.map_or(Value::Null, Value::Bool)
}
