//! Joins.

use std::collections::{BTreeMap, BTreeSet};

use sqlparser::ast::{BinaryOperator, Expr, JoinConstraint, JoinOperator};

use super::{
    super::scalar::{Binder, Compare, Scalar, ScopeColumn, unquoted},
    Context, Relation,
    from::product,
};
use crate::model::{Answer, Refusal, Value};

/// Which rows a join keeps besides the pairs that match.
#[derive(Clone, Copy, Default)]
struct Keeps {
    left: bool,
    right: bool,
}

/// What a join is made of.
enum Kind {
    Pairs(Keeps),
    /// Rows of the left side that have a partner, or have none.
    Left {
        with_partner: bool,
    },
}

/// Joins two relations.
pub(super) fn join(
    context: &Context<'_>,
    left: Relation,
    right: Relation,
    operator: &JoinOperator,
) -> Answer<Relation> {
    let pairs = |left, right| Kind::Pairs(Keeps { left, right });
    let unmodelled = || Refusal::analysis("doris-sim does not model this kind of join");
    let (constraint, kind) = match operator {
        JoinOperator::Join(constraint) | JoinOperator::Inner(constraint) => (constraint, pairs(false, false)),
        JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => (constraint, pairs(true, false)),
        JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => (constraint, pairs(false, true)),
        JoinOperator::FullOuter(constraint) => (constraint, pairs(true, true)),
        JoinOperator::Semi(constraint) | JoinOperator::LeftSemi(constraint) => {
            (constraint, Kind::Left { with_partner: true })
        }
        JoinOperator::Anti(constraint) | JoinOperator::LeftAnti(constraint) => {
            (constraint, Kind::Left { with_partner: false })
        }
        JoinOperator::CrossJoin(JoinConstraint::None) => return Ok(product(left, right)),
        _ => return Err(unmodelled()),
    };
    let columns: Vec<ScopeColumn> = left.columns.iter().chain(&right.columns).cloned().collect();
    let conditions = conditions(context, &left, &right, &columns, constraint)?;
    let matched = Matched::new(&left, &right, &conditions);
    Ok(match kind {
        Kind::Left { with_partner } => {
            let rows = left.rows.iter().zip(&matched.partners).filter(|(_, found)| found.is_empty() != with_partner);
            Relation { rows: rows.map(|(row, _)| row.clone()).collect(), columns: left.columns }
        }
        Kind::Pairs(keeps) => Relation { rows: matched.pairs(&left, &right, keeps), columns },
    })
}

fn conditions(
    context: &Context<'_>,
    left: &Relation,
    right: &Relation,
    columns: &[ScopeColumn],
    constraint: &JoinConstraint,
) -> Answer<Vec<Scalar>> {
    let binder = Binder { context, scope: columns, grouped: None, clause: "JOIN" };
    let mut conditions = Vec::new();
    match constraint {
        JoinConstraint::None => {}
        JoinConstraint::On(condition) => {
            for part in conjuncts(condition) {
                conditions.push(binder.bind(part)?.scalar);
            }
        }
        JoinConstraint::Using(names) => {
            for name in names {
                let name = name.0.last().and_then(|part| part.as_ident()).map(unquoted).unwrap_or_default();
                let at = |columns: &[ScopeColumn]| columns.iter().position(|c| c.name.eq_ignore_ascii_case(&name));
                let (Some(a), Some(b)) = (at(&left.columns), at(&right.columns)) else {
                    return Err(Refusal::analysis(format!("Unknown column '{name}' in 'table list' in JOIN clause")));
                };
                let b = Scalar::Column(left.columns.len() + b);
                conditions.push(Scalar::Compare(Compare::Eq, Box::new(Scalar::Column(a)), Box::new(b)));
            }
        }
        other => return Err(Refusal::analysis(format!("doris-sim does not model {other:?}"))),
    }
    Ok(conditions)
}

/// The parts of a condition that must all hold.
fn conjuncts(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => [conjuncts(left), conjuncts(right)].concat(),
        Expr::Nested(inner) => conjuncts(inner),
        other => vec![other],
    }
}

/// For each row of the left side, the positions of its partners on the right.
struct Matched {
    partners: Vec<Vec<usize>>,
}

impl Matched {
    /// Partners satisfy all conditions; they are found through the equalities between both sides.
    fn new(left: &Relation, right: &Relation, conditions: &[Scalar]) -> Self {
        let width = left.columns.len();
        let equalities: Vec<(usize, usize)> =
            conditions.iter().filter_map(|condition| equality(condition, width)).collect();
        let mut by_key: BTreeMap<Vec<&Value>, Vec<usize>> = BTreeMap::new();
        for (n, row) in right.rows.iter().enumerate() {
            let key = equalities.iter().filter_map(|(_, at)| row.get(*at)).collect();
            by_key.entry(key).or_default().push(n);
        }
        let partners = left.rows.iter().map(|row| {
            let key: Vec<&Value> = equalities.iter().filter_map(|(at, _)| row.get(*at)).collect();
            let matches = |n: &&usize| {
                let pair = [row.as_slice(), right.rows[**n].as_slice()].concat();
                conditions.iter().all(|condition| condition.truth(&pair) == Some(true))
            };
            by_key.get(&key).into_iter().flatten().filter(matches).copied().collect()
        });
        Self { partners: partners.collect() }
    }

    fn pairs(&self, left: &Relation, right: &Relation, keeps: Keeps) -> Vec<Vec<Value>> {
        let nulls = |count: usize| vec![Value::Null; count];
        let mut rows = Vec::new();
        let mut used: BTreeSet<usize> = BTreeSet::new();
        for (row, partners) in left.rows.iter().zip(&self.partners) {
            used.extend(partners);
            rows.extend(partners.iter().map(|n| [row.as_slice(), right.rows[*n].as_slice()].concat()));
            if partners.is_empty() && keeps.left {
                rows.push([row.clone(), nulls(right.columns.len())].concat());
            }
        }
        let alone = right.rows.iter().enumerate().filter(|(n, _)| keeps.right && !used.contains(n));
        rows.extend(alone.map(|(_, row)| [nulls(left.columns.len()), row.clone()].concat()));
        rows
    }
}

/// Positions of an equality between a column of the left and one of the right side.
fn equality(condition: &Scalar, width: usize) -> Option<(usize, usize)> {
    let Scalar::Compare(Compare::Eq, a, b) = condition else { return None };
    match (a.as_ref(), b.as_ref()) {
        (Scalar::Column(a), Scalar::Column(b)) if *a < width && *b >= width => Some((*a, b - width)),
        (Scalar::Column(b), Scalar::Column(a)) if *a < width && *b >= width => Some((*a, b - width)),
        _ => None,
    }
}
