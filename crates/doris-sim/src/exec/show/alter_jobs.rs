//! SHOW ALTER TABLE, SHOW BUILD INDEX.

use sqlparser::ast::{BinaryOperator, Expr};

use super::super::{
    reply::Rows,
    scalar::label_of,
    session::{Context, db_of, literal_text},
};
use crate::{
    model::{Answer, BUILD_INDEX_COLUMNS, COLUMN_JOB_COLUMNS, ROLLUP_JOB_COLUMNS, Refusal},
    sql::statement::{AlterJobs, JobFilter},
};

pub(super) fn alter_jobs(context: &Context<'_>, jobs: AlterJobs, db: Option<&str>, filter: &JobFilter) -> Answer<Rows> {
    let db = context.model.database(db_of(context.session, db)?)?.id;
    let mut rows = match jobs {
        AlterJobs::Column => Rows::of_texts(&COLUMN_JOB_COLUMNS, context.model.column_job_rows(db)),
        AlterJobs::Rollup => Rows::of_texts(&ROLLUP_JOB_COLUMNS, context.model.rollup_job_rows(db)),
        AlterJobs::BuildIndex => Rows::of_texts(&BUILD_INDEX_COLUMNS, context.model.build_index_rows(db)),
    };
    if let Some(condition) = &filter.condition {
        keep(context, &mut rows, condition)?;
    }
    for (column, descending) in filter.order_by.iter().rev() {
        let missing = || Refusal::analysis(format!("Title name[{column}] does not exist"));
        let at = rows.position(column).ok_or_else(missing)?;
        rows.rows.sort_by(|a, b| if *descending { b[at].cmp(&a[at]) } else { a[at].cmp(&b[at]) });
    }
    if let Some((offset, count)) = filter.limit {
        rows.rows = rows.rows.into_iter().skip(offset).take(count).collect();
    }
    Ok(rows)
}

/// `column op 'text'`, joined by AND.
fn keep(context: &Context<'_>, rows: &mut Rows, condition: &Expr) -> Answer<()> {
    let Expr::BinaryOp { left, op, right } = condition else {
        return Err(Refusal::analysis("Operator = or LIKE is expected"));
    };
    if *op == BinaryOperator::And {
        keep(context, rows, left)?;
        return keep(context, rows, right);
    }
    let column = label_of(left).to_lowercase();
    let text = literal_text(context, right);
    let (Some(at), Some(text)) = (rows.position(&column), text) else { return Err(unknown_column()) };
    let compared = match column.as_str() {
        "tablename" | "indexname" | "partitionname" | "state" => *op == BinaryOperator::Eq,
        "createtime" | "finishtime" => true,
        _ => return Err(unknown_column()),
    };
    if !compared {
        return Err(Refusal::analysis("Only operator = is supported for TableName, IndexName and State"));
    }
    let test = |cell: &str| match op {
        BinaryOperator::Eq => Some(cell == text || (column == "state" && cell.eq_ignore_ascii_case(&text))),
        BinaryOperator::NotEq => Some(cell != text),
        BinaryOperator::Lt => Some(cell < text.as_str()),
        BinaryOperator::LtEq => Some(cell <= text.as_str()),
        BinaryOperator::Gt => Some(cell > text.as_str()),
        BinaryOperator::GtEq => Some(cell >= text.as_str()),
        _ => None,
    };
    if test("").is_none() {
        return Err(unknown_column());
    }
    rows.rows.retain(|row| row.get(at).and_then(Option::as_deref).and_then(test) == Some(true));
    Ok(())
}

fn unknown_column() -> Refusal {
    Refusal::analysis("The columns of TableName/IndexName/CreateTime/FinishTime/State are supported.")
}
