//! `cargo xtask help`.

use std::process::ExitCode;

use crate::{COMMANDS, Command};

pub(crate) const COMMAND: Command = Command { name: "help", options: "", about: "This list", run };

pub(crate) fn run(_: &[String]) -> ExitCode {
    print!("{}", text());
    ExitCode::SUCCESS
}

fn text() -> String {
    let mut text = "Usage: cargo xtask <command>\n\n".to_owned();
    for command in COMMANDS {
        let usage = format!("{} {}", command.name, command.options);
        text.push_str(&format!("  {usage:<20}{}\n", command.about));
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_command_is_listed() {
        let text = super::text();
        for command in crate::COMMANDS {
            assert!(text.contains(&format!("\n  {}", command.name)) && text.contains(command.about), "{text}");
        }
    }
}
