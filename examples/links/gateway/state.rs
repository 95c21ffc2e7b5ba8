//! What a gateway keeps over a restart: the counters that were used, and the formats that were learned.
//!
//! ```text
//! counter 9315785634123303 up 00 00 2739 0000000000000AB3
//! format 1593 33 03 3B31 02020215022A
//! ```
//!
//! Invariants: the file is written when something changed, at most every [`EVERY`] and at the end; a counter of the file
//! never turns back one that was heard; a line that is none is an error and not forgotten.

use examples::decode::reading::Decoder;
use examples::decode::reading::trust::Trust;
use examples::kept_file::{self, KeptFile};
use mbus_app::frame::store;
use oms_security::replay::CounterUse;
use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long what changed may be unwritten.
pub const EVERY: Duration = Duration::from_secs(10);

const HEADING: &str = "\
# counter: address, direction, key id, key version, counter, the first octets of its MAC or tag
# format: manufacturer, version, device type, signature, headers
";

/// The file, and what it holds.
#[derive(Debug)]
pub struct State {
    file: KeptFile,
    written: String,
    at: Instant,
}

impl State {
    /// Locks and reads the file into the decoder.
    ///
    /// # Errors
    /// In words: locked, not readable, or a line that is none.
    pub fn open(path: &Path, decoder: &mut Decoder) -> Result<Self, String> {
        let (file, text) = KeptFile::open(path)?;
        let mut formats = String::new();
        for (number, line) in kept_file::lines(&text) {
            let refused = |why: &dyn std::fmt::Display| format!("{}, line {number}: {why}", path.display());
            match line.split_once(' ') {
                Some(("counter", counter)) => {
                    let used: CounterUse = counter.trim().parse().map_err(|error| refused(&error))?;
                    if let Trust::Guarded(counters) = decoder.trust() {
                        counters.import(&used).map_err(|error| refused(&error))?;
                    }
                }
                Some(("format", format)) => {
                    let _ = writeln!(formats, "{}", format.trim());
                }
                _ => return Err(refused(&"expected \"counter ...\" or \"format ...\"")),
            }
        }
        let told = store::import(decoder.formats(), &formats);
        if let Some((number, why)) = told.first_refused {
            return Err(format!("{}, format {number}: {why}", path.display()));
        }
        Ok(Self { file, written: text, at: Instant::now() })
    }
    /// Writes what changed, when it is time to, or `at_once`.
    ///
    /// # Errors
    /// In words. The old file is whole then.
    pub fn keep(&mut self, decoder: &mut Decoder, at_once: bool) -> Result<(), String> {
        if !at_once && self.at.elapsed() < EVERY {
            return Ok(());
        }
        self.at = Instant::now();
        let text = text(decoder);
        if text != self.written {
            self.file.keep(&text)?;
            self.written = text;
        }
        Ok(())
    }
}

fn text(decoder: &mut Decoder) -> String {
    let mut text = HEADING.to_owned();
    if let Trust::Guarded(counters) = decoder.trust() {
        for used in counters.export() {
            let _ = writeln!(text, "counter {used}");
        }
    }
    for format in decoder.formats().to_string().lines() {
        let _ = writeln!(text, "format {format}");
    }
    text
}
