//! Qualifying every name in the text of a query, at its place, as Doris stores the definition of a view.

use sqlparser::{
    ast::{
        Expr, Ident, InTarget, JoinConstraint, JoinOperator, OrderByKind, Query, Select, SelectItem, SetExpr, Spanned,
        TableAlias, TableFactor,
    },
    tokenizer::Span,
};

use super::{
    query::from,
    scalar::{ScopeColumn, children, unquoted},
    session::Context,
};
use crate::{
    model::{Answer, Refusal},
    sql::offset_of,
};

/// Replacements in a text.
pub(super) struct Edits<'a> {
    text: &'a str,
    /// From, to (bytes), new text.
    edits: Vec<(usize, usize, String)>,
    /// Whether columns and aliases are written anew, not only tables.
    columns: bool,
}

impl<'a> Edits<'a> {
    pub(super) fn new(text: &'a str, columns: bool) -> Self {
        Self { text, edits: Vec::new(), columns }
    }

    pub(super) fn replace(&mut self, span: Span, new: String) {
        let (from, to) = (offset_of(self.text, span.start), offset_of(self.text, span.end));
        self.edits.push((from, to, new));
    }

    pub(super) fn insert_after(&mut self, span: Span, new: &str) {
        let end = offset_of(self.text, span.end);
        // A replacement that ends here takes it along.
        match self.edits.iter_mut().find(|(_, to, _)| *to == end) {
            Some((_, _, replacement)) => replacement.push_str(new),
            None => self.edits.push((end, end, new.to_owned())),
        }
    }

    /// The text with all replacements.
    pub(super) fn apply(mut self) -> String {
        self.edits.sort();
        let (mut result, mut at) = (String::new(), 0);
        for (from, to, new) in self.edits {
            result.push_str(self.text.get(at..from).unwrap_or_default());
            result.push_str(&new);
            at = to;
        }
        result.push_str(self.text.get(at..).unwrap_or_default());
        result
    }

    /// Qualifies every name of a query.
    pub(super) fn query(&mut self, context: &Context<'_>, query: &Query) -> Answer<()> {
        let scope = self.body(context, &query.body)?;
        if let Some(order) = &query.order_by
            && let OrderByKind::Expressions(keys) = &order.kind
        {
            for key in keys {
                self.expr(context, &scope, &key.expr)?;
            }
        }
        Ok(())
    }

    fn body(&mut self, context: &Context<'_>, body: &SetExpr) -> Answer<Vec<ScopeColumn>> {
        match body {
            SetExpr::Select(select) => self.select(context, select),
            SetExpr::Query(query) => self.query(context, query).map(|()| Vec::new()),
            SetExpr::SetOperation { left, right, .. } => {
                self.body(context, left)?;
                self.body(context, right)
            }
            other => Err(Refusal::analysis(format!("{other} is not supported in a view"))),
        }
    }

    fn select(&mut self, context: &Context<'_>, select: &Select) -> Answer<Vec<ScopeColumn>> {
        let scope = from::relation(context, &select.from)?.columns;
        for item in &select.from {
            self.factor(context, &item.relation)?;
            for join in &item.joins {
                self.factor(context, &join.relation)?;
                let (JoinOperator::Join(constraint)
                | JoinOperator::Inner(constraint)
                | JoinOperator::Left(constraint)
                | JoinOperator::LeftOuter(constraint)) = &join.join_operator
                else {
                    continue;
                };
                if let JoinConstraint::On(condition) = constraint {
                    self.expr(context, &scope, condition)?;
                }
            }
        }
        for item in &select.projection {
            match item {
                SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
                    self.expr(context, &scope, expr)?;
                }
                SelectItem::Wildcard(_) => {
                    let all: Vec<String> = scope.iter().map(qualified).collect();
                    self.replace(item.span(), all.join(", "));
                }
                other => return Err(Refusal::analysis(format!("{other} is not supported in a view"))),
            }
        }
        let grouped = match &select.group_by {
            sqlparser::ast::GroupByExpr::Expressions(expressions, _) => expressions.as_slice(),
            sqlparser::ast::GroupByExpr::All(_) => &[],
        };
        for expr in select.selection.iter().chain(grouped).chain(&select.having) {
            self.expr(context, &scope, expr)?;
        }
        Ok(scope)
    }

    fn factor(&mut self, context: &Context<'_>, factor: &TableFactor) -> Answer<()> {
        match factor {
            TableFactor::Table { name, alias, args: None, .. } => {
                let parts: Vec<String> = name.0.iter().filter_map(|part| part.as_ident()).map(unquoted).collect();
                let (db, table) = match &parts[..] {
                    [table] => (context.current_db()?, table),
                    [db, table] | [_, db, table] => (db.as_str(), table),
                    _ => return Err(Refusal::analysis(format!("{name} is not supported"))),
                };
                self.replace(name.span(), format!("`internal`.`{db}`.`{table}`"));
                self.alias(alias.as_ref());
                Ok(())
            }
            TableFactor::Derived { subquery, alias, .. } => {
                self.alias(alias.as_ref());
                self.query(context, subquery)
            }
            TableFactor::NestedJoin { table_with_joins, .. } => {
                self.factor(context, &table_with_joins.relation)?;
                table_with_joins.joins.iter().try_for_each(|join| self.factor(context, &join.relation))
            }
            _ => Ok(()),
        }
    }

    fn alias(&mut self, alias: Option<&TableAlias>) {
        if let Some(alias) = alias.filter(|_| self.columns) {
            self.replace(alias.name.span, format!("`{}`", unquoted(&alias.name)));
        }
    }

    fn expr(&mut self, context: &Context<'_>, scope: &[ScopeColumn], expr: &Expr) -> Answer<()> {
        match expr {
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) if !self.columns => Ok(()),
            Expr::Identifier(name) => {
                if let Some(column) = find(scope, std::slice::from_ref(name)) {
                    self.replace(name.span, qualified(column));
                }
                Ok(())
            }
            Expr::CompoundIdentifier(parts) => {
                if let Some(column) = find(scope, parts) {
                    self.replace(expr.span(), qualified(column));
                }
                Ok(())
            }
            Expr::Subquery(query) | Expr::Exists { subquery: query, .. } => self.query(context, query),
            Expr::In { expr, target: InTarget::Subquery(query), .. } => {
                self.expr(context, scope, expr)?;
                self.query(context, query)
            }
            other => children(other).into_iter().try_for_each(|child| self.expr(context, scope, child)),
        }
    }
}

/// The column that a name stands for; names of outputs and of nothing are left as they are.
fn find<'s>(scope: &'s [ScopeColumn], parts: &[Ident]) -> Option<&'s ScopeColumn> {
    let names: Vec<String> = parts.iter().rev().map(unquoted).collect();
    scope.iter().find(|column| {
        names.first().is_some_and(|name| column.name.eq_ignore_ascii_case(name))
            && names.get(1).is_none_or(|table| column.table.as_ref() == Some(table))
    })
}

fn qualified(column: &ScopeColumn) -> String {
    match (&column.db, &column.table) {
        (Some(db), Some(table)) => format!("`internal`.`{db}`.`{table}`.`{}`", column.name),
        (None, Some(table)) => format!("`{table}`.`{}`", column.name),
        _ => format!("`{}`", column.name),
    }
}
