//! The configuration file: lines `key=value`, where a key is the name of a flag. No quotes, no comments after a value. As in
//! the Go program its values go before those of the command line, because the start script passes every flag.

use super::{FlagError, Flags, parser};

/// Applies the text of a file. Returns the names that were set.
///
/// # Errors
/// A line without `=`, an unknown key, a value that does not fit; names the line by its number, not by its content.
pub fn apply_file(flags: &mut Flags, text: &str) -> Result<Vec<&'static str>, FlagError> {
    let mut names = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let at = |why: String| FlagError(format!("line {}: {why}", index + 1));
        let (key, value) = line.split_once('=').ok_or_else(|| at("expected key=value".to_owned()))?;
        let (key, value) = (key.trim(), value.trim());
        if key == "config_file" {
            continue;
        }
        let known = parser::find(key).ok_or_else(|| at(format!("there is no flag {key:?}")))?;
        parser::set(flags, known, value).map_err(|error| at(error.0))?;
        names.push(known.name);
    }
    Ok(names)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_file_goes_before_the_command_line() {
        let mut flags = Flags { port: 1, ..Flags::default() };
        let text = "# comment\n\n port = 7 \nconfig_file=other\npprof=true\ndb_password=a=b\n";
        assert_eq!(apply_file(&mut flags, text).unwrap(), ["port", "pprof", "db_password"]);
        assert_eq!((flags.port, flags.pprof, flags.config_file.as_str()), (7, true, ""));
        assert_eq!(flags.db_password.expose(), "a=b");
    }

    #[test]
    fn a_bad_line_is_named() {
        for (text, expected) in [
            ("port", "line 1: expected key=value"),
            ("#\nnope=1", "line 2: there is no flag \"nope\""),
            ("port=x", "line 1: invalid value \"x\" for flag -port: parse error"),
        ] {
            assert_eq!(apply_file(&mut Flags::default(), text).unwrap_err().0, expected);
        }
    }
}
