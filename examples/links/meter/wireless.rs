//! A wireless meter: telegrams sealed as the user wishes, and the chips of their transmission.
//!
//! ```text
//! none   L C M A | 7A ACC ST CF(2)                               | records
//! A      L C M A | 7A ACC ST CF(2)                               | 2F 2F records 2F ..     mode 5
//! B      L C M A | 8C CC ACC | 90 AFL, CMAC | 7A ACC ST CF CFE   | 2F 2F records 2F ..     mode 7
//! C      L C M A | 8C CC ACC | 7A ACC ST CF CFE                  | record of TLS: records  mode 13
//! D      L C M A | 8C CC ACC | 7A ACC ST CF CFE counter          | records, tag            mode 10
//! ell    L C M A | 8D CC ACC SN PLCRC       | 78                 | records                 link layer cipher
//! ```
//!
//! Invariants: no counter, session and access number comes twice in one run; the first counter is the minutes of the
//! meter's clock, so that a later run goes on above. Profile C stands in the middle of a TLS session whose write key is
//! the key given and whose write IV is the meter's number; its telegrams are answers, since OMS sends nothing unasked
//! through TLS.

use super::records::Kind;
use super::tls::Session;
use chrono::{NaiveDate, NaiveDateTime};
use examples::decode::hex;
use mbus_app::body::Body;
use mbus_app::ci::CiField;
use mbus_app::telegram::builder::{Protection, TelegramBuilder};
use mbus_app::tpl::{Header, Tpl};
use mbus_link::ell::EllSession;
use mbus_link::{Address, CField, CommunicationControl, Ell, SessionNumber};
use oms_security::configuration::Configuration;
use oms_security::count::Count;
use oms_security::key::{Aes, Key, PreparedKey};
use oms_security::profile::Profile;
use oms_security::sender::{SenderError, SenderState};
use wmbus_phy::mode::Mode;
use wmbus_phy::{FrameFormat, Transmission};

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
    /// OMS profile C: mode 13, a record of TLS 1.2 with AES-GCM; --key is the write key of the session.
    #[value(alias = "13", name = "C", alias = "c")]
    C,
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
    key: PreparedKey<Aes>,
    session: Session,
    /// Which counters and sessions are used up.
    state: SenderState,
}

impl WirelessMeter {
    /// A meter whose first message counter and session are those of the minute `now`.
    #[must_use]
    pub fn new(kind: &'static Kind, address: Address, seal: Seal, key: &Key, now: NaiveDateTime) -> Self {
        let count = Count { meter: address, to_meter: false, key_id: 0, key_version: 0 };
        let session = Session::new(key.octets(), address.identification.octets());
        let (key, state) = (PreparedKey::new(key), SenderState::new(count, minutes_of(now)));
        Self { kind, address, seal, key, session, state }
    }
    /// Telegram `n` of a run, without link CRCs: SND-NR, in profile C RSP-UD.
    ///
    /// # Errors
    /// Those of the builder; not with the records and seals that are here, but for a clock that went back.
    pub fn telegram(&mut self, n: u32, now: NaiveDateTime) -> Result<Vec<u8>, mbus_app::Error> {
        let [access_number, ..] = n.wrapping_add(1).to_le_bytes();
        let mut body = self.kind.records(0, self.address, now, false)?;
        let (profile, ci, c_field) = match self.seal {
            Seal::None => (Profile::None, 0x7A, CField::SND_NR),
            Seal::A => (Profile::A, 0x7A, CField::SND_NR),
            Seal::B => (Profile::B, 0x7A, CField::SND_NR),
            Seal::C => (Profile::C, 0x7A, CField::RSP_UD),
            Seal::D => (Profile::D, 0x7A, CField::SND_NR),
            Seal::Ell => (Profile::None, 0x78, CField::SND_NR),
        };
        let minutes = minutes_of(now).saturating_add(n);
        // Nothing survives this program but the clock, from which the next one counts on.
        self.state.export(1, minutes);
        if self.seal == Seal::C {
            // Sequence numbers of a session are used once, as message counters are.
            let sequence = self.state.take_counter().map_err(refusal)?;
            body = self.session.seal(sequence.into(), &body).unwrap_or_default();
        }
        let field = if matches!(self.seal, Seal::None | Seal::A) { SYNCHRONOUS } else { 0 };
        let configuration = Configuration { field, ..Configuration::default() };
        let tpl = Tpl::of(CiField(ci), self.address, Header { access_number, status: 0, configuration });
        let telegram = TelegramBuilder {
            ell: self.ell(access_number),
            ..TelegramBuilder::wireless(c_field, self.address, tpl, Body::Octets(&body))
        };
        let (mut buffer, mut frame) = ([0; 256], [0; 256]);
        let protection = Protection { in_session: true, ..Protection::of(profile) };
        let sealed = telegram.seal_into(&protection, &self.key, &mut self.state, &mut buffer)?;
        let frame = match self.seal {
            Seal::Ell => sealed.frame_enciphered_into(&self.key, &mut self.state, minutes, &mut frame)?,
            _ => sealed.frame_into(&mut frame)?,
        };
        Ok(frame.to_vec())
    }
    /// The extended link layer where the configuration field has no room for the bits of the link.
    fn ell(&self, access_number: u8) -> Option<Ell> {
        let session = match self.seal {
            Seal::None | Seal::A => return None,
            Seal::B | Seal::C | Seal::D => None,
            Seal::Ell => {
                let number = SessionNumber::new(SessionNumber::ENC_AES_128_CTR, 0, 0).unwrap_or_default();
                Some(EllSession { number, payload_crc: 0 })
            }
        };
        Some(Ell { control: CommunicationControl::SYNCHRONOUS, access_number, receiver: None, session })
    }
}

/// Bit S of the configuration field in modes 0 and 5.
const SYNCHRONOUS: u16 = 1 << 13;

fn refusal(refusal: SenderError) -> mbus_app::Error {
    mbus_app::ErrorKind::Security(oms_security::ErrorKind::Sender(refusal)).at(0)
}

/// The chips of a telegram on the air, as a line that `decode --input jsonl` reads.
///
/// # Errors
/// [`wmbus_phy::ErrorKind::FormatNotInMode`].
pub fn chips(mode: &Mode, format: FrameFormat, telegram: &[u8]) -> Result<String, wmbus_phy::Error> {
    let transmission = Transmission::new(mode.from_meter, format, telegram);
    let mut octets = vec![0; transmission.encoded_len()];
    let octets = hex::upper(transmission.encode_into(&mut octets)?);
    Ok(format!(r#"{{"hex":"{octets}","kind":"chips","mode":"{mode}"}}"#))
}

/// Minutes since the first of January 2020.
fn minutes_of(now: NaiveDateTime) -> u32 {
    let first =
        NaiveDate::from_ymd_opt(2020, 1, 1).and_then(|day| day.and_hms_opt(0, 0, 0)).unwrap_or_default();
    u32::try_from(now.signed_duration_since(first).num_minutes()).unwrap_or_default()
}
