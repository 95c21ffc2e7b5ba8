//! A decoded line: what every output format is made from.
//!
//! All values are finished texts, so that text, JSON and CSV cannot differ in a reading.

use oms_security::replay::CounterUse;
use serde_json::Value;

/// What an offset counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// Octets of the telegram.
    #[default]
    Octet,
    /// Characters of the line, when it is no telegram.
    Character,
}

/// What is wrong, where, and what to try next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problem {
    /// phy, link, ell, afl, transport, security or application.
    pub layer: &'static str,
    /// One lower-case word.
    pub kind: String,
    /// The octet to blame, counted from the start of the input.
    pub offset: usize,
    /// What the offset counts.
    pub place: Place,
    /// What is wrong, in plain words.
    pub message: String,
    /// What to try next; may be empty.
    pub hint: String,
}

/// The frame of the link layer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// wired, wireless or chips.
    pub kind: &'static str,
    /// none, A or B: what was there before it was removed.
    pub crc: &'static str,
    /// long, short, control or ack; wired only.
    pub form: Option<&'static str>,
    /// The wired address.
    pub address: Option<u8>,
    /// The C-field.
    pub c: Option<u8>,
    /// What the C-field asks for.
    pub function: Option<String>,
    /// The frame without link CRCs.
    pub octets: Vec<u8>,
}

/// Who sent it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meter {
    /// Three letters or 0xNNNN.
    pub manufacturer: String,
    /// Eight digits as printed on the meter.
    pub id: String,
    /// The version.
    pub version: u8,
    /// The device type.
    pub device_type: u8,
    /// The name of the device type.
    pub medium: String,
}

/// The transport header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transport {
    /// The CI-field.
    pub ci: u8,
    /// The name of the CI-field.
    pub name: String,
    /// The access number; none without a header.
    pub access: Option<u8>,
    /// The status octet.
    pub status: Option<u8>,
    /// The names of its bits.
    pub status_flags: Vec<String>,
    /// The meter, with a long header.
    pub meter: Option<Meter>,
}

/// What was done about the encryption.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Security {
    /// The security mode, of the transport layer unless only the link layer enciphers.
    pub mode: u8,
    /// The layer that enciphers: ell or transport.
    pub layer: &'static str,
    /// none, decrypted, plain, locked or failed.
    pub state: &'static str,
    /// True when a MAC or tag was verified.
    pub authenticated: bool,
    /// The message counter and what it counts; only where it was authenticated.
    pub counter: Option<CounterUse>,
    /// True when whoever remembers counters has had this very telegram.
    pub repeated: bool,
}

/// A reading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The storage number.
    pub storage: u64,
    /// The tariff.
    pub tariff: u64,
    /// The subunit.
    pub subunit: u64,
    /// instantaneous, maximum, minimum or error.
    pub function: &'static str,
    /// The name of the standard's table.
    pub quantity: String,
    /// The value; none when there is none.
    pub value: Option<String>,
    /// UCUM.
    pub unit: String,
    /// The unit in the meter's own words (VIF 7C).
    pub unit_text: Option<String>,
    /// number, date, datetime, time, text, octets or none.
    pub kind: &'static str,
    /// DIF and DIFE as sent.
    pub dib: Vec<u8>,
    /// VIF and VIFE as sent.
    pub vib: Vec<u8>,
    /// The value as sent.
    pub data: Vec<u8>,
    /// The OBIS code.
    pub obis: Option<String>,
    /// What the orthogonal VIFEs say, in order.
    pub qualifiers: Vec<String>,
    /// Why there is no value, and other remarks.
    pub note: Option<String>,
    /// Why it could not be read.
    pub error: Option<Problem>,
}

/// A compact frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compact {
    /// The signature of the format.
    pub format_signature: u16,
    /// The CRC of the full frame.
    pub full_frame_crc: Option<u16>,
    /// `format_unknown` or `expanded`, or `crc_mismatch`.
    pub state: &'static str,
}

/// A block of security information.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InformationBlock {
    /// BID.
    pub id: u8,
    /// The words of BCF.
    pub function: String,
    /// True for an answer.
    pub answer: bool,
    /// Whose security information it is.
    pub recipient: u8,
    /// The words of DSI.
    pub structure: String,
    /// DSH1, the number of the key.
    pub key_id: u8,
    /// DSH2, its version.
    pub key_version: u8,
    /// What the key is for.
    pub key: Option<&'static str>,
    /// verified (a key at hand fits its MAC or wrap), unverified, or none.
    pub state: &'static str,
    /// The words of a status.
    pub status: Option<String>,
    /// The key counter of a command.
    pub counter: Option<u32>,
    /// When to act.
    pub target_time: Option<String>,
    /// The words of PID.
    pub protocol: Option<String>,
    /// What is commanded, in words.
    pub command: Option<String>,
    /// The content as sent; none when it may hold a key.
    pub content: Option<Vec<u8>>,
    /// What else there is to say.
    pub note: Option<String>,
}

/// Some octets of the frame with their meaning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The first octet in the frame that is explained.
    pub start: usize,
    /// How many.
    pub octets: Vec<u8>,
    /// The layer, the heading above it.
    pub layer: &'static str,
    /// The name of the field.
    pub name: String,
    /// What it says.
    pub meaning: String,
}

/// A decoded line.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// The line it came from, from 1.
    pub line: usize,
    /// The name the sender gave it.
    pub id: Value,
    /// The octets as they came.
    pub input: Vec<u8>,
    /// The line, when it is no telegram: offsets of the error then count its characters.
    pub text: Option<String>,
    /// The link layer.
    pub frame: Option<Frame>,
    /// Who sent it.
    pub meter: Option<Meter>,
    /// The CI-fields in order.
    pub layers: Vec<u8>,
    /// The transport layer.
    pub transport: Option<Transport>,
    /// Encryption.
    pub security: Option<Security>,
    /// The readings.
    pub records: Vec<Record>,
    /// What was deciphered.
    pub plaintext: Option<Vec<u8>>,
    /// The compact frame.
    pub compact: Option<Compact>,
    /// The blocks of security information.
    pub blocks: Vec<InformationBlock>,
    /// True for application data that only its manufacturer knows.
    pub proprietary: bool,
    /// Other answers of a meter than records: name and text.
    pub facts: Vec<(&'static str, String)>,
    /// Received signal strength.
    pub rssi_dbm: Option<i16>,
    /// When it was received, as the receiver wrote it.
    pub received: Option<String>,
    /// What else there is to say.
    pub notes: Vec<String>,
    /// Every octet with its meaning.
    pub spans: Vec<Span>,
    /// What went wrong.
    pub error: Option<Problem>,
}

impl Reading {
    /// True when nothing went wrong.
    #[must_use]
    pub const fn is_ok(&self) -> bool {
        self.error.is_none()
    }
}
