//! A file of lines that one program at a time keeps: read at the start, written whole whenever something changed.
//!
//! Invariants: whoever reads the file finds the old text or the new one, whole, also after the power failed; two
//! programs cannot use one file at the same time: the second one finds `FILE.lock` and stops. The lock of a program that
//! was killed is recognised where the system tells (Linux), and taken over.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// A file that is locked for as long as this lives.
#[derive(Debug)]
pub struct KeptFile {
    path: PathBuf,
    lock: PathBuf,
}

impl KeptFile {
    /// Locks and reads the file; one that is not there yet is empty.
    ///
    /// # Errors
    /// In words: locked by another program, or not readable.
    pub fn open(path: &Path) -> Result<(Self, String), String> {
        let lock = with_suffix(path, ".lock");
        take(&lock).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => format!(
                "{} is there: another program uses the counters; if none does, remove it",
                lock.display()
            ),
            _ => format!("{}: {error}", lock.display()),
        })?;
        let file = Self { path: path.to_owned(), lock };
        match fs::read_to_string(&file.path) {
            Ok(text) => Ok((file, text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok((file, String::new())),
            Err(error) => Err(format!("{}: {error}", path.display())),
        }
    }
    /// Its name.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
    /// Writes a text to the disk: first to a file beside, which then takes the name.
    ///
    /// # Errors
    /// In words. The old file is whole then.
    pub fn keep(&self, text: &str) -> Result<(), String> {
        let beside = with_suffix(&self.path, ".new");
        let written = File::create(&beside)
            .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&beside, &self.path));
        written.map_err(|error| format!("{}: {error}", self.path.display()))
    }
}

impl Drop for KeptFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.lock);
    }
}

/// The numbered lines of a text that are neither empty nor a comment.
pub fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..)
        .zip(text.lines())
        .map(|(number, line)| (number, line.split('#').next().unwrap_or_default().trim()))
        .filter(|(_, line)| !line.is_empty())
}

/// Makes the lock, which holds who made it.
fn take(lock: &Path) -> io::Result<()> {
    let create = || OpenOptions::new().write(true).create_new(true).open(lock);
    let mut file = match create() {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && is_left_behind(lock) => {
            fs::remove_file(lock)?;
            create()?
        }
        created => created?,
    };
    file.write_all(process(std::process::id()).unwrap_or_default().as_bytes())
}

/// True when the program that made the lock does not run any more.
fn is_left_behind(lock: &Path) -> bool {
    let holder = fs::read_to_string(lock).unwrap_or_default();
    let id = holder.split(' ').next().and_then(|id| id.parse().ok());
    // A lock that does not say, and a system that does not tell: it may still run.
    id.is_some_and(|id| process(std::process::id()).is_some() && process(id).as_deref() != Some(&holder))
}

/// A running process: its id, when it started, and in which run of the system.
fn process(id: u32) -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let status = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // Behind the name, which may hold anything: the state is the third field, the start the 22nd.
    let start = status.rsplit(')').next()?.split_whitespace().nth(19)?.to_owned();
    Some(format!("{id} {start} {}", boot.trim()))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("kept-file-{}-{name}", std::process::id()));
        let _ = fs::remove_file(&path);
        let _ = fs::remove_file(with_suffix(&path, ".lock"));
        path
    }

    #[test]
    fn what_is_kept_is_there_the_next_time() {
        let path = path("text");
        let (file, text) = KeptFile::open(&path).unwrap();
        assert_eq!(text, "");
        file.keep("one\n").unwrap();
        assert!(KeptFile::open(&path).unwrap_err().contains("another program"));
        drop(file);
        assert_eq!(KeptFile::open(&path).unwrap().1, "one\n");
        fs::remove_file(path).unwrap();
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_lock_of_a_program_that_is_gone_is_taken_over() {
        let path = path("lock");
        let lock = with_suffix(&path, ".lock");
        let own = process(std::process::id()).unwrap();
        for (holder, free) in [
            // No process has this id; another one has it now; this one has it; nobody knows.
            (own.replacen(&std::process::id().to_string(), "4194399", 1), true),
            (own.replace(' ', " 1"), true),
            (own, false),
            (String::new(), false),
        ] {
            fs::write(&lock, &holder).unwrap();
            assert_eq!(KeptFile::open(&path).is_ok(), free, "{holder}");
            let _ = fs::remove_file(&lock);
        }
    }

    #[test]
    fn comments_are_no_lines() {
        assert_eq!(lines("# a\n\n b # c\nd").collect::<Vec<_>>(), [(3, "b"), (4, "d")]);
    }
}
