//! ALTER TABLE ADD | DROP CONSTRAINT, SHOW CONSTRAINTS.

use super::{
    reply::Rows,
    session::{Context, db_of},
    target,
};
use crate::{
    Session,
    model::{Answer, Constraint, Model, Refusal, Table},
    sql::statement::{ConstraintDef, ObjectName},
};

pub(super) fn add(
    model: &mut Model,
    session: &Session,
    (db, table): (&str, &str),
    name: &str,
    definition: &ConstraintDef,
) -> Answer<()> {
    let stored = model.table(db, table)?;
    let constraint = match definition {
        ConstraintDef::Primary(columns) => {
            Constraint { kind: "PRIMARY KEY", definition: format!("PRIMARY KEY ({})", list(stored, columns)?) }
        }
        ConstraintDef::Unique(columns) => {
            Constraint { kind: "UNIQUE", definition: format!("UNIQUE ({})", list(stored, columns)?) }
        }
        ConstraintDef::Foreign { columns, table: other, references } => {
            let (other_db, other_name) = target(session, other)?;
            let other = model.table(other_db, other_name)?;
            let definition = format!(
                "FOREIGN KEY ({}) REFERENCES {other_name} ({})",
                list(stored, columns)?,
                list(other, references)?
            );
            Constraint { kind: "FOREIGN KEY", definition }
        }
    };
    model.add_constraint(db, table, name, constraint)
}

fn list(table: &Table, columns: &[String]) -> Answer<String> {
    match columns.iter().find(|name| table.column(name).is_none()) {
        None => Ok(columns.join(", ")),
        Some(name) => Err(Refusal::analysis(format!("Unknown column '{name}' in 'table list'"))),
    }
}

/// SHOW CONSTRAINTS FROM table.
pub(super) fn show(context: &Context<'_>, name: &ObjectName) -> Answer<Rows> {
    let table = context.model.table(db_of(context.session, name.db.as_deref())?, &name.name)?;
    let rows = context.model.constraints_of(table.id).map(|(name, constraint)| {
        [name, constraint.kind, &constraint.definition].map(|text| Some(text.to_owned())).to_vec()
    });
    Ok(Rows::of_texts(&["Name", "Type", "Definition"], rows.collect()))
}
