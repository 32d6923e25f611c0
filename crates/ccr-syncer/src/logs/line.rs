//! One event, one line: `[2025-01-24 15:26:10.123]  INFO message job=j1 line=job/mod.rs:12`.

use std::{collections::BTreeMap, fmt};

use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};
use tracing::{Event, Subscriber, field};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

use crate::host;

const STAMP: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:3]");

/// The Go program's line: local time, level, message, then fields by name. `line` is where the event is in the code, the last
/// two elements of its path.
#[derive(Clone, Copy, Debug, Default)]
pub struct GoLine;

impl<S, N> FormatEvent<S, N> for GoLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        write_line(writer, host::local_now(), event)
    }
}

fn write_line(mut writer: Writer<'_>, now: OffsetDateTime, event: &Event<'_>) -> fmt::Result {
    let metadata = event.metadata();
    let mut fields = Fields::default();
    event.record(&mut fields);
    if let (Some(file), Some(number)) = (metadata.file(), metadata.line()) {
        let mut parts = file.rsplit(['/', '\\']);
        let name = parts.next().unwrap_or_default();
        let place = match parts.next() {
            Some(folder) => format!("{folder}/{name}:{number}"),
            None => format!("{name}:{number}"),
        };
        fields.named.insert("line", place);
    }
    let stamp = now.format(STAMP).map_err(|_| fmt::Error)?;
    write!(writer, "[{stamp}] {:>5} {}", metadata.level().as_str(), OneLine(&fields.message))?;
    for (name, value) in &fields.named {
        write!(writer, " {name}={}", OneLine(value))?;
    }
    writeln!(writer)
}

#[derive(Default)]
struct Fields {
    message: String,
    named: BTreeMap<&'static str, String>,
}

impl Fields {
    fn put(&mut self, field: &field::Field, value: String) {
        if field.name() == "message" {
            self.message = value;
        } else {
            self.named.insert(field.name(), value);
        }
    }
}

impl field::Visit for Fields {
    fn record_str(&mut self, field: &field::Field, value: &str) {
        self.put(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &field::Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }
}

/// Text whose control characters are escaped: names that users chose cannot forge lines.
struct OneLine<'a>(&'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(char::is_control) {
            let (plain, tail) = rest.split_at(at);
            f.write_str(plain)?;
            let mut chars = tail.chars();
            if let Some(control) = chars.next() {
                write!(f, "{}", control.escape_default())?;
            }
            rest = chars.as_str();
        }
        f.write_str(rest)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(event: impl FnOnce()) -> String {
        let sink = Sink::default();
        let writer = sink.clone();
        let layer = tracing_subscriber::fmt::layer().with_ansi(false).event_format(GoLine);
        let layer = layer.with_writer(move || writer.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), event);
        let bytes = sink.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    /// Replaces digits by `9`, so that a time has one form.
    fn shape(line: &str) -> String {
        line.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect()
    }

    #[test]
    fn lines_have_the_form_of_the_go_program() {
        let line = logged(|| tracing::info!(job = "j", alpha = 7, failure = %"x: y", "ccr start, version: {}", "v"));
        let (head, place) = line.rsplit_once(" line=").unwrap();
        assert_eq!(shape(head), "[9999-99-99 99:99:99.999]  INFO ccr start, version: v alpha=9 failure=x: y job=j");
        assert_eq!(shape(place).trim_start_matches("logs/line.rs:").trim_start_matches('9'), "\n");
        assert!(place.starts_with("logs/line.rs:"), "{line}");
        let line = logged(|| tracing::error!("bad"));
        assert!(shape(&line).starts_with("[9999-99-99 99:99:99.999] ERROR bad line=logs/line.rs:9"), "{line}");
    }

    #[test]
    fn nobody_forges_a_line() {
        let line = logged(|| tracing::warn!(job = "a\n[2025-01-24 15:26:10.123]  INFO all is well", "x\ty\r\n"));
        assert_eq!(line.matches('\n').count(), 1, "{line:?}");
        assert!(line.contains(r"job=a\n[2025") && line.contains(r"x\ty\r\n job="), "{line:?}");
    }
}
