//! Printing what was decoded.
//!
//! A renderer gets one [`Reading`] after the other and writes it at once, so that a stream of telegrams can
//! be followed. All styled text goes through `anstream`, which removes the colours where they are not wanted.

mod csv;
mod explain;
mod json;
mod text;

use super::arguments::Output;
use super::model::Reading;
use std::io::{self, Write};

/// One of the output formats.
#[derive(Debug)]
pub struct Renderer {
    format: Output,
    explain: bool,
    /// Readings written so far.
    written: usize,
}

impl Renderer {
    /// A renderer that has written nothing yet.
    #[must_use]
    pub const fn new(format: Output, explain: bool) -> Self {
        Self { format, explain, written: 0 }
    }
    /// Writes one reading: to `out` what was decoded, to `err` what went wrong (text format only).
    ///
    /// # Errors
    /// Those of the writers.
    pub fn write(&mut self, reading: &Reading, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<()> {
        let first = self.written == 0;
        self.written += 1;
        match self.format {
            Output::Text => {
                text::write(reading, self.explain, first, out)?;
                text::write_error(reading, err)
            }
            Output::Json => json::write_element(reading, self.explain, first, out),
            Output::Jsonl => json::write_line(reading, self.explain, out),
            Output::Csv => csv::write(reading, first, out),
        }
    }
    /// Writes what ends the output.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn finish(&self, out: &mut dyn Write) -> io::Result<()> {
        match self.format {
            Output::Json => json::finish(self.written == 0, out),
            Output::Csv if self.written == 0 => csv::heading(out),
            _ => Ok(()),
        }
    }
}

/// Text from a telegram, without characters that would steer a terminal.
fn printable(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_steers_the_terminal() {
        assert_eq!(printable("a\u{1B}[2Jb\u{9B}\u{0}"), "a\\u{1b}[2Jb\\u{9b}\\u{0}");
        assert_eq!(printable("m³ °C"), "m³ °C");
    }
}
