//! Generated columns: the expression as Doris analyses and prints it.

use sqlparser::ast::{BinaryOperator, Expr, UnaryOperator, Value as Literal};

use super::super::scalar::{arguments_of, unquoted};
use crate::{
    model::{Answer, Column, ColumnDefault, ColumnType, Refusal},
    sql::{Statement, parse},
};

/// Checks the generated columns of a table and fills in their analysed text.
pub(super) fn analyze(columns: &mut [Column]) -> Answer<()> {
    for n in 0..columns.len() {
        let Some(written) = columns[n].generated.as_ref().map(|generated| generated.written.clone()) else { continue };
        check(&columns[n])?;
        let expr = expression(&written)?;
        let analyzed = Printer { columns, at: n }.print(&expr)?.0;
        if let Some(generated) = &mut columns[n].generated {
            generated.analyzed = analyzed;
        }
    }
    Ok(())
}

fn check(column: &Column) -> Answer<()> {
    let text = if column.auto_increment.is_some() {
        "Generated columns cannot be auto_increment."
    } else if column.default != ColumnDefault::None {
        "Generated columns cannot have default value."
    } else if column.aggregation.is_some_and(|a| !matches!(a, crate::model::Aggregation::Replace)) {
        "The generated columns can be key columns, or value columns of replace and replace_if_not_null aggregation type."
    } else {
        return Ok(());
    };
    Err(Refusal::analysis(text))
}

/// The expression of a text.
pub(in crate::exec) fn expression(text: &str) -> Answer<Expr> {
    let wrapped = format!("SELECT {text}");
    let Some(Statement::Query(query)) = parse(&wrapped).map_err(Refusal::analysis)?.pop() else {
        return Err(unmodelled(text));
    };
    match query.body.as_ref() {
        sqlparser::ast::SetExpr::Select(select) => match &select.projection[..] {
            [sqlparser::ast::SelectItem::UnnamedExpr(expr)] => Ok(expr.clone()),
            _ => Err(unmodelled(text)),
        },
        _ => Err(unmodelled(text)),
    }
}

fn unmodelled(what: impl std::fmt::Display) -> Refusal {
    Refusal::analysis(format!("doris-sim does not model {what} in a generated column"))
}

struct Printer<'a> {
    columns: &'a [Column],
    /// The column that is computed: it may look at plain columns, and at generated ones before it.
    at: usize,
}

impl Printer<'_> {
    /// The text with every cast, and its type.
    fn print(&self, expr: &Expr) -> Answer<(String, ColumnType)> {
        match expr {
            Expr::Nested(inner) => self.print(inner),
            Expr::Identifier(ident) => self.column(&unquoted(ident)),
            Expr::Value(value) => match &value.value {
                Literal::Number(digits, _) => Ok((digits.clone(), number_type(digits))),
                Literal::SingleQuotedString(text) | Literal::DoubleQuotedString(text) => {
                    Ok((format!("'{text}'"), ColumnType::String))
                }
                Literal::Null => Ok(("NULL".into(), ColumnType::TinyInt)),
                other => Err(unmodelled(other)),
            },
            Expr::UnaryOp { op: UnaryOperator::Minus, expr } => {
                let (text, ty) = self.print(expr)?;
                Ok((format!("-{text}"), ty))
            }
            Expr::BinaryOp { left, op, right } => self.arithmetic(left, op, right),
            Expr::Function(call) => {
                let arguments = arguments_of(call)?;
                let mut texts = Vec::new();
                let mut first = ColumnType::String;
                for (n, argument) in arguments.into_iter().enumerate() {
                    let (text, ty) = self.print(argument)?;
                    if n == 0 {
                        first = ty;
                    }
                    texts.push(text);
                }
                let name = call.name.to_string().to_lowercase();
                let ty = match name.as_str() {
                    "concat" | "upper" | "lower" | "substring" | "substr" | "trim" | "reverse" => {
                        ColumnType::Varchar { length: 65533 }
                    }
                    "length" | "char_length" | "year" | "month" | "day" => ColumnType::Int,
                    "abs" => first,
                    _ => return Err(unmodelled(format!("the function {name}"))),
                };
                Ok((format!("{name}({})", texts.join(", ")), ty))
            }
            Expr::Cast { expr, data_type, .. } => {
                let ty = crate::sql::parse_type(&data_type.to_string()).map_err(Refusal::analysis)?;
                Ok((format!("CAST({} AS {ty})", self.print(expr)?.0), ty))
            }
            other => Err(unmodelled(other)),
        }
    }

    fn column(&self, name: &str) -> Answer<(String, ColumnType)> {
        let found = self.columns.iter().enumerate().find(|(_, column)| column.name.eq_ignore_ascii_case(name));
        match found {
            None => Err(Refusal::analysis(format!("Unknown column '{name}' in 'generated column function'"))),
            Some((n, column)) if column.generated.is_some() && n >= self.at => Err(Refusal::analysis(
                "Generated column can refer to generated columns occurring earlier in the table.",
            )),
            Some((_, column)) if column.auto_increment.is_some() => Err(Refusal::analysis(format!(
                "Generated column '{}' cannot refer to auto-increment column.",
                self.columns[self.at].name
            ))),
            Some((_, column)) => Ok((format!("`{}`", column.name), column.ty.clone())),
        }
    }

    /// Both sides are cast to the type of the result.
    fn arithmetic(&self, left: &Expr, op: &BinaryOperator, right: &Expr) -> Answer<(String, ColumnType)> {
        let (a, b) = (self.print(left)?, self.print(right)?);
        let (sign, division) = match op {
            BinaryOperator::Plus => ("+", false),
            BinaryOperator::Minus => ("-", false),
            BinaryOperator::Multiply => ("*", false),
            BinaryOperator::Modulo => ("%", false),
            BinaryOperator::Divide => ("/", true),
            other => return Err(unmodelled(other)),
        };
        let ty = match (rank(&a.1)?, rank(&b.1)?) {
            _ if division => ColumnType::Double,
            (a, b) => widened(a.max(b), op == &BinaryOperator::Modulo),
        };
        let side = |(text, from): (String, ColumnType)| match from == ty || text.parse::<f64>().is_ok() {
            true => text,
            false => format!("CAST({text} AS {ty})"),
        };
        Ok((format!("({} {sign} {})", side(a), side(b)), ty))
    }
}

fn number_type(digits: &str) -> ColumnType {
    match digits.parse::<i128>() {
        Err(_) => ColumnType::Double,
        Ok(n) if i8::try_from(n).is_ok() => ColumnType::TinyInt,
        Ok(n) if i16::try_from(n).is_ok() => ColumnType::SmallInt,
        Ok(n) if i32::try_from(n).is_ok() => ColumnType::Int,
        Ok(n) if i64::try_from(n).is_ok() => ColumnType::BigInt,
        Ok(_) => ColumnType::LargeInt,
    }
}

/// The order of the numeric types.
fn rank(ty: &ColumnType) -> Answer<u8> {
    Ok(match ty {
        ColumnType::Boolean | ColumnType::TinyInt => 0,
        ColumnType::SmallInt => 1,
        ColumnType::Int => 2,
        ColumnType::BigInt => 3,
        ColumnType::LargeInt => 4,
        ColumnType::Float | ColumnType::Double | ColumnType::String | ColumnType::Varchar { .. } => 5,
        other => return Err(unmodelled(format!("arithmetic of {other}"))),
    })
}

/// A sum is of the next wider type, a remainder of the same.
fn widened(rank: u8, same: bool) -> ColumnType {
    match if same { rank } else { (rank + 1).min(if rank < 3 { 3 } else { rank }) } {
        0 => ColumnType::TinyInt,
        1 => ColumnType::SmallInt,
        2 => ColumnType::Int,
        3 => ColumnType::BigInt,
        4 => ColumnType::LargeInt,
        _ => ColumnType::Double,
    }
}
