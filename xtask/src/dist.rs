//! `cargo xtask dist`: the folder that is deployed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::step::{Output, Step, root, target};
use crate::{Command, USAGE};

pub(crate) const COMMAND: Command = Command {
    name: "dist",
    options: "[--output DIR]",
    about: "Builds the program and lays out the folder that is deployed (target/dist)",
    run,
};

const BUILD: Step<'static> = Step { name: "build", arguments: &["build", "--release", "-p", "ccr-syncer"] };

/// What is copied as it is: from the repository to the release. Folders with all that is in them.
const COPIED: [(&str, &str); 6] = [
    ("bin", "bin"),
    ("conf", "conf"),
    ("docs", "doc"),
    ("ops", "ops"),
    ("README.md", "README.md"),
    ("LICENSE", "LICENSE"),
];

/// Empty folders that the scripts write to.
const EMPTY: [&str; 2] = ["db", "log"];

fn run(arguments: &[String]) -> ExitCode {
    let output = match arguments {
        [] => target().join("dist"),
        [option, folder] if option == "--output" => PathBuf::from(folder),
        _ => {
            eprintln!("xtask dist: expected --output DIR or nothing; run: cargo xtask help");
            return ExitCode::from(USAGE);
        }
    };
    if !BUILD.run(Output::Stderr, |_| {}).ok {
        return ExitCode::FAILURE;
    }
    match lay_out(&root(), &target().join("release/ccr_syncer"), &output) {
        Ok(()) => {
            println!("{}", output.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("xtask dist: {}: {error}", output.display());
            ExitCode::FAILURE
        }
    }
}

/// Lays the folder out. What is there already stays, except for files of the release itself: a running syncer's database
/// and logs survive an update.
fn lay_out(from: &Path, program: &Path, to: &Path) -> io::Result<()> {
    for folder in EMPTY {
        fs::create_dir_all(to.join(folder))?;
    }
    for (source, copy) in COPIED {
        copy_all(&from.join(source), &to.join(copy))?;
    }
    // A new file, so that a running program is not written over.
    let place = to.join("bin/ccr_syncer");
    let fresh = to.join("bin/ccr_syncer.new");
    fs::copy(program, &fresh)?;
    fs::rename(&fresh, place)
}

/// Copies a file or a folder; permissions go along.
fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        return fs::copy(from, to).map(drop);
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy_all(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_folder_is_laid_out_and_an_update_keeps_what_is_not_of_it() {
        let to = std::env::temp_dir().join(format!("ccr-dist-{}", std::process::id()));
        let program = to.with_extension("program");
        fs::write(&program, "#!/bin/sh\n").unwrap();
        for round in 0..2 {
            lay_out(&root(), &program, &to).unwrap();
            for file in [
                "bin/ccr_syncer",
                "bin/start_syncer.sh",
                "bin/stop_syncer.sh",
                "bin/enable_db_binlog.sh",
                "bin/desync.sh",
                "conf/db.conf",
                "doc/exactly-once.md",
                "ops/prometheus/ccr-alerts.yml",
                "README.md",
                "LICENSE",
            ] {
                assert!(to.join(file).is_file(), "{file}");
            }
            let mode = fs::metadata(to.join("bin/start_syncer.sh")).unwrap().permissions().mode();
            assert_eq!(mode & 0o111, 0o111);
            assert!(!to.join("bin/ccr_syncer.new").exists());
            if round == 0 {
                fs::write(to.join("db/ccr.db"), "jobs").unwrap();
            }
        }
        assert_eq!(fs::read_to_string(to.join("db/ccr.db")).unwrap(), "jobs");
        fs::remove_dir_all(&to).unwrap();
        fs::remove_file(&program).unwrap();
    }
}
