//! SQL: every statement that is sent is a value of [`Statement`], rendered here and nowhere else; every answer is read by
//! column name through [`Row`], since Doris versions differ in columns and their order.

mod quote;
pub mod rewrite;
mod row;
mod rows;
mod statement;
mod token;

pub use quote::{VerbatimText, identifier, literal, qualified};
pub use row::{Row, RowError, rows};
pub use rows::*;
pub use statement::{BackupObject, BucketCount, Distribution, Statement};
