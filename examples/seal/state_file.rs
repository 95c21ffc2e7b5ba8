//! The file in which the counters of the senders are kept: one line each, `#` begins a comment.
//!
//! A telegram is shown only after the file was written with its counter used up, to the disk and not only to the
//! cache.

use crate::kept_file::{self, KeptFile};
use oms_security::count::Count;
use oms_security::sender::SenderState;
use std::path::Path;

/// What the file begins with.
const HEADING: &str = "# counters of senders: address, direction, key id, key version, next counter, next session, last access number\n";

/// The states of a file that is locked for as long as this lives.
#[derive(Debug)]
pub struct StateFile {
    file: KeptFile,
    states: Vec<SenderState>,
}

impl StateFile {
    /// Locks and reads the file; one that is not there yet has no states.
    ///
    /// # Errors
    /// In words: locked by another program, not readable, or a line that is none.
    pub fn open(path: &Path) -> Result<Self, String> {
        let (file, text) = KeptFile::open(path)?;
        let name = path.display();
        let mut states: Vec<SenderState> = Vec::new();
        for (number, line) in kept_file::lines(&text) {
            let state: SenderState =
                line.parse().map_err(|error| format!("{name}, line {number}: {error}"))?;
            if states.iter().any(|known| known.count() == state.count()) {
                return Err(format!(
                    "{name}, line {number}: this meter, direction and key has a line already"
                ));
            }
            states.push(state);
        }
        Ok(Self { file, states })
    }
    /// The state of a count, if the file has one.
    fn of(&mut self, count: &Count) -> Option<&mut SenderState> {
        self.states.iter_mut().find(|state| state.count() == count)
    }
    /// The state of a count; one whose first counter is 0 when the file has none.
    pub fn of_or_new(&mut self, count: Count) -> Option<&mut SenderState> {
        if self.of(&count).is_none() {
            self.states.push(SenderState::new(count, 0));
        }
        self.of(&count)
    }
    /// Writes all states to the disk.
    ///
    /// # Errors
    /// In words. The old file is whole then.
    pub fn keep(&mut self) -> Result<(), String> {
        let mut text = HEADING.to_owned();
        for state in &mut self.states {
            text.push_str(&state.export(0, 0).to_string());
            text.push('\n');
        }
        self.file.keep(&text)
    }
}
