//! One run of the program: from the arguments to the last line of output.

use super::arguments::{Arguments, KeyText, Output};
use super::input::lines::{self, Line};
use super::input::{self, Crc, Entry, Item, Kind, Refusal};
use super::keys::{Key, Keys};
use super::model::Reading;
use super::output::Renderer;
use super::reading::{Decoder, GivenKeys};
use super::{DECODED, FAILED, Terminal, progress};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

pub(super) struct Session {
    decoder: Decoder,
    renderer: Renderer,
    format: Output,
    terminal: Terminal,
    file: Option<(File, u64)>,
    line: usize,
    telegrams: usize,
    failed: usize,
    skipped: BTreeMap<&'static str, usize>,
}

impl Session {
    /// Opens what has to be opened. An error is one of usage.
    pub(super) fn new(arguments: &Arguments, terminal: Terminal) -> Result<Self, String> {
        let key = |argument: &str, text: &Option<KeyText>| {
            let key = text.as_ref().map(|text| Key::parse(&text.0)).transpose();
            key.map_err(|error| format!("{argument}: {error}"))
        };
        let given = GivenKeys {
            key: key("--key", &arguments.key)?,
            authentication_key: key("--authentication-key", &arguments.authentication_key)?,
            command_key: key("--command-key", &arguments.command_key)?,
        };
        let keys = match &arguments.keys {
            None => Keys::default(),
            Some(path) => Keys::read(path)?,
        };
        let file = match &arguments.file {
            Some(path) if path.as_os_str() != "-" => Some(open(path)?),
            _ => None,
        };
        let format = arguments.format.unwrap_or(if terminal.output { Output::Text } else { Output::Jsonl });
        Ok(Self {
            decoder: Decoder::new(given, keys, arguments.explain),
            renderer: Renderer::new(format, arguments.explain),
            format,
            terminal,
            file,
            line: 0,
            telegrams: 0,
            failed: 0,
            skipped: BTreeMap::new(),
        })
    }

    pub(super) const fn status(&self) -> u8 {
        if self.failed == 0 { DECODED } else { FAILED }
    }

    /// Decodes everything.
    pub(super) fn run(
        &mut self,
        arguments: &Arguments,
        stdin: &mut dyn BufRead,
        out: &mut dyn Write,
        err: &mut dyn Write,
    ) -> io::Result<()> {
        if !arguments.telegrams.is_empty() {
            for line in arguments.lines() {
                self.line += 1;
                self.line(arguments, &Line::Text(line), out, err)?;
            }
        } else if let Some((file, size)) = self.file.take() {
            self.stream(arguments, &mut BufReader::new(file), Some(size), out, err)?;
        } else {
            self.stream(arguments, stdin, None, out, err)?;
        }
        self.renderer.finish(out)?;
        out.flush()?;
        self.summary(err)
    }

    fn stream(
        &mut self,
        arguments: &Arguments,
        reader: &mut dyn BufRead,
        size: Option<u64>,
        out: &mut dyn Write,
        err: &mut dyn Write,
    ) -> io::Result<()> {
        let bar = progress::bar(size.unwrap_or(0), size.is_some() && self.terminal.error);
        while let Some((line, octets)) = lines::next(reader)? {
            self.line += 1;
            bar.suspend(|| self.line(arguments, &line, out, err))?;
            bar.inc(u64::try_from(octets).unwrap_or(u64::MAX));
            // Somebody may wait for the answer to this very line; a file can wait for a full buffer.
            if size.is_none() || self.terminal.output {
                out.flush()?;
            }
        }
        bar.finish_and_clear();
        Ok(())
    }

    fn line(
        &mut self,
        arguments: &Arguments,
        line: &Line,
        out: &mut dyn Write,
        err: &mut dyn Write,
    ) -> io::Result<()> {
        for entry in input::entries(arguments.input, line) {
            match entry {
                Entry::Telegram(item) => {
                    let item = with_defaults(*item, arguments);
                    let reading = self.decoder.read(item, self.line);
                    self.answer(&reading, out, err)?;
                }
                Entry::Refused(refusal) => self.refused(line, *refusal, out, err)?,
                Entry::Skipped(why) => *self.skipped.entry(why).or_default() += 1,
            }
        }
        Ok(())
    }

    fn refused(
        &mut self,
        line: &Line,
        refusal: Refusal,
        out: &mut dyn Write,
        err: &mut dyn Write,
    ) -> io::Result<()> {
        let reading = Reading {
            line: self.line,
            id: refusal.id.clone(),
            text: line.text().map(without_keys),
            error: Some(refusal.into()),
            ..Reading::default()
        };
        self.answer(&reading, out, err)
    }

    fn answer(&mut self, reading: &Reading, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<()> {
        self.telegrams += 1;
        self.failed += usize::from(!reading.is_ok());
        self.renderer.write(reading, out, err)
    }

    /// What nobody else says: lines left out and, for people, how many failed.
    fn summary(&self, err: &mut dyn Write) -> io::Result<()> {
        for (why, count) in &self.skipped {
            writeln!(err, "left out: {count} {} {why}", if *count == 1 { "line," } else { "lines," })?;
        }
        if self.format == Output::Text && self.telegrams > 1 {
            writeln!(err, "{} telegrams, {} failed", self.telegrams, self.failed)?;
        }
        if self.telegrams == 0 && self.skipped.is_empty() {
            writeln!(err, "no telegram was given")?;
        }
        Ok(())
    }
}

/// What the command line says where the line says nothing.
fn with_defaults(mut item: Item, arguments: &Arguments) -> Item {
    if item.kind == Kind::Auto {
        item.kind = arguments.kind;
    }
    if item.crc == Crc::Auto {
        item.crc = arguments.crc;
    }
    item
}

/// The line with the value behind every `key` blotted out: an excerpt of it goes to terminals and logs.
fn without_keys(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    // Only ASCII is looked for, so the positions are the same in both.
    while let Some(at) = rest.to_ascii_lowercase().find("key") {
        let (before, behind) = rest.split_at(at + 3);
        let end = behind.find([',', '}']).unwrap_or(behind.len());
        let (secret, after) = behind.split_at(end);
        text += before;
        text.extend(secret.chars().map(|c| if c.is_alphanumeric() { '*' } else { c }));
        rest = after;
    }
    text + rest
}

fn open(path: &Path) -> Result<(File, u64), String> {
    let name = path.display();
    let file = File::open(path).map_err(|error| format!("--file {name}: {error}"))?;
    let metadata = file.metadata().map_err(|error| format!("--file {name}: {error}"))?;
    if metadata.is_dir() {
        return Err(format!("--file {name}: is a directory"));
    }
    Ok((file, metadata.len()))
}
