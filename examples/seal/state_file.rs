//! The file in which the counters of the senders are kept: one line each, `#` begins a comment.
//!
//! A telegram is shown only after the file was written with its counter used up, to the disk and not only to the
//! cache. Two programs cannot use one file at the same time: the second one finds `FILE.lock` and stops.

use oms_security::count::Count;
use oms_security::sender::SenderState;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// What the file begins with.
const HEADING: &str = "# counters of senders: address, direction, key id, key version, next counter, next session, last access number\n";

/// The states of a file that is locked for as long as this lives.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    lock: PathBuf,
    states: Vec<SenderState>,
}

impl StateFile {
    /// Locks and reads the file; one that is not there yet has no states.
    ///
    /// # Errors
    /// In words: locked by another program, not readable, or a line that is none.
    pub fn open(path: &Path) -> Result<Self, String> {
        let lock = with_suffix(path, ".lock");
        OpenOptions::new().write(true).create_new(true).open(&lock).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => format!(
                "{} is there: another program uses the counters; if none does, remove it",
                lock.display()
            ),
            _ => format!("{}: {error}", lock.display()),
        })?;
        let mut file = Self { path: path.to_owned(), lock, states: Vec::new() };
        file.read()?;
        Ok(file)
    }
    fn read(&mut self) -> Result<(), String> {
        let name = self.path.display();
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(format!("{name}: {error}")),
        };
        for (number, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let state: SenderState =
                line.parse().map_err(|error| format!("{name}, line {}: {error}", number + 1))?;
            if self.states.iter().any(|known| known.count() == state.count()) {
                return Err(format!(
                    "{name}, line {}: this meter, direction and key has a line already",
                    number + 1
                ));
            }
            self.states.push(state);
        }
        Ok(())
    }
    /// The state of a count, if the file has one.
    pub fn of(&mut self, count: &Count) -> Option<&mut SenderState> {
        self.states.iter_mut().find(|state| state.count() == count)
    }
    /// Adds the state of a count that the file has not.
    pub fn add(&mut self, state: SenderState) {
        self.states.push(state);
    }
    /// Writes all states to the disk: first to a file beside, which then takes the name.
    ///
    /// # Errors
    /// In words. The old file is whole then.
    pub fn keep(&mut self) -> Result<(), String> {
        let beside = with_suffix(&self.path, ".new");
        let mut text = HEADING.to_owned();
        for state in &mut self.states {
            text.push_str(&state.export(0, 0).to_string());
            text.push('\n');
        }
        let written = File::create(&beside)
            .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&beside, &self.path));
        written.map_err(|error| format!("{}: {error}", self.path.display()))
    }
}

impl Drop for StateFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.lock);
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
