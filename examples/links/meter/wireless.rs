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
//! Invariants: no counter, session and access number comes twice in one run; the first counter is the minutes of the
//! meter's clock, so that a later run goes on above.

use super::records::Kind;
use chrono::{NaiveDate, NaiveDateTime};
use mbus_app::secured_telegram::{NewLink, SecuredTelegram};
use mbus_link::ell::EllSession;
use mbus_link::{Address, CField, CommunicationControl, Ell, SessionNumber};
use oms_security::count::Count;
use oms_security::key::{Aes, PreparedKey};
use oms_security::profile::Profile;
use oms_security::sender::SenderState;

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
    key: PreparedKey<Aes>,
    /// Which counters and sessions are used up.
    state: SenderState,
}

impl WirelessMeter {
    /// A meter whose first message counter and session are those of the minute `now`.
    #[must_use]
    pub fn new(
        kind: &'static Kind,
        address: Address,
        seal: Seal,
        key: PreparedKey<Aes>,
        now: NaiveDateTime,
    ) -> Self {
        let count = Count { meter: address, to_meter: false, key_id: 0, key_version: 0 };
        Self { kind, address, seal, key, state: SenderState::new(count, minutes_of(now)) }
    }
    /// Telegram `n` of a run: SND-NR without link CRCs.
    ///
    /// # Errors
    /// Those of the builder; not with the records and seals that are here, but for a clock that went back.
    pub fn telegram(&mut self, n: u32, now: NaiveDateTime) -> Result<Vec<u8>, mbus_app::Error> {
        let [access_number, ..] = n.wrapping_add(1).to_le_bytes();
        let records = self.kind.records(0, self.address, now, false)?;
        let (profile, ci) = match self.seal {
            Seal::None => (Profile::None, 0x7A),
            Seal::A => (Profile::A, 0x7A),
            Seal::B => (Profile::B, 0x7A),
            Seal::D => (Profile::D, 0x7A),
            Seal::Ell => (Profile::None, 0x78),
        };
        let minutes = minutes_of(now).saturating_add(n);
        let link =
            NewLink::Wireless { c_field: CField::SND_NR, sender: self.address, ell: self.ell(access_number) };
        let mut telegram = SecuredTelegram {
            access_number,
            body: &records,
            ..SecuredTelegram::new(link, ci, self.address, profile)
        };
        if matches!(self.seal, Seal::None | Seal::A) {
            telegram.protection.flags = SYNCHRONOUS;
        }
        // Nothing survives this program but the clock, from which the next one counts on.
        self.state.export(1, minutes);
        let (mut buffer, mut frame) = ([0; 256], [0; 256]);
        let sealed = telegram.seal_into(&self.key, &mut self.state, &mut buffer)?;
        let frame = match self.seal {
            Seal::Ell => {
                sealed.frame_enciphered_into(None, &self.key, &mut self.state, minutes, &mut frame)?
            }
            _ => sealed.frame_into(None, &mut frame)?,
        };
        Ok(frame.to_vec())
    }
    /// The extended link layer where the configuration field has no room for the bits of the link.
    fn ell(&self, access_number: u8) -> Option<Ell> {
        let session = match self.seal {
            Seal::None | Seal::A => return None,
            Seal::B | Seal::D => None,
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

/// Minutes since the first of January 2020.
fn minutes_of(now: NaiveDateTime) -> u32 {
    let first =
        NaiveDate::from_ymd_opt(2020, 1, 1).and_then(|day| day.and_hms_opt(0, 0, 0)).unwrap_or_default();
    u32::try_from(now.signed_duration_since(first).num_minutes()).unwrap_or_default()
}
