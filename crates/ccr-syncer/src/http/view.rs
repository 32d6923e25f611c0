//! `/view`: all jobs of the deployment in one table, for people. `?type=html` (the default), `table` or `raw`.

use std::time::Duration;

use axum::{
    body::Body,
    extract::{RawQuery, State},
    http::{HeaderValue, Response, header},
};
use ccr_store::{
    JobRow,
    documents::{JobDocument, ProgressDocument},
};
use futures::{StreamExt, stream};

use super::{Api, get_lag::delay_secs};

const COLUMNS: [&str; 10] = [
    "Job Name",
    "Type",
    "Lag",
    "Lag(Secs)",
    "Sync State",
    "Sub Sync State",
    "Last Fullsync Time",
    "Last Fullsync Reason",
    "Is Hostmapping",
    "Other Args",
];

type Row = [String; 10];

/// How many sources are asked at the same time, and how long each is waited for.
const ASKED: usize = 64;
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn handle(State(api): State<Api>, RawQuery(query): RawQuery) -> Response<Body> {
    let form = query.unwrap_or_default();
    let render: fn(&[Row]) -> String = match form.as_str() {
        "" | "type=html" => html,
        "type=table" => table,
        "type=raw" => raw,
        other => return text("text/plain", format!("show job state with unknow type: {other}")),
    };
    let kind = if form.is_empty() || form == "type=html" { "text/html" } else { "text/plain" };
    let rows = match api.manager.env().store.jobs().await {
        Ok(rows) => rows,
        Err(error) => return text("text/plain", error.to_string()),
    };
    let rows: Vec<Row> = stream::iter(rows).map(|job| row(&api, job)).buffered(ASKED).collect().await;
    text(kind, render(&rows))
}

/// One job. What cannot be found out is said in its place, and concerns no other job.
async fn row(api: &Api, job: JobRow) -> Row {
    let document = JobDocument::parse(&job.document);
    let stored = api.manager.env().store.progress(&job.name).await;
    let progress = stored.ok().flatten().and_then(|stored| ProgressDocument::parse(&stored).ok());
    let lag = tokio::time::timeout(PATIENCE, api.manager.lag(&job.name)).await;
    let lag = lag.ok().and_then(Result::ok);
    let unknown = || "unknown".to_owned();
    let (kind, mapped) = match &document {
        Ok(document) => {
            let kind = match (document.src.table.as_str(), document.dest.table.as_str()) {
                ("", _) => "db_sync",
                (src, dest) if src == dest => "table_sync",
                _ => "table_sync_with_alias",
            };
            let mapped = !document.src.host_mapping.is_empty() || !document.dest.host_mapping.is_empty();
            (kind.to_owned(), mapped.to_string())
        }
        Err(_) => (unknown(), unknown()),
    };
    let (sync, sub, at, why) = match progress {
        Some(progress) => (
            progress.sync_state.name().into_owned(),
            progress.sub_sync_state.name().into_owned(),
            progress.full_sync_start_at.to_string(),
            progress.full_sync_info.info,
        ),
        None => (unknown(), unknown(), unknown(), String::new()),
    };
    let (records, seconds) = match lag {
        Some(lag) => (lag.lag.to_string(), delay_secs(&lag).to_string()),
        None => (unknown(), unknown()),
    };
    [job.name, kind, records, seconds, sync, sub, at, why, mapped, String::new()]
}

fn html(rows: &[Row]) -> String {
    let cells = |tag: &str, cells: &mut dyn Iterator<Item = &str>| {
        let cells: String = cells.map(|cell| format!("<{tag}>{}</{tag}>", escaped(cell))).collect();
        format!("<tr>{cells}</tr>\n")
    };
    let head = cells("th", &mut COLUMNS.into_iter());
    let body: String = rows.iter().map(|row| cells("td", &mut row.iter().map(String::as_str))).collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>CCR jobs</title></head>\n<body>\n\
         <table border=\"1\">\n{head}{body}</table>\n</body>\n</html>\n"
    )
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

fn table(rows: &[Row]) -> String {
    let head = COLUMNS.map(str::to_owned);
    let lines: Vec<Vec<String>> = [&head].into_iter().chain(rows).map(cells).collect();
    let width =
        |column| lines.iter().filter_map(|line| line.get(column)).map(|cell: &String| cell.chars().count()).max();
    let widths: Vec<usize> = (0..COLUMNS.len()).map(|column| width(column).unwrap_or_default()).collect();
    let rule = widths.iter().map(|width| format!("+{}", "-".repeat(width + 2))).collect::<String>() + "+\n";
    let mut text = rule.clone();
    for (number, line) in lines.iter().enumerate() {
        for (cell, width) in line.iter().zip(&widths) {
            text.push_str(&format!("| {cell:<width$} "));
        }
        text.push_str("|\n");
        if number == 0 {
            text.push_str(&rule);
        }
    }
    text + &rule
}

fn raw(rows: &[Row]) -> String {
    let head = COLUMNS.map(str::to_owned);
    [&head].into_iter().chain(rows).map(|row| cells(row).join("\t") + "\n").collect()
}

fn cells(row: &Row) -> Vec<String> {
    row.iter().map(|cell| one_line(cell)).collect()
}

/// Nothing in a cell may look like the end of it.
fn one_line(cell: &str) -> String {
    cell.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn text(kind: &str, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    let kind = format!("{kind}; charset=utf-8");
    if let Ok(kind) = HeaderValue::from_str(&kind) {
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, reason: &str) -> Row {
        let mut row = Row::default();
        (row[0], row[7]) = (name.to_owned(), reason.to_owned());
        row
    }

    /// Defects: SVC-A17.
    #[test]
    fn names_and_reasons_stay_in_their_cells() {
        let rows = [row("<script>'\"&", "two\nlines\tof it"), row("ö", "")];
        let page = html(&rows);
        assert!(page.contains("<td>&lt;script&gt;&#39;&quot;&amp;</td>") && !page.contains("<script>"), "{page}");
        let text = raw(&rows);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[0].starts_with("Job Name\tType\tLag\tLag(Secs)\t"));
        assert_eq!(lines[1], "<script>'\"&\t\t\t\t\t\t\ttwo lines of it\t\t");
        let text = table(&rows);
        let widths: std::collections::BTreeSet<usize> = text.lines().map(|line| line.chars().count()).collect();
        assert_eq!((text.lines().count(), widths.len()), (6, 1), "{text}");
        assert!(text.contains("| ö           |"), "{text}");
    }
}
