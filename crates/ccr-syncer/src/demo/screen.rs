//! Where progress is shown: a moving line on a terminal, plain lines otherwise, on stderr either way.

use std::{io::IsTerminal, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};

/// The progress display.
#[derive(Debug)]
pub(super) struct Screen {
    /// `None` when stderr is no terminal.
    bar: Option<ProgressBar>,
}

impl Screen {
    pub(super) fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            bar.set_style(ProgressStyle::default_spinner());
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        Self { bar }
    }

    /// Writes a line that stays.
    pub(super) fn note(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => eprintln!("{line}"),
        }
    }

    /// Shows how things stand; on a terminal in place of the line before.
    pub(super) fn progress(&self, line: String) {
        match &self.bar {
            Some(bar) => bar.set_message(line),
            None => eprintln!("{line}"),
        }
    }

    /// How often [`Self::progress`] is worth calling.
    pub(super) fn period(&self) -> Duration {
        if self.bar.is_some() { Duration::from_millis(200) } else { Duration::from_secs(1) }
    }

    /// Removes the moving line.
    pub(super) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
