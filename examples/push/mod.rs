//! The push of a smart meter: frames in, a table of readings out.
//!
//! ```text
//! octets -> carrier (wired frames, HDLC, SML on a line, a bare APDU) -> APDU -> opened -> readings -> table
//! ```
//!
//! What was authenticated is said above each table; readings in front of a fault are shown, then the fault.

use crate::command_line::{self, USAGE, Words};
use crate::decode::arguments::KeyText;
use crate::decode::{hex, keys::Key};
use clap::Parser;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use mbus_app::cosem::carrier::{LengthQuirk, Reassembler, WiredFrame};
use mbus_app::cosem::ciphering::GeneralGlo;
use mbus_app::cosem::{Notification, Progress, Reading, hdlc};
use mbus_app::{Error, sml};
use obis_map::{ObisCode, ServerId, SystemTitle};
use oms_security::glo::GloKeys;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// More than any push.
const CAPACITY: usize = 4096;
/// Exit status: all pushes were read.
const READ: u8 = 0;
/// Exit status: some were not.
const FAILED: u8 = 1;

/// Prints the push of a smart meter (DLMS/COSEM or SML) as a table.
///
/// Exit status: 0 all pushes were read, 1 some were not, 2 usage.
#[derive(Clone, Debug, Parser)]
#[command(name = "push", version, max_term_width = 100)]
#[command(after_help = "Examples:\n  \
    push --key 000102030405060708090A0B0C0D0E0F 68FAFA6853FF000167DB08... 6814146853FF110167...\n  \
    push --key ... --authentication-key ... --file capture.hex\n  \
    push 7EA084CEFF0313...7E")]
struct Arguments {
    /// Frames of the push as hex, in their order; none: read stdin
    #[arg(value_name = "HEX", conflicts_with = "file")]
    frames: Vec<String>,
    /// Read the frames from a file of hex
    #[arg(long)]
    file: Option<PathBuf>,
    /// The encryption key, 32 hex digits
    #[arg(long, value_name = "HEX")]
    key: Option<KeyText>,
    /// The authentication key, 32 hex digits
    #[arg(long, value_name = "HEX")]
    authentication_key: Option<KeyText>,
    /// Show a push whose tag cannot be checked: without authentication key, or cut short
    #[arg(long)]
    unverified: bool,
    /// Take wired frames whose length octet wrapped at 256
    #[arg(long)]
    wrapped_length: bool,
}

/// The program, with the streams of its process.
#[must_use]
pub fn main() -> ExitCode {
    command_line::main(|arguments, out, err| {
        execute(&arguments, &mut io::stdin(), &mut io::BufWriter::new(out), err)
    })
}

/// The program with other streams: exit status, standard output and standard error. `words` begin with the
/// name of the program.
#[must_use]
pub fn run(words: impl Words, mut stdin: &[u8]) -> (u8, String, String) {
    command_line::captured(words, |arguments, out, err| execute(&arguments, &mut stdin, out, err))
}

fn execute(arguments: &Arguments, stdin: &mut dyn Read, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let octets = match octets(arguments, stdin) {
        Ok(octets) => octets,
        Err(text) => {
            let _ = writeln!(err, "push: {text}");
            return USAGE;
        }
    };
    let session = match Session::new(arguments) {
        Ok(session) => session,
        Err(text) => {
            let _ = writeln!(err, "push: {text}");
            return USAGE;
        }
    };
    match session.show(octets, out, err).and_then(|status| out.flush().map(|()| status)) {
        Ok(status) => status,
        // A closed pipe is no fault of the push.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => READ,
        Err(error) => {
            let _ = writeln!(err, "push: {error}");
            FAILED
        }
    }
}

fn octets(arguments: &Arguments, stdin: &mut dyn Read) -> Result<Vec<u8>, String> {
    let text = if let Some(path) = &arguments.file {
        std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?
    } else if arguments.frames.is_empty() {
        let mut text = String::new();
        stdin.read_to_string(&mut text).map_err(|error| format!("stdin: {error}"))?;
        text
    } else {
        arguments.frames.join(" ")
    };
    let text: Vec<&str> = text.split_whitespace().collect();
    hex::parse(&text.join(" ")).map_err(|error| format!("{} (character {})", error.kind, error.column))
}

struct Session {
    key: Option<Key>,
    authentication_key: Option<Key>,
    unverified: bool,
    quirk: LengthQuirk,
}

/// What a push says of itself, above its table.
struct Shown<'a> {
    title: String,
    readings: Vec<Result<Reading<'a>, Error>>,
}

impl Session {
    fn new(arguments: &Arguments) -> Result<Self, String> {
        let parse = |text: &Option<KeyText>| text.as_ref().map(|text| Key::parse(&text.0)).transpose();
        let key = parse(&arguments.key).map_err(|error| format!("--key: {error}"))?;
        let authentication_key =
            parse(&arguments.authentication_key).map_err(|error| format!("--authentication-key: {error}"))?;
        let quirk = if arguments.wrapped_length { LengthQuirk::Wrapped } else { LengthQuirk::Strict };
        Ok(Self { key, authentication_key, unverified: arguments.unverified, quirk })
    }

    fn show(&self, mut octets: Vec<u8>, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<u8> {
        match octets.first() {
            Some(0x68) => self.wired(&octets, out, err),
            Some(&hdlc::FLAG) => self.hdlc(&octets, out, err),
            Some(0x1B) => serial(&mut octets, out, err),
            Some(0x76 | 0x2F) => list(&octets, out, err),
            _ => {
                let shown = self.apdu(&mut octets, true, out);
                settle(shown, err)
            }
        }
    }

    fn wired(&self, octets: &[u8], out: &mut dyn Write, err: &mut dyn Write) -> io::Result<u8> {
        let mut buffer = [0; CAPACITY];
        let mut push = Reassembler::new(&mut buffer);
        let (mut rest, mut status, mut waiting) = (octets, READ, false);
        while !rest.is_empty() {
            let at = octets.len().saturating_sub(rest.len());
            let taken = WiredFrame::parse_prefix(rest, self.quirk)
                .and_then(|(frame, behind)| push.push(frame.c, frame.a, frame.payload).map(|p| (p, behind)));
            match taken {
                Ok((progress, behind)) => {
                    rest = behind;
                    waiting = progress != Progress::Complete && (waiting || progress != Progress::Repeated);
                    if let (Progress::Complete, Some(apdu)) = (progress, push.apdu()) {
                        status = status.max(settle(self.apdu(apdu, true, out), err)?);
                    }
                }
                Err(error) => {
                    writeln!(err, "push: {}", error.shifted(at))?;
                    status = FAILED;
                    // Go on at the next octet that may begin a frame.
                    let next = rest.iter().skip(1).position(|octet| *octet == 0x68);
                    rest = next.and_then(|next| rest.get(next.saturating_add(1)..)).unwrap_or_default();
                }
            }
        }
        if waiting {
            writeln!(err, "push: the last fragment is missing")?;
            status = FAILED;
        }
        Ok(status)
    }

    fn hdlc(&self, octets: &[u8], out: &mut dyn Write, err: &mut dyn Write) -> io::Result<u8> {
        let mut buffer = [0; CAPACITY];
        let mut push = hdlc::Reassembler::new(&mut buffer);
        let (mut status, mut waiting) = (READ, false);
        for frame in hdlc::Frames::new(octets) {
            match frame.and_then(|frame| push.push(&frame)) {
                Ok(progress) => {
                    waiting = progress != Progress::Complete;
                    if let (Progress::Complete, Some(apdu)) = (progress, push.apdu()) {
                        status = status.max(settle(self.apdu(apdu, true, out), err)?);
                    }
                }
                Err(error) => {
                    writeln!(err, "push: {error}")?;
                    status = FAILED;
                }
            }
        }
        if waiting {
            writeln!(err, "push: the end of the push is missing")?;
            if self.unverified {
                settle(self.apdu(push.beginning(), false, out), err)?;
            }
            status = FAILED;
        }
        Ok(status)
    }

    /// Opens an APDU and prints what it says.
    fn apdu(&self, apdu: &mut [u8], whole: bool, out: &mut dyn Write) -> io::Result<Result<u8, Error>> {
        if apdu.first() != Some(&mbus_app::cosem::ciphering::TAG) {
            return plaintext(apdu, "not enciphered", out);
        }
        let parsed = if whole { GeneralGlo::parse(apdu) } else { GeneralGlo::parse_beginning(apdu) };
        let envelope = match parsed {
            Ok(envelope) => envelope,
            Err(error) => return Ok(Err(error)),
        };
        let title = SystemTitle(envelope.system_title);
        let Some(key) = self.key.map(|key| key.octets()) else {
            let counter = envelope.invocation_counter().unwrap_or_default();
            writeln!(out, "{title}, invocation counter {counter}, enciphered: --key opens it")?;
            return Ok(Ok(FAILED));
        };
        let authentication = self.authentication_key.map(|key| key.octets());
        let opened = if self.unverified && (authentication.is_none() || !whole) {
            envelope.decrypt_unverified::<aes::Aes128>(&key)
        } else {
            let keys = GloKeys { encryption: &key, authentication: authentication.as_ref() };
            envelope.open::<aes::Aes128>(keys)
        };
        match opened {
            Ok(opened) => {
                let proof = if opened.authenticated { "authenticated" } else { "NOT authenticated" };
                let text = format!("{title}, invocation counter {}, {proof}", opened.invocation_counter);
                plaintext(opened.plaintext, &text, out)
            }
            Err(error) => Ok(Err(error)),
        }
    }
}

/// Prints what an error is, on standard error.
fn settle(shown: io::Result<Result<u8, Error>>, err: &mut dyn Write) -> io::Result<u8> {
    match shown? {
        Ok(status) => Ok(status),
        Err(error) => {
            writeln!(err, "push: {error}")?;
            Ok(FAILED)
        }
    }
}

fn plaintext(apdu: &[u8], title: &str, out: &mut dyn Write) -> io::Result<Result<u8, Error>> {
    // Some meters push the text of IEC 62056-21 in the same envelope.
    if apdu.first() == Some(&b'/') && apdu.iter().all(|c| matches!(c, b'\r' | b'\n' | b' '..=b'~')) {
        writeln!(out, "{title}")?;
        for line in String::from_utf8_lossy(apdu).lines() {
            writeln!(out, "  {line}")?;
        }
        return Ok(Ok(READ));
    }
    let push = match Notification::parse(apdu) {
        Ok(push) => push,
        Err(error) => return Ok(Err(error)),
    };
    let sent = push.time.map(|time| format!(", sent {time}")).unwrap_or_default();
    let title = format!("{title}{sent}");
    table(Shown { title, readings: push.readings().collect() }, out).map(Ok)
}

fn serial(octets: &mut [u8], out: &mut dyn Write, err: &mut dyn Write) -> io::Result<u8> {
    match sml::transport::unwrap_in_place(octets) {
        Ok(transmission) => list(transmission.messages, out, err),
        Err(error) => settle(Ok(Err(error)), err),
    }
}

fn list(payload: &[u8], out: &mut dyn Write, _err: &mut dyn Write) -> io::Result<u8> {
    let server = sml::server_id(payload).map(|octets| match ServerId::parse(octets) {
        Ok(id) => id.to_string(),
        Err(_) => hex::upper(octets),
    });
    let title = server.unwrap_or_else(|| "SML".to_owned());
    table(Shown { title, readings: sml::readings(payload).collect() }, out)
}

fn table(shown: Shown<'_>, out: &mut dyn Write) -> io::Result<u8> {
    writeln!(out, "{}", shown.title)?;
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["OBIS", "meaning", "value", "unit", "time"]);
    if let Some(column) = table.column_mut(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut faults = Vec::new();
    for reading in shown.readings {
        match reading {
            Ok(reading) => {
                table.add_row(row(&reading));
            }
            Err(error) => faults.push(error),
        }
    }
    for line in table.lines() {
        writeln!(out, "  {}", line.trim_end())?;
    }
    for error in &faults {
        writeln!(out, "  error: {error}")?;
    }
    Ok(if faults.is_empty() { READ } else { FAILED })
}

fn row(reading: &Reading<'_>) -> [String; 5] {
    let code = reading.name.map(ObisCode::from);
    let value = match (reading.number(), reading.clock()) {
        (Some(number), _) => number.to_string(),
        (None, Some(clock)) => clock.to_string(),
        (None, None) => reading.value.to_string(),
    };
    [
        code.map(|code| format!("{code:#}")).unwrap_or_default(),
        code.and_then(ObisCode::description).unwrap_or_default().to_owned(),
        value,
        reading.unit.map(|unit| unit.to_string()).unwrap_or_default(),
        reading.time.map(|time| time.to_string()).unwrap_or_default(),
    ]
}

#[cfg(test)]
mod tests;
