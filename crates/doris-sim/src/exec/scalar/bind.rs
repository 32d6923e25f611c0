//! Binding: the parser's expressions become [`Scalar`]s over the columns of a scope.

use std::fmt;

use sqlparser::{
    ast::{
        BinaryOperator, CaseWhen, CeilFloorKind, DateTimeField, Expr, Function as FunctionCall, FunctionArg,
        FunctionArgExpr, FunctionArguments, Ident, InTarget, UnaryOperator,
    },
    tokenizer::Location,
};

use super::{
    super::{coerce::parse_number, datetime::Moment, query, session::Context, variables::system_variable},
    Arithmetic, Compare, Function, LikePattern, Scalar, Typed,
    alike::{alike, cast},
    builtin::UNMODELLED,
    constant::{constant, literal_value, scalar_type},
};
use crate::model::{Answer, ColumnType, Refusal, Value};

/// A column that expressions can name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::exec) struct ScopeColumn {
    pub(in crate::exec) db: Option<String>,
    /// Alias or name of the table.
    pub(in crate::exec) table: Option<String>,
    pub(in crate::exec) name: String,
    pub(in crate::exec) ty: ColumnType,
}

/// The columns of a row, in order.
pub(in crate::exec) type Scope = [ScopeColumn];

/// What the rows of a grouped query consist of: expressions that have a column of their own.
#[derive(Clone, Debug, Default)]
pub(in crate::exec) struct Grouped {
    /// GROUP BY expressions and aggregate calls, as written, with their column.
    pub(in crate::exec) expressions: Vec<(Expr, usize, ColumnType)>,
    /// GROUP BY columns: position before and after grouping.
    pub(in crate::exec) columns: Vec<(usize, usize)>,
}

/// Binds expressions to a scope.
pub(in crate::exec) struct Binder<'a> {
    pub(in crate::exec) context: &'a Context<'a>,
    pub(in crate::exec) scope: &'a Scope,
    pub(in crate::exec) grouped: Option<&'a Grouped>,
    /// Doris's word for the part of the query, in refusals: PROJECT, FILTER, AGGREGATE, SORT.
    pub(in crate::exec) clause: &'static str,
}

/// `name(line 1, pos 7)`.
pub(in crate::exec) fn at(location: Location) -> String {
    format!("(line {}, pos {})", location.line, location.column.saturating_sub(1))
}

/// How a result column without alias is called.
pub(in crate::exec) fn label_of(expr: &Expr) -> String {
    match expr {
        Expr::Identifier(name) => unquoted(name),
        Expr::CompoundIdentifier(parts) => parts.last().map(unquoted).unwrap_or_default(),
        other => other.to_string(),
    }
}

/// The name behind the backticks.
pub(in crate::exec) fn unquoted(ident: &Ident) -> String {
    if ident.quote_style == Some('`') { ident.value.replace("``", "`") } else { ident.value.clone() }
}

fn typed(scalar: Scalar, ty: ColumnType) -> Typed {
    Typed { scalar, ty }
}

fn condition(scalar: Scalar) -> Typed {
    typed(scalar, ColumnType::Boolean)
}

fn boxed(scalar: Scalar) -> Box<Scalar> {
    Box::new(scalar)
}

fn unsupported<T>(what: impl fmt::Display) -> Answer<T> {
    Err(Refusal::analysis(format!("doris-sim does not model {what}")))
}

impl Binder<'_> {
    /// The expression over rows of the scope.
    pub(in crate::exec) fn bind(&self, expr: &Expr) -> Answer<Typed> {
        if let Some(grouped) = self.grouped
            && let Some((_, column, ty)) = grouped.expressions.iter().find(|(written, ..)| written == expr)
        {
            return Ok(typed(Scalar::Column(*column), ty.clone()));
        }
        match expr {
            Expr::Nested(inner) => self.bind(inner),
            Expr::Identifier(name) => self.name(name),
            Expr::CompoundIdentifier(parts) => self.compound(parts),
            Expr::Value(value) => literal_value(&value.value),
            Expr::TypedString(written) => {
                let text = literal_value(&written.value.value)?;
                Ok(cast(text, scalar_type(&written.data_type)?))
            }
            Expr::UnaryOp { op, expr } => self.unary(*op, expr),
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right),
            Expr::IsNull(inner) => Ok(condition(Scalar::IsNull(boxed(self.bind(inner)?.scalar)))),
            Expr::IsNotNull(inner) => Ok(condition(not(Scalar::IsNull(boxed(self.bind(inner)?.scalar))))),
            Expr::IsTrue(inner) => self.is(inner, true, false),
            Expr::IsNotTrue(inner) => self.is(inner, true, true),
            Expr::IsFalse(inner) => self.is(inner, false, false),
            Expr::IsNotFalse(inner) => self.is(inner, false, true),
            Expr::In { expr, target, negated, .. } => self.within(expr, target, *negated),
            Expr::Between { expr, negated, low, high } => {
                let from = self.compare(Compare::Ge, expr, low)?.scalar;
                let to = self.compare(Compare::Le, expr, high)?.scalar;
                Ok(condition(negated_if(*negated, Scalar::And(boxed(from), boxed(to)))))
            }
            Expr::Like { negated, expr, pattern, escape_char: None, any: false } => {
                let pattern = self.bind(pattern)?.scalar.eval(&[]);
                let pattern = LikePattern::new(&pattern.to_string(), false);
                Ok(condition(negated_if(*negated, Scalar::Like(boxed(self.bind(expr)?.scalar), pattern))))
            }
            Expr::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref())
            }
            Expr::Cast { expr, data_type, .. } => Ok(cast(self.bind(expr)?, scalar_type(data_type)?)),
            Expr::Function(call) => self.function(call),
            Expr::Substring { expr, substring_from, substring_for, .. } => {
                let parts = [Some(expr), substring_from.as_ref(), substring_for.as_ref()];
                self.call(Function::Substring, parts.into_iter().flatten().map(AsRef::as_ref))
            }
            Expr::Trim { expr, trim_where: None, trim_what: None, trim_characters: None } => {
                self.call(Function::Trim, std::iter::once(expr.as_ref()))
            }
            Expr::Floor { expr, field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) } => {
                self.call(Function::Floor, std::iter::once(expr.as_ref()))
            }
            Expr::Ceil { expr, field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) } => {
                self.call(Function::Ceil, std::iter::once(expr.as_ref()))
            }
            Expr::Extract { field, expr, .. } => {
                let function = match field {
                    DateTimeField::Year => Function::Year,
                    DateTimeField::Month => Function::Month,
                    DateTimeField::Day => Function::Day,
                    other => return unsupported(other),
                };
                self.call(function, std::iter::once(expr.as_ref()))
            }
            Expr::Subquery(query) => self.scalar_subquery(query),
            Expr::Exists { subquery, negated } => {
                let found = !query::run(self.context, subquery)?.rows.is_empty();
                Ok(constant(Value::Bool(found != *negated), ColumnType::Boolean))
            }
            other => unsupported(other),
        }
    }

    /// A column by its bare name, a system variable, or a function that is written without parentheses.
    fn name(&self, ident: &Ident) -> Answer<Typed> {
        if ident.quote_style.is_none() {
            if let Some(variable) = ident.value.strip_prefix("@@") {
                return self.variable(variable);
            }
            if ident.value.starts_with('@') {
                return Ok(constant(Value::Null, ColumnType::String));
            }
        }
        let name = unquoted(ident);
        let matching = self.matching(|column| column.name.eq_ignore_ascii_case(&name));
        self.column(matching, &name, ident.span.start)
    }

    fn compound(&self, parts: &[Ident]) -> Answer<Typed> {
        let names: Vec<String> = parts.iter().map(unquoted).collect();
        let location = parts.first().map_or(Location::new(1, 1), |part| part.span.start);
        let (Some(name), Some(table)) = (names.last(), names.len().checked_sub(2).and_then(|n| names.get(n))) else {
            return unsupported(names.join("."));
        };
        if table.eq_ignore_ascii_case("@@session") || table.eq_ignore_ascii_case("@@global") {
            return self.variable(name);
        }
        let db = names.len().checked_sub(3).and_then(|n| names.get(n));
        let matching = self.matching(|column| {
            column.name.eq_ignore_ascii_case(name)
                && column.table.as_ref() == Some(table)
                && db.is_none_or(|db| column.db.as_ref().is_none_or(|of| of == db))
        });
        self.column(matching, &names.join("."), location)
    }

    fn matching(&self, wanted: impl Fn(&ScopeColumn) -> bool) -> Vec<usize> {
        self.scope.iter().enumerate().filter(|(_, column)| wanted(column)).map(|(at, _)| at).collect()
    }

    fn column(&self, matching: Vec<usize>, name: &str, location: Location) -> Answer<Typed> {
        let (clause, place) = (self.clause, at(location));
        let [position] = matching[..] else {
            return Err(Refusal::analysis(match matching.is_empty() {
                true => format!("Unknown column '{name}' in 'table list' in {clause} clause{place}"),
                false => format!("{name} is ambiguous in {clause} clause{place}"),
            }));
        };
        let ty = self.scope.get(position).map_or(ColumnType::String, |column| column.ty.clone());
        let Some(grouped) = self.grouped else { return Ok(typed(Scalar::Column(position), ty)) };
        let after = grouped.columns.iter().find(|(before, _)| *before == position);
        match after {
            Some((_, after)) => Ok(typed(Scalar::Column(*after), ty)),
            None => Err(Refusal::analysis(format!(
                "{clause} expression '{name}' must appear in the GROUP BY clause or be used in an aggregate function"
            ))),
        }
    }

    fn variable(&self, name: &str) -> Answer<Typed> {
        let name = name.to_ascii_lowercase();
        let Some(value) = system_variable(self.context, &name) else {
            return Err(Refusal::analysis(format!("Unsupported system variable: {name}")));
        };
        Ok(match parse_number(&value) {
            Some(number @ Value::Int(_)) => constant(number, ColumnType::BigInt),
            _ => constant(Value::Text(value), ColumnType::String),
        })
    }

    fn unary(&self, op: UnaryOperator, inner: &Expr) -> Answer<Typed> {
        let inner = self.bind(inner)?;
        Ok(match (op, inner.scalar) {
            (UnaryOperator::Plus, scalar) => typed(scalar, inner.ty),
            (UnaryOperator::Minus, Scalar::Const(value)) => constant(super::arithmetic::negate(&value), inner.ty),
            (UnaryOperator::Minus, scalar) => typed(Scalar::Negate(boxed(scalar)), inner.ty),
            (UnaryOperator::Not | UnaryOperator::BangNot, scalar) => condition(not(scalar)),
            (other, _) => return unsupported(other),
        })
    }

    fn binary(&self, left: &Expr, op: &BinaryOperator, right: &Expr) -> Answer<Typed> {
        let compare = match op {
            BinaryOperator::Eq => Some(Compare::Eq),
            BinaryOperator::NotEq => Some(Compare::Ne),
            BinaryOperator::Lt => Some(Compare::Lt),
            BinaryOperator::LtEq => Some(Compare::Le),
            BinaryOperator::Gt => Some(Compare::Gt),
            BinaryOperator::GtEq => Some(Compare::Ge),
            BinaryOperator::Spaceship => Some(Compare::NullSafeEq),
            _ => None,
        };
        if let Some(compare) = compare {
            return self.compare(compare, left, right);
        }
        if let Expr::Interval(interval) = right {
            let forward = op == &BinaryOperator::Plus;
            return self.moved(left, &interval.value, interval.leading_field.as_ref(), forward);
        }
        let op = match op {
            BinaryOperator::And => {
                let (left, right) = (self.bind(left)?.scalar, self.bind(right)?.scalar);
                return Ok(condition(Scalar::And(boxed(left), boxed(right))));
            }
            BinaryOperator::Or => {
                let (left, right) = (self.bind(left)?.scalar, self.bind(right)?.scalar);
                return Ok(condition(Scalar::Or(boxed(left), boxed(right))));
            }
            BinaryOperator::Plus => Arithmetic::Add,
            BinaryOperator::Minus => Arithmetic::Subtract,
            BinaryOperator::Multiply => Arithmetic::Multiply,
            BinaryOperator::Divide => Arithmetic::Divide,
            BinaryOperator::Modulo => Arithmetic::Modulo,
            BinaryOperator::MyIntegerDivide => Arithmetic::IntegerDivide,
            other => return unsupported(other),
        };
        let (left, right) = (self.bind(left)?, self.bind(right)?);
        let ty = op.result_type(&left.ty, &right.ty);
        Ok(typed(Scalar::Arithmetic(op, boxed(left.scalar), boxed(right.scalar)), ty))
    }

    /// `date + INTERVAL n unit`
    fn moved(&self, from: &Expr, by: &Expr, unit: Option<&DateTimeField>, forward: bool) -> Answer<Typed> {
        let (function, factor) = match unit {
            Some(DateTimeField::Year | DateTimeField::Years) => (Function::AddMonths, 12),
            Some(DateTimeField::Month | DateTimeField::Months) => (Function::AddMonths, 1),
            Some(DateTimeField::Week(None) | DateTimeField::Weeks) => (Function::AddSeconds, 7 * 86_400),
            Some(DateTimeField::Day | DateTimeField::Days) => (Function::AddSeconds, 86_400),
            Some(DateTimeField::Hour | DateTimeField::Hours) => (Function::AddSeconds, 3600),
            Some(DateTimeField::Minute | DateTimeField::Minutes) => (Function::AddSeconds, 60),
            Some(DateTimeField::Second | DateTimeField::Seconds) => (Function::AddSeconds, 1),
            _ => return unsupported("INTERVAL of this unit"),
        };
        let from = self.bind(from)?;
        let factor = Scalar::Const(Value::Int(if forward { factor } else { -factor }));
        let by = Scalar::Arithmetic(Arithmetic::Multiply, boxed(self.bind(by)?.scalar), boxed(factor));
        let from = match from.ty {
            ColumnType::Date | ColumnType::DateTime { .. } => from,
            _ => cast(from, ColumnType::DateTime { scale: 0 }),
        };
        let whole_days = matches!(
            unit,
            Some(DateTimeField::Day | DateTimeField::Days | DateTimeField::Weeks | DateTimeField::Week(_))
        );
        let ty = if whole_days { from.ty.clone() } else { function.result_type(std::slice::from_ref(&from.ty)) };
        Ok(typed(Scalar::Call(function, vec![from.scalar, by]), ty))
    }

    fn compare(&self, op: Compare, left: &Expr, right: &Expr) -> Answer<Typed> {
        let (left, right) = alike(self.bind(left)?, self.bind(right)?);
        Ok(condition(Scalar::Compare(op, boxed(left), boxed(right))))
    }

    fn is(&self, inner: &Expr, wanted: bool, negated: bool) -> Answer<Typed> {
        let inner = cast(self.bind(inner)?, ColumnType::Boolean).scalar;
        let wanted = Scalar::Const(Value::Bool(wanted));
        let same = Scalar::Compare(Compare::NullSafeEq, boxed(inner), boxed(wanted));
        Ok(condition(negated_if(negated, same)))
    }

    fn within(&self, expr: &Expr, target: &InTarget, negated: bool) -> Answer<Typed> {
        let expr = self.bind(expr)?;
        let items: Vec<Typed> = match target {
            InTarget::List(items) => items.iter().map(|item| self.bind(item)).collect::<Answer<_>>()?,
            InTarget::Subquery(subquery) => {
                let found = query::run(self.context, subquery)?;
                let Some(column) = found.columns.first().filter(|_| found.columns.len() == 1) else {
                    return Err(Refusal::analysis("Multiple columns returned by subquery are not yet supported."));
                };
                found
                    .rows
                    .iter()
                    .filter_map(|row| row.first())
                    .map(|v| constant(v.clone(), column.ty.clone()))
                    .collect()
            }
            _ => return unsupported("IN without a list"),
        };
        let mut inner = expr.scalar.clone();
        let mut list = Vec::with_capacity(items.len());
        for item in items {
            let (left, item) = alike(expr.clone(), item);
            inner = left;
            list.push(item);
        }
        Ok(condition(negated_if(negated, Scalar::In(boxed(inner), list))))
    }

    fn case(&self, operand: Option<&Expr>, branches: &[CaseWhen], otherwise: Option<&Expr>) -> Answer<Typed> {
        let mut ty: Option<ColumnType> = None;
        let mut bound = Vec::new();
        for branch in branches {
            let condition = match operand {
                Some(operand) => self.compare(Compare::Eq, operand, &branch.condition)?.scalar,
                None => self.bind(&branch.condition)?.scalar,
            };
            let result = self.bind(&branch.result)?;
            ty.get_or_insert(result.ty);
            bound.push((condition, result.scalar));
        }
        let otherwise = match otherwise {
            Some(otherwise) => self.bind(otherwise)?.scalar,
            None => Scalar::Const(Value::Null),
        };
        Ok(typed(Scalar::Case(bound, boxed(otherwise)), ty.unwrap_or(ColumnType::String)))
    }

    fn function(&self, call: &FunctionCall) -> Answer<Typed> {
        let written = call.name.to_string();
        let name = written.trim_matches('`').to_ascii_lowercase();
        if let Some(value) = self.of_session(&name) {
            return Ok(value);
        }
        let arguments = arguments_of(call)?;
        if call.over.is_some() || UNMODELLED.contains(&name.as_str()) {
            return unsupported(format!("the function {written}"));
        }
        // `date_add(time, INTERVAL n unit)`; a plain number counts days.
        let forward = match name.as_str() {
            "date_add" | "adddate" | "timestampadd" => Some(true),
            "date_sub" | "subdate" => Some(false),
            _ => None,
        };
        if let (Some(forward), [from, by]) = (forward, &arguments[..]) {
            return match by {
                Expr::Interval(interval) => self.moved(from, &interval.value, interval.leading_field.as_ref(), forward),
                days => self.moved(from, days, Some(&DateTimeField::Day), forward),
            };
        }
        let Some(function) = Function::by_name(&name) else {
            return Err(Refusal::analysis(format!("Can not found function '{written}'")));
        };
        self.call(function, arguments.into_iter())
    }

    fn call<'e>(&self, function: Function, arguments: impl Iterator<Item = &'e Expr>) -> Answer<Typed> {
        let bound: Vec<Typed> = arguments.map(|argument| self.bind(argument)).collect::<Answer<_>>()?;
        let (least, most) = function.arity();
        if bound.len() < least || bound.len() > most {
            let name = function.name();
            return Err(Refusal::analysis(format!("Can not found function '{name}' which has {} arity", bound.len())));
        }
        let types: Vec<ColumnType> = bound.iter().map(|argument| argument.ty.clone()).collect();
        let scalars = bound.into_iter().map(|argument| argument.scalar).collect();
        Ok(typed(Scalar::Call(function, scalars), function.result_type(&types)))
    }

    /// Functions of the session and the clock.
    fn of_session(&self, name: &str) -> Option<Typed> {
        let context = self.context;
        let text = |text: String| constant(Value::Text(text), ColumnType::String);
        let now = Moment::of_ms(context.model.now_ms());
        Some(match name {
            "now" | "current_timestamp" | "localtime" | "localtimestamp" => {
                let whole = Moment { micros: now.micros / 1_000_000 * 1_000_000, ..now };
                constant(Value::DateTime(whole.text(0)), ColumnType::DateTime { scale: 0 })
            }
            "curdate" | "current_date" => constant(Value::Date(now.date_text()), ColumnType::Date),
            "version" => text("5.7.99".into()),
            "database" | "schema" => match &context.session.db {
                Some(db) => text(db.clone()),
                None => constant(Value::Null, ColumnType::String),
            },
            "user" | "session_user" | "current_user" => {
                let (user, host) = (&context.session.user, &context.session.host);
                let identity = context.model.identity(user, Some(host));
                text(identity.map_or_else(|| format!("'{user}'@'%'"), |(identity, _)| identity.to_string()))
            }
            "connection_id" => constant(Value::Int(context.session.connection_id.into()), ColumnType::Int),
            _ => return None,
        })
    }

    fn scalar_subquery(&self, subquery: &sqlparser::ast::Query) -> Answer<Typed> {
        let found = query::run(self.context, subquery)?;
        let ty = found.columns.first().map_or(ColumnType::String, |column| column.ty.clone());
        match (found.columns.len(), found.rows.len()) {
            (1, 0) => Ok(constant(Value::Null, ty)),
            (1, 1) => Ok(constant(found.rows.into_iter().flatten().next().unwrap_or(Value::Null), ty)),
            _ => Err(Refusal::analysis("Expected EQ 1 to be returned by expression")),
        }
    }
}

/// The arguments of a call, which must all be plain expressions.
pub(in crate::exec) fn arguments_of(call: &FunctionCall) -> Answer<Vec<&Expr>> {
    match &call.args {
        FunctionArguments::None => Ok(Vec::new()),
        FunctionArguments::Subquery(_) => unsupported(call),
        FunctionArguments::List(list) => list
            .args
            .iter()
            .map(|argument| match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Ok(expr),
                other => unsupported(other),
            })
            .collect(),
    }
}

fn not(scalar: Scalar) -> Scalar {
    Scalar::Not(boxed(scalar))
}

fn negated_if(negated: bool, scalar: Scalar) -> Scalar {
    if negated { not(scalar) } else { scalar }
}
