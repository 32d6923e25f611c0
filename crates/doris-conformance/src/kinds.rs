//! What a value means, by the name of its field or column.

use crate::binding::Kind;

/// Meaning of the values of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    Bound(Kind),
    /// A point in time: any other one is as good.
    Time,
    /// A counter that stands wherever it stood when it was looked at: any other number is as good.
    Counter,
    /// What it says is what it means.
    Plain,
}

const TXN: &[&str] =
    &["txn", "txnid", "transactionid", "transactionids", "stid", "stids", "subtxnid", "subtxnids", "watershedtxnid"];
const SEQ: &[&str] = &[
    "commitseq",
    "prevcommitseq",
    "lockcommitseq",
    "lockedcommitseq",
    "firstcommitseq",
    "lastcommitseq",
    "nextcommitseq",
    "commitseqmap",
    "tablecommitseqmap",
    "droppedtablemap",
    "droppedpartitionmap",
    "droppedindexmap",
];
const HASH: &[&str] = &[
    "schemaversion",
    "schemahash",
    "sh",
    "pathhash",
    "schemahashmap",
    "shadowschemahash",
    "originschemahash",
    "clusterid",
];
const HOST: &[&str] = &[
    "host",
    "hostname",
    "httpport",
    "queryport",
    "rpcport",
    "editlogport",
    "arrowflightsqlport",
    "heartbeatport",
    "beport",
    "brpcport",
    "be_port",
    "port",
];
const ID: &[&str] = &[
    "signature",
    "bid",
    "tid",
    "rid",
    "taskid",
    "iim",
    "itm",
    "idi",
    "indexes",
    "tablets",
    "tabletsorder",
    "tabletbemap",
];
const NOT_ID: &[&str] = &["uniqueid", "mcui", "maxcoluniqueid", "clusterkeyid", "listenerid", "columnuniqueid"];
const NAME: &[&str] = &["token", "loadid", "queryid", "snapshotpath", "tabletsnapshotpathmap", "path"];

/// By the name alone, whatever its spelling (`commitSeq`, `commit_seq`, `CommitSeq`).
pub(crate) fn meaning(field: &str) -> Meaning {
    let name: String = field.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let name = name.as_str();
    if TXN.contains(&name) {
        Meaning::Bound(Kind::Txn)
    } else if SEQ.contains(&name) {
        Meaning::Bound(Kind::Seq)
    } else if HASH.contains(&name) {
        Meaning::Bound(Kind::Hash)
    } else if HOST.contains(&name) {
        Meaning::Bound(Kind::Host)
    } else if NAME.contains(&name) {
        Meaning::Bound(Kind::Name)
    } else if name == "replayedjournalid" {
        Meaning::Counter
    } else if NOT_ID.contains(&name) {
        Meaning::Plain
    } else if name.contains("timestamp")
        || name.ends_with("time")
        || name.ends_with("timems")
        || name.ends_with("expiredat")
    {
        Meaning::Time
    } else if ID.contains(&name) || name.ends_with("id") || name.ends_with("ids") {
        Meaning::Bound(Kind::Id)
    } else {
        Meaning::Plain
    }
}

/// By the word before a number in a sentence: `transaction [5]`, `table 17`.
pub(crate) fn meaning_after(words: &str) -> Meaning {
    let is_letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    let end = words.rfind(is_letter).map_or(0, |at| at + 1);
    let start = words[..end].rfind(|c| !is_letter(c)).map_or(0, |at| at + 1);
    match words[start..end].to_ascii_lowercase().as_str() {
        "txn" | "transaction" | "txnid" | "txn_id" | "transactionid" | "transaction_id" => Meaning::Bound(Kind::Txn),
        "table" | "tableid" | "tbl" | "partition" | "tablet" | "index" | "replica" | "backend" | "job" | "db"
        | "database" | "id" | "jobid" | "dbid" | "table_id" | "tablet_id" | "backends" | "tablets" => {
            Meaning::Bound(Kind::Id)
        }
        "commitseq" | "commit_seq" | "seq" => Meaning::Bound(Kind::Seq),
        "port" => Meaning::Bound(Kind::Host),
        _ => Meaning::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_known_by_its_name_in_any_spelling() {
        for name in ["commitSeq", "commit_seq", "CommitSeq"] {
            assert_eq!(meaning(name), Meaning::Bound(Kind::Seq), "{name}");
        }
        assert_eq!(meaning("TableId"), Meaning::Bound(Kind::Id));
        assert_eq!(meaning("uniqueId"), Meaning::Plain);
        assert_eq!(meaning("CreateTime"), Meaning::Time);
        assert_eq!(meaning("timeout"), Meaning::Plain);
    }

    #[test]
    fn a_number_in_a_sentence_is_known_by_the_word_before() {
        assert_eq!(meaning_after("relate to txn ["), Meaning::Bound(Kind::Txn));
        assert_eq!(meaning_after("unknown partition "), Meaning::Bound(Kind::Id));
        assert_eq!(meaning_after("at least "), Meaning::Plain);
    }
}
