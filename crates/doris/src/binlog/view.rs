//! MODIFY_VIEW_DEF.

use super::{Column, PayloadError, fields::Fields};
use crate::ids::{Source, TableId};

/// ALTER VIEW, or CREATE OR REPLACE of a view that existed.
#[derive(Clone, Debug, PartialEq)]
pub struct ModifyView {
    pub view: TableId<Source>,
    /// The query; absent where only the comment changed.
    pub definition: Option<String>,
    /// Name and comment of each column; empty where only the comment changed.
    pub columns: Vec<Column>,
    /// Absent where the statement sets none.
    pub comment: Option<String>,
}

impl ModifyView {
    pub(super) fn read(mut fields: Fields) -> Result<Self, PayloadError> {
        Ok(Self {
            view: fields.need_id("tableId", TableId::new)?,
            definition: fields.text("inlineViewDef")?,
            columns: fields.or_default("newFullSchema")?,
            comment: fields.optional("comment")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Record, testing::decode};
    use crate::rpc::BinlogType;

    #[test]
    fn a_comment_alone_has_no_definition() {
        let data = r#"{"dbId":1,"tableId":2,"newFullSchema":[],"comment":"new","sv":{"sql_mode":"32"}}"#;
        let Ok(Record::ModifyView(view)) = decode(BinlogType::MODIFY_VIEW_DEF, data) else { panic!("not read") };
        assert_eq!((view.definition, view.comment.as_deref()), (None, Some("new")));
    }
}
