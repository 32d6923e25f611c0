//! The text format of scenarios: `scenarios/README.md` describes it for those who write them.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, anyhow, bail, ensure};

use super::step::{Check, ColumnCheck, Control, Expected, Kind, Line, Scenario, Side, Step};

/// Properties that `{P}` stands for.
const PROPERTIES: &str = "\"replication_num\" = \"1\", \"binlog.enable\" = \"true\"";

/// Understands the files of a folder: `shapes.txt` and `(name, text)` of each scenario file.
///
/// # Errors
/// Names file, line and what is not understood.
pub fn parse(shapes: &str, files: &[(String, String)]) -> anyhow::Result<Vec<Scenario>> {
    let shapes = parse_shapes(shapes)?;
    let mut scenarios: Vec<Scenario> = Vec::new();
    for (file, text) in files {
        for (number, indented, content) in logical_lines(text) {
            let place = format!("{file}:{number}");
            let context = || format!("{place}: {content}");
            if !indented {
                let name = content.strip_prefix("scenario ").ok_or_else(|| anyhow!("no scenario begins here"));
                let name = name.with_context(context)?.trim().to_owned();
                let (about, kinds) = (String::new(), vec![Kind::Db]);
                scenarios.push(Scenario { name, place, about, kinds, steps: Vec::new() });
                continue;
            }
            let (word, rest) = content.split_once(' ').unwrap_or((content.as_str(), ""));
            if word == "first" {
                let other = scenarios.iter().find(|other| other.name == rest.trim());
                let steps =
                    other.ok_or_else(|| anyhow!("no scenario of that name before this one")).with_context(context)?;
                let steps = steps.steps.clone();
                last(&mut scenarios).with_context(context)?.steps.extend(steps);
                continue;
            }
            let scenario = last(&mut scenarios).with_context(context)?;
            match word {
                "about" => rest.clone_into(&mut scenario.about),
                "jobs" => scenario.kinds = kinds(rest).with_context(context)?,
                _ => {
                    let (only, text) = restriction(&content).with_context(context)?;
                    let step = step(text, &shapes).with_context(context)?;
                    scenario.steps.push(Line { place, text: text.to_owned(), only, step });
                }
            }
        }
    }
    Ok(scenarios)
}

fn last(scenarios: &mut [Scenario]) -> anyhow::Result<&mut Scenario> {
    scenarios.last_mut().ok_or_else(|| anyhow!("a step outside of a scenario"))
}

/// Lines without comments and blank ones; a line indented by four blanks or more continues the one before.
fn logical_lines(text: &str) -> Vec<(usize, bool, String)> {
    let mut lines: Vec<(usize, bool, String)> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let content = line.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        match lines.last_mut() {
            Some((_, _, before)) if indent >= 4 => {
                before.push(' ');
                before.push_str(content);
            }
            _ => lines.push((number + 1, indent > 0, content.to_owned())),
        }
    }
    lines
}

/// `[db alias] step`.
fn restriction(line: &str) -> anyhow::Result<(Vec<Kind>, &str)> {
    match line.strip_prefix('[') {
        Some(rest) => {
            let (names, step) = rest.split_once(']').ok_or_else(|| anyhow!("a [ without ]"))?;
            Ok((kinds(names)?, step.trim()))
        }
        None => Ok((Vec::new(), line)),
    }
}

fn kinds(names: &str) -> anyhow::Result<Vec<Kind>> {
    names.split_whitespace().map(|name| Kind::of_name(name).ok_or_else(|| anyhow!("no kind of job: {name}"))).collect()
}

/// Shapes of tables by name: columns, and the clauses after them.
type Shapes = BTreeMap<String, (String, String)>;

/// `shape NAME`, then the columns in a line, then the clauses in lines.
fn parse_shapes(text: &str) -> anyhow::Result<Shapes> {
    let mut shapes = Shapes::new();
    let mut name: Option<String> = None;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(new) = line.strip_prefix("shape ") {
            ensure!(!shapes.contains_key(new), "shapes.txt: {new} is there twice");
            shapes.insert(new.to_owned(), (String::new(), String::new()));
            name = Some(new.to_owned());
            continue;
        }
        let shape = name.as_ref().and_then(|name| shapes.get_mut(name));
        let (columns, clauses) = shape.ok_or_else(|| anyhow!("shapes.txt: a line outside of a shape: {line}"))?;
        if columns.is_empty() {
            line.clone_into(columns);
        } else {
            clauses.push(' ');
            clauses.push_str(line);
        }
    }
    Ok(shapes)
}

/// One step.
fn step(text: &str, shapes: &Shapes) -> anyhow::Result<Step> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let rest = rest.trim();
    Ok(match word {
        "src" => sql(Side::Source, rest),
        "dst" => sql(Side::Dest, rest),
        "create" => create(Side::Source, rest, shapes)?,
        "create-on-dst" => create(Side::Dest, rest, shapes)?,
        "fill" => fill(rest)?,
        "initial" => Step::Initial { tables: names(rest) },
        "start" => start(rest)?,
        "pause" => Step::Control(Control::Pause),
        "resume" => Step::Control(Control::Resume),
        "delete" => Step::Control(Control::Delete),
        "desync" => Step::Control(Control::Desync),
        "force" if rest == "full sync" => Step::Control(Control::FullSync),
        "skip" => match names(rest).as_slice() {
            [way] if way == "silence" => Step::Control(Control::SkipSilence),
            [way] if way == "fullsync" => Step::Control(Control::SkipFullSync),
            [way, table] if way == "partialsync" => Step::Control(Control::SkipPartialSync(table.clone())),
            _ => bail!("skip silence, skip fullsync or skip partialsync TABLE"),
        },
        "failpoint" => match names(rest).as_slice() {
            [name, off] if off == "off" => Step::Failpoint { name: name.clone(), value: None },
            [name, value] => Step::Failpoint { name: name.clone(), value: Some(value.clone()) },
            _ => bail!("failpoint NAME VALUE, or failpoint NAME off"),
        },
        "debugpoint" => match names(rest).as_slice() {
            [name, off] if off == "off" => Step::DebugPoint { name: name.clone(), value: None, on: false },
            [name, on] if on == "on" => Step::DebugPoint { name: name.clone(), value: None, on: true },
            [name, on, value] if on == "on" => {
                Step::DebugPoint { name: name.clone(), value: Some(value.clone()), on: true }
            }
            _ => bail!("debugpoint NAME on [VALUE], or debugpoint NAME off"),
        },
        "wait" => Step::Wait(duration(rest)?),
        "altered" => Step::Altered { table: one(rest)? },
        "mark" => Step::Mark,
        "lag" => Step::Lag,
        "stays" => {
            let (time, rest) = rest.split_once(':').ok_or_else(|| anyhow!("stays TIME: CHECK"))?;
            Step::Stays(duration(time)?, check_of(step(rest.trim(), shapes)?)?)
        }
        _ => Step::Check(check(word, rest)?),
    })
}

fn check_of(step: Step) -> anyhow::Result<Check> {
    match step {
        Step::Check(check) => Ok(check),
        _ => bail!("only a check can stay true"),
    }
}

fn check(word: &str, rest: &str) -> anyhow::Result<Check> {
    Ok(match word {
        "rows" => {
            let (table, rest) = rest.split_once('=').ok_or_else(|| anyhow!("rows TABLE = NUMBER"))?;
            let (count, filter) = match rest.split_once("where") {
                Some((count, filter)) => (count, Some(filter.trim().to_owned())),
                None => (rest, None),
            };
            Check::Rows { table: one(table)?, count: count.trim().parse().context("a number of rows")?, filter }
        }
        "same" => match names(rest).as_slice() {
            [desc, table] if desc == "desc" => Check::SameDesc { table: table.clone() },
            [table] => Check::Same { table: table.clone() },
            _ => bail!("same TABLE, or same desc TABLE"),
        },
        "ddl" => {
            let (table, rest) = rest.split_once(' ').ok_or_else(|| anyhow!("ddl TABLE has TEXT"))?;
            let (has, text) = has(rest)?;
            Check::Ddl { table: table.to_owned(), has, text: text.to_owned() }
        }
        "columns" => {
            let (table, columns) = rest.split_once('=').ok_or_else(|| anyhow!("columns TABLE = NAMES"))?;
            Check::Columns { table: one(table)?, columns: columns.split_whitespace().map(column).collect() }
        }
        "exists" => Check::Exists { table: one(rest)?, there: true },
        "absent" => Check::Exists { table: one(rest)?, there: false },
        "partitions" => {
            let (table, rest) = rest.split_once(' ').ok_or_else(|| anyhow!("partitions TABLE has NAMES"))?;
            let (has, rest) = has(rest)?;
            Check::Partitions { table: table.to_owned(), has, names: names(rest) }
        }
        "indexes" => {
            let (table, rest) = rest.split_once('=').ok_or_else(|| anyhow!("indexes TABLE = NAMES"))?;
            let names = names(rest).into_iter().filter(|name| name != "nothing").collect();
            Check::Indexes { table: one(table)?, names }
        }
        "rollup" => match names(rest).as_slice() {
            [table, name, there] if matches!(there.as_str(), "there" | "gone") => {
                Check::Rollup { table: table.clone(), name: name.clone(), there: there == "there" }
            }
            _ => bail!("rollup TABLE NAME there, or gone"),
        },
        "state" => Check::State { names: names(rest).into_iter().filter(|name| name != "or").collect() },
        "running" => Check::Running,
        "caught" if rest == "up" => Check::CaughtUp,
        "skipped" => Check::Skipped,
        "no" if rest == "full sync" => Check::NoFullSync,
        "no" if rest == "backup" => Check::NoBackup,
        "a" if rest == "full sync" => Check::FullSync,
        "restored" => match names(rest).as_slice() {
            [table] => Check::Restored { table: table.clone(), count: 1 },
            [table, count] => Check::Restored { table: table.clone(), count: count.parse().context("a number")? },
            _ => bail!("restored TABLE [NUMBER]"),
        },
        _ => bail!("no step begins with {word:?}"),
    })
}

fn has(rest: &str) -> anyhow::Result<(bool, &str)> {
    match rest.trim().split_once(' ') {
        Some(("has", text)) => Ok((true, text.trim())),
        Some(("lacks", text)) => Ok((false, text.trim())),
        _ => bail!("has or lacks is expected"),
    }
}

/// `name`, `name*` (a key), `name:type*`.
fn column(text: &str) -> ColumnCheck {
    let (text, key) = match text.strip_suffix('*') {
        Some(text) => (text, true),
        None => (text, false),
    };
    match text.split_once(':') {
        Some((name, ty)) => ColumnCheck { name: name.to_owned(), key, ty: Some(ty.to_owned()) },
        None => ColumnCheck { name: text.to_owned(), key, ty: None },
    }
}

/// A statement, and what it must answer after ` => `.
fn sql(side: Side, text: &str) -> Step {
    let text = text.replace("{P}", PROPERTIES);
    let Some((sql, answer)) = text.rsplit_once(" => ") else { return Step::Sql { side, sql: text } };
    let expected = match answer.trim().split_once(' ') {
        _ if answer.trim() == "nothing" => Expected::Rows(Vec::new()),
        Some(("has", text)) => Expected::Has(text.trim().to_owned()),
        Some(("lacks", text)) => Expected::Lacks(text.trim().to_owned()),
        Some(("fails", text)) => Expected::Fails(text.trim().to_owned()),
        _ => {
            let row = |row: &str| row.split(',').map(|cell| cell.trim().to_owned()).collect();
            Expected::Rows(answer.split('/').map(row).collect())
        }
    };
    Step::Check(Check::Gives { side, sql: sql.trim().to_owned(), expected })
}

/// `create TABLE SHAPE [without binlog] [with PROPERTIES]`.
fn create(side: Side, text: &str, shapes: &Shapes) -> anyhow::Result<Step> {
    let (text, also) = match text.split_once(" with ") {
        Some((text, also)) => (text, format!(", {also}")),
        None => (text, String::new()),
    };
    let (names, properties) = match text.strip_suffix(" without binlog") {
        Some(text) => (names(text), "\"replication_num\" = \"1\""),
        None => (names(text), PROPERTIES),
    };
    let [table, shape] = names.as_slice() else { bail!("create TABLE SHAPE [with PROPERTIES]") };
    let (columns, clauses) = shapes.get(shape).ok_or_else(|| anyhow!("no shape {shape} in shapes.txt"))?;
    let sql = format!("CREATE TABLE {table} ({columns}){clauses} PROPERTIES ({properties}{also})");
    Ok(Step::Sql { side, sql })
}

/// `fill TABLE (ROW with {i}) FROM..TO [each]`.
fn fill(text: &str) -> anyhow::Result<Step> {
    let usage = || anyhow!("fill TABLE (VALUES) FROM..TO [each]");
    let (table, rest) = text.split_once(' ').ok_or_else(usage)?;
    let at = rest.rfind(')').ok_or_else(usage)?;
    let (row, range) = rest.split_at(at + 1);
    let (range, each) = match range.trim().strip_suffix("each") {
        Some(range) => (range.trim(), true),
        None => (range.trim(), false),
    };
    let (from, to) = range.split_once("..").ok_or_else(usage)?;
    let (from, to) = (from.parse().context("the first number")?, to.parse().context("the last number")?);
    Ok(Step::Fill { table: table.to_owned(), row: row.trim().to_owned(), from, to, each })
}

/// `start TABLES [also JSON] [refused TEXT]`.
fn start(text: &str) -> anyhow::Result<Step> {
    let (text, refused) = match text.split_once("refused ") {
        Some((text, refused)) => (text, Some(refused.trim().to_owned())),
        None => (text, None),
    };
    let (text, also) = match text.split_once("also ") {
        Some((text, also)) => (text, Some(also.trim().to_owned())),
        None => (text, None),
    };
    Ok(Step::Start { tables: names(text), also, refused })
}

fn names(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn one(text: &str) -> anyhow::Result<String> {
    match names(text).as_slice() {
        [name] => Ok(name.clone()),
        _ => bail!("one name is expected, not {text:?}"),
    }
}

/// `5 s`, `200 ms`, `5 polls` (of five seconds).
fn duration(text: &str) -> anyhow::Result<Duration> {
    match names(text).as_slice() {
        [number, unit] => {
            let number: u64 = number.parse().context("a number")?;
            match unit.as_str() {
                "ms" => Ok(Duration::from_millis(number)),
                "s" => Ok(Duration::from_secs(number)),
                "polls" => Ok(Duration::from_secs(5 * number)),
                _ => bail!("no unit of time: {unit}"),
            }
        }
        _ => bail!("a time is a number and s, ms or polls"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn steps(text: &str) -> anyhow::Result<Vec<Step>> {
        let shapes = "shape U\n  test INT, id INT\n  UNIQUE KEY (test, id)\n  DISTRIBUTED BY HASH(id) BUCKETS 1\n";
        let files = [("x.scenario".to_owned(), format!("scenario a\n  about What it shows.\n{text}"))];
        Ok(parse(shapes, &files)?.remove(0).steps.into_iter().map(|line| line.step).collect())
    }

    #[test]
    fn lines_are_steps() {
        let found = steps(
            "  create t U with \"a\" = \"b\"\n  # a comment\n  fill t (0, {i}) 0..4 each\n  src INSERT INTO t\n    VALUES (1, 2)\n  \
             dst SELECT 1 => 1, NULL / 2, x\n  stays 5 polls: rows t = 3 where id = 1\n  columns t = first* id:bigint*\n",
        );
        let rows =
            |table: &str, count, filter: &str| Check::Rows { table: table.into(), count, filter: Some(filter.into()) };
        let cells = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            found.unwrap(),
            [
                Step::Sql {
                    side: Side::Source,
                    sql: "CREATE TABLE t (test INT, id INT) UNIQUE KEY (test, id) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES \
                          (\"replication_num\" = \"1\", \"binlog.enable\" = \"true\", \"a\" = \"b\")"
                        .into()
                },
                Step::Fill { table: "t".into(), row: "(0, {i})".into(), from: 0, to: 4, each: true },
                Step::Sql { side: Side::Source, sql: "INSERT INTO t VALUES (1, 2)".into() },
                Step::Check(Check::Gives {
                    side: Side::Dest,
                    sql: "SELECT 1".into(),
                    expected: Expected::Rows(vec![cells(&["1", "NULL"]), cells(&["2", "x"])])
                }),
                Step::Stays(Duration::from_secs(25), rows("t", 3, "id = 1")),
                Step::Check(Check::Columns {
                    table: "t".into(),
                    columns: vec![
                        ColumnCheck { name: "first".into(), key: true, ty: None },
                        ColumnCheck { name: "id".into(), key: true, ty: Some("bigint".into()) }
                    ]
                }),
            ]
        );
    }

    #[test]
    fn what_is_not_understood_is_named_with_its_place() {
        for (text, why) in [
            ("  dance\n", "x.scenario:3: dance: no step begins with \"dance\""),
            ("  rows t is 5\n", "rows TABLE = NUMBER"),
            ("  create t V\n", "no shape V"),
            ("  [dbs] pause\n", "no kind of job: dbs"),
            ("  first b\n", "no scenario of that name"),
            ("  wait 5 moons\n", "no unit of time"),
            ("  stays 5 s: pause\n", "only a check"),
            ("step\n", "no scenario begins here"),
        ] {
            let error = format!("{:#}", steps(text).unwrap_err());
            assert!(error.contains(why), "{error}");
        }
    }
}
