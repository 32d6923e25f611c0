//! A log file that is rotated by size and of which only so many old parts are kept.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use time::{
    Duration, OffsetDateTime, PrimitiveDateTime, format_description::BorrowedFormatItem, macros::format_description,
};
use tracing_subscriber::fmt::MakeWriter;

/// The Go program's limit.
const MAX_BYTES: u64 = 1024 << 20;

/// Part of a rotated file's name: `ccr-2025-01-24T15-26-10.123.log`.
const STAMP: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]-[minute]-[second].[subsecond digits:3]");

/// What is kept of rotated files. Zero keeps all.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// So many files.
    pub files: usize,
    /// For so many days.
    pub days: u16,
}

/// The file. An existing one is appended to. Lines are never split between files.
#[derive(Debug)]
pub struct RotatingFile {
    path: PathBuf,
    retention: Retention,
    max_bytes: u64,
    now: fn() -> OffsetDateTime,
    open: Mutex<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    bytes: u64,
}

impl RotatingFile {
    /// Opens or creates the file and removes old parts.
    ///
    /// # Errors
    /// The file cannot be opened for writing.
    pub fn open(path: &Path, retention: Retention, now: fn() -> OffsetDateTime) -> io::Result<Self> {
        Self::with_limit(path, retention, now, MAX_BYTES)
    }

    fn with_limit(path: &Path, retention: Retention, now: fn() -> OffsetDateTime, max_bytes: u64) -> io::Result<Self> {
        let open = Mutex::new(Open::at(path)?);
        let this = Self { path: path.to_owned(), retention, max_bytes, now, open };
        this.prune();
        Ok(this)
    }

    /// Writes one line.
    fn append(&self, line: &[u8]) -> io::Result<()> {
        // A panic while writing leaves at worst half a line.
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let added = line.len() as u64;
        if open.bytes > 0 && open.bytes.saturating_add(added) > self.max_bytes {
            // Where rotating fails the log goes on in the file that is open: better too large than lost.
            match fs::rename(&self.path, self.rotated((self.now)())).and_then(|()| Open::at(&self.path)) {
                Ok(fresh) => {
                    *open = fresh;
                    self.prune();
                }
                Err(error) => {
                    open.bytes = 0;
                    writeln!(open.file, "the log file could not be rotated: {error}")?;
                }
            }
        }
        open.file.write_all(line)?;
        open.bytes += added;
        Ok(())
    }

    /// Name and extension of the file.
    fn parts(&self) -> (OsString, OsString) {
        let mut extension = OsString::new();
        if let Some(found) = self.path.extension() {
            extension.push(".");
            extension.push(found);
        }
        (self.path.file_stem().unwrap_or_default().to_owned(), extension)
    }

    fn rotated(&self, now: OffsetDateTime) -> PathBuf {
        let (mut name, extension) = self.parts();
        // Formatting fails for no time that a clock gives.
        let stamp = now.format(STAMP).unwrap_or_else(|_| now.unix_timestamp().to_string());
        name.push("-");
        name.push(stamp);
        name.push(extension);
        self.path.with_file_name(name)
    }

    /// Removes rotated files that are too many or too old. What cannot be removed is tried again at the next rotation.
    fn prune(&self) {
        let mut rotated = self.rotated_files();
        rotated.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        let now = (self.now)();
        let now = PrimitiveDateTime::new(now.date(), now.time());
        for (index, (at, path)) in rotated.iter().enumerate() {
            let too_many = self.retention.files > 0 && index >= self.retention.files;
            let too_old = self.retention.days > 0 && now - *at > Duration::days(i64::from(self.retention.days));
            if too_many || too_old {
                fs::remove_file(path).unwrap_or_default();
            }
        }
    }

    /// Rotated files of this log: those whose name is exactly of the form that [`Self::rotated`] makes.
    fn rotated_files(&self) -> Vec<(PrimitiveDateTime, PathBuf)> {
        let folder = match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let (name, extension) = self.parts();
        let (Some(name), Some(extension)) = (name.to_str(), extension.to_str()) else { return Vec::new() };
        let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
        entries
            .flatten()
            .filter_map(|entry| {
                let file_name = entry.file_name();
                let stamp = file_name.to_str()?.strip_prefix(name)?.strip_prefix('-')?.strip_suffix(extension)?;
                Some((PrimitiveDateTime::parse(stamp, STAMP).ok()?, entry.path()))
            })
            .collect()
    }
}

impl Open {
    fn at(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { file, bytes })
    }
}

/// One line on its way to the file.
#[derive(Debug)]
pub struct LineWriter<'a>(&'a RotatingFile);

impl Write for LineWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.append(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for RotatingFile {
    type Writer = LineWriter<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        LineWriter(self)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn noon() -> OffsetDateTime {
        datetime!(2025-01-24 12:00:00.5 +8)
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_full_file_is_put_aside_whole_lines_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ccr.log");
        fs::write(&path, "before\n").unwrap();
        let log = RotatingFile::with_limit(&path, Retention { files: 0, days: 0 }, noon, 16).unwrap();
        log.append(b"one\n").unwrap();
        log.append(b"two two two\n").unwrap();
        assert_eq!(names(folder.path()), ["ccr-2025-01-24T12-00-00.500.log", "ccr.log"]);
        assert_eq!(fs::read_to_string(&path).unwrap(), "two two two\n");
        let rotated = folder.path().join("ccr-2025-01-24T12-00-00.500.log");
        assert_eq!(fs::read_to_string(rotated).unwrap(), "before\none\n");
        // A line longer than the limit is still one line in one file.
        log.append(b"three three three three\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "three three three three\n");
    }

    #[test]
    fn old_parts_go_by_number_and_age_and_nothing_else_does() {
        let folder = tempfile::tempdir().unwrap();
        let make = |name: &str| fs::write(folder.path().join(name), "x").unwrap();
        for day in ["10", "20", "21", "22", "23"] {
            make(&format!("ccr-2025-01-{day}T00-00-00.000.log"));
        }
        let others = ["ccr-2025-01-01.log", "ccr-notes.log", "other-2025-01-01T00-00-00.000.log"];
        others.iter().for_each(|name| make(name));
        let path = folder.path().join("ccr.log");
        RotatingFile::open(&path, Retention { files: 0, days: 7 }, noon).unwrap();
        assert!(!names(folder.path()).contains(&"ccr-2025-01-10T00-00-00.000.log".to_owned()));
        assert_eq!(names(folder.path()).len(), 4 + others.len() + 1);
        RotatingFile::open(&path, Retention { files: 2, days: 0 }, noon).unwrap();
        let left = names(folder.path());
        let expected = ["ccr-2025-01-22T00-00-00.000.log", "ccr-2025-01-23T00-00-00.000.log"];
        assert!(expected.iter().all(|name| left.contains(&(*name).to_owned())), "{left:?}");
        assert_eq!(left.len(), 2 + others.len() + 1, "{left:?}");
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let retention = Retention { files: 0, days: 0 };
        assert!(RotatingFile::open(&folder.path().join("no/such/ccr.log"), retention, noon).is_err());
        assert!(RotatingFile::open(folder.path(), retention, noon).is_err());
    }
}
