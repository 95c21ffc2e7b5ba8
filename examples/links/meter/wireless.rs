//! A wireless meter: telegrams sealed as the user wishes, as lines of rtl_wmbus.
//!
//! ```text
//! none   L C M A | 7A ACC ST CF(2)                               | records
//! A      L C M A | 7A ACC ST CF(2)                               | 2F 2F records 2F ..     mode 5
//! B      L C M A | 8C CC ACC | 90 AFL, CMAC | 7A ACC ST CF CFE   | 2F 2F records 2F ..     mode 7
//! D      L C M A | 8C CC ACC | 7A ACC ST CF CFE counter          | records, tag            mode 10
//! ell    L C M A | 8D CC ACC SN PLCRC       | 78                 | records                 link layer cipher
//! ```
//!
//! Invariants: counter, session and access number of telegram n are those of telegram 0 plus n, so none comes twice in
//! one run; the first counter is the minutes of the meter's clock, so that a later run goes on above.

use super::records::Kind;
use chrono::{NaiveDate, NaiveDateTime};
use mbus_app::ci::CiField;
use mbus_app::tpl::{Header, Tpl};
use mbus_link::ell::EllSession;
use mbus_link::wireless::frame::encode_header;
use mbus_link::{Address, CField, CommunicationControl, Ell, SessionNumber};
use oms_security::afl::{Afl, Mac, MessageControl};
use oms_security::configuration::Configuration;
use oms_security::key::{Aes, PreparedKey};
use oms_security::sealed::{Direction, SecurityContext, seal};

/// How telegrams are sealed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Seal {
    /// Not at all.
    #[default]
    None,
    /// OMS profile A: mode 5, AES-CBC, no authentication.
    #[value(alias = "5", name = "A", alias = "a")]
    A,
    /// OMS profile B: mode 7, AES-CBC with derived keys and a CMAC.
    #[value(alias = "7", name = "B", alias = "b")]
    B,
    /// OMS profile D: mode 10, AES-CCM.
    #[value(alias = "10", name = "D", alias = "d")]
    D,
    /// The cipher of the extended link layer (ELL II), AES-CTR.
    Ell,
}

/// One meter on the air.
#[derive(Debug)]
pub struct WirelessMeter {
    /// What it measures.
    pub kind: &'static Kind,
    /// Who it is.
    pub address: Address,
    /// How its telegrams are sealed.
    pub seal: Seal,
    /// Its key; not needed without a seal.
    pub key: PreparedKey<Aes>,
}

/// Why there is no telegram.
#[derive(Debug)]
pub enum Unsent {
    /// A record cannot be written.
    Application(mbus_app::Error),
    /// It cannot be sealed.
    Security(oms_security::Error),
    /// It does not fit a frame.
    Link(mbus_link::Error),
}

impl std::fmt::Display for Unsent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Application(error) => error.fmt(f),
            Self::Security(error) => error.fmt(f),
            Self::Link(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Unsent {}

impl From<mbus_app::Error> for Unsent {
    fn from(error: mbus_app::Error) -> Self {
        Self::Application(error)
    }
}
impl From<oms_security::Error> for Unsent {
    fn from(error: oms_security::Error) -> Self {
        Self::Security(error)
    }
}
impl From<mbus_link::Error> for Unsent {
    fn from(error: mbus_link::Error) -> Self {
        Self::Link(error)
    }
}

impl WirelessMeter {
    /// Telegram `n` of a run: SND-NR without link CRCs.
    ///
    /// # Errors
    /// [`Unsent`]; not with the records and seals that are here.
    pub fn telegram(&self, n: u32, now: NaiveDateTime) -> Result<Vec<u8>, Unsent> {
        let [access, ..] = n.wrapping_add(1).to_le_bytes();
        let minutes = minutes_of(now).saturating_add(n);
        let records = self.kind.records(0, self.address, now, false)?;
        let payload = match self.seal {
            Seal::None => self.message(access, configuration(SYNCHRONOUS, 0), &records)?.0,
            Seal::A => self.profile_a(access, records)?,
            Seal::B => self.profile_b(access, minutes, records)?,
            Seal::D => self.profile_d(access, minutes, records)?,
            Seal::Ell => self.link_cipher(access, minutes, &records)?,
        };
        let mut frame = encode_header(CField::SND_NR, self.address, payload.len())?.to_vec();
        frame.extend(payload);
        Ok(frame)
    }

    /// CI, header and body; and where the body begins.
    fn message(
        &self,
        access_number: u8,
        configuration: Configuration,
        body: &[u8],
    ) -> Result<(Vec<u8>, usize), Unsent> {
        let header = Header { access_number, status: 0, configuration };
        let tpl = Tpl { ci: CiField(0x7A), address: None, header: Some(header) };
        let mut message = vec![0; tpl.encoded_len()];
        tpl.encode_into(&mut message)?;
        let begin = message.len();
        message.extend_from_slice(body);
        Ok((message, begin))
    }
    fn sealed(
        &self,
        access_number: u8,
        configuration: Configuration,
        afl: Option<&Afl>,
        body: &[u8],
    ) -> Result<(Vec<u8>, Option<Mac>), Unsent> {
        let (mut message, begin) = self.message(access_number, configuration, body)?;
        let afl = afl.map(|afl| (*afl).into());
        let context = SecurityContext {
            meter: self.address,
            access_number,
            direction: Direction::FromMeter,
            configuration,
            afl,
        };
        let mac = seal(&context, &mut message, begin, &self.key)?;
        Ok((message, mac))
    }
    fn profile_a(&self, access: u8, records: Vec<u8>) -> Result<Vec<u8>, Unsent> {
        let (body, blocks) = filled(&records);
        let field = SYNCHRONOUS | 5 << 8 | blocks << 4;
        Ok(self.sealed(access, configuration(field, 0), None, &body)?.0)
    }
    fn profile_b(&self, access: u8, counter: u32, records: Vec<u8>) -> Result<Vec<u8>, Unsent> {
        let (body, blocks) = filled(&records);
        let mut afl = Afl {
            message_control: Some(MessageControl(CMAC_AND_COUNTER)),
            message_counter: Some(counter),
            ..Afl::default()
        };
        let (message, mac) =
            self.sealed(access, configuration(7 << 8 | blocks << 4, DERIVED_KEY), Some(&afl), &body)?;
        afl.mac = mac;
        let mut payload = self.ell(access, None)?;
        let begin = payload.len();
        payload.resize(begin + afl.encoded_len(), 0);
        afl.encode_into(payload.get_mut(begin..).unwrap_or_default())?;
        payload.extend(message);
        Ok(payload)
    }
    fn profile_d(&self, access: u8, counter: u32, mut records: Vec<u8>) -> Result<Vec<u8>, Unsent> {
        // 255 says all of them.
        let octets = u16::try_from(records.len()).unwrap_or(255).min(255);
        let mut configuration = configuration(COUNTER_FOLLOWS | 10 << 8 | octets, TAG_OF_8 | DERIVED_KEY);
        configuration.counter = Some(counter);
        records.resize(records.len() + TAG, 0);
        let mut payload = self.ell(access, None)?;
        payload.extend(self.sealed(access, configuration, None, &records)?.0);
        Ok(payload)
    }
    fn link_cipher(&self, access: u8, minutes: u32, records: &[u8]) -> Result<Vec<u8>, Unsent> {
        let number =
            SessionNumber::new(SessionNumber::ENC_AES_128_CTR, minutes & 0x01FF_FFFF, 0).unwrap_or_default();
        let session = EllSession { number, payload_crc: 0 };
        let mut payload = self.ell(access, Some(session))?;
        payload.push(0x78);
        payload.extend_from_slice(records);
        let (ell, _) = Ell::parse_prefix(&payload)?;
        oms_security::ell_cipher::seal_in_place(&ell, self.address, &mut payload, &self.key)?;
        Ok(payload)
    }
    fn ell(&self, access_number: u8, session: Option<EllSession>) -> Result<Vec<u8>, Unsent> {
        let ell = Ell { control: CommunicationControl::SYNCHRONOUS, access_number, receiver: None, session };
        let mut octets = vec![0; ell.encoded_len()];
        ell.encode_into(&mut octets)?;
        Ok(octets)
    }
}

/// Bit S of the configuration field in modes 0 and 5.
const SYNCHRONOUS: u16 = 1 << 13;
/// Bit Z in modes 7 and 10: the message counter stands behind the configuration.
const COUNTER_FOLLOWS: u16 = 1 << 13;
/// CFE: the key is derived with the counter (KDF option 1).
const DERIVED_KEY: u16 = 0x10;
/// CFE of mode 10: a tag of eight octets.
const TAG_OF_8: u16 = 0x100;
const TAG: usize = 8;
/// MCL: the counter is in the AFL, CMAC of eight octets (OMS Vol. 2 Annex N, N.2.3).
const CMAC_AND_COUNTER: u8 = 0x25;

fn configuration(field: u16, extension: u16) -> Configuration {
    Configuration { field, extension, ..Configuration::default() }
}

/// The records behind 2F 2F, filled up to whole blocks, and how many blocks these are; 15 says all.
fn filled(records: &[u8]) -> (Vec<u8>, u16) {
    let mut body = vec![0x2F, 0x2F];
    body.extend_from_slice(records);
    body.resize(body.len().next_multiple_of(16), 0x2F);
    let blocks = u16::try_from(body.len() / 16).unwrap_or(15).min(15);
    (body, blocks)
}

/// Minutes since the first of January 2020.
fn minutes_of(now: NaiveDateTime) -> u32 {
    let first =
        NaiveDate::from_ymd_opt(2020, 1, 1).and_then(|day| day.and_hms_opt(0, 0, 0)).unwrap_or_default();
    u32::try_from(now.signed_duration_since(first).num_minutes()).unwrap_or_default()
}

/// The line that rtl_wmbus would print. `mode` is what it calls the radio mode.
#[must_use]
pub fn rtl_wmbus(mode: &str, now: NaiveDateTime, address: Address, telegram: &[u8]) -> String {
    let hex: String = telegram.iter().map(|octet| format!("{octet:02x}")).collect();
    let time = now.format("%Y-%m-%d %H:%M:%S%.3f");
    format!("{mode};1;1;{time};100;100;{};0x{hex}", address.identification)
}
