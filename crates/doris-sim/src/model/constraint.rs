//! Constraints of tables: the FE believes them and never checks a row. No records.

use super::{Answer, Model, Refusal, TableId, drop_rename::check_alterable};

/// A constraint as SHOW CONSTRAINTS prints it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint {
    pub kind: &'static str,
    pub definition: String,
}

impl Model {
    /// ALTER TABLE ADD CONSTRAINT.
    pub fn add_constraint(&mut self, db: &str, table: &str, name: &str, constraint: Constraint) -> Answer<()> {
        let id = self.constrained(db, table)?;
        if self.constraints.contains_key(&(id, name.to_owned())) {
            return Err(Refusal::analysis(format!("Constraint name {name} has existed")));
        }
        self.constraints.insert((id, name.to_owned()), constraint);
        self.journal();
        Ok(())
    }

    /// ALTER TABLE DROP CONSTRAINT.
    pub fn drop_constraint(&mut self, db: &str, table: &str, name: &str) -> Answer<()> {
        let id = self.constrained(db, table)?;
        if self.constraints.remove(&(id, name.to_owned())).is_none() {
            return Err(Refusal::analysis(format!("Unknown constraint {name} on table {table}.")));
        }
        self.journal();
        Ok(())
    }

    /// Constraints of a table by name.
    pub fn constraints_of(&self, id: TableId) -> impl Iterator<Item = (&str, &Constraint)> {
        let all = self.constraints.iter().filter(move |((table, _), _)| *table == id);
        all.map(|((_, name), constraint)| (name.as_str(), constraint))
    }

    fn constrained(&self, db: &str, table: &str) -> Answer<TableId> {
        let table = self.table(db, table)?;
        check_alterable(table)?;
        Ok(table.id)
    }
}
