//! Secured application data: a command with a MAC of its own, made with the key for that kind of command
//! (OMS Vol. 2 Annex F and M).
//!
//! ```text
//! BCF 20 | recipient | DSI 32 or 33 | key id | key version | key counter (4, LE) | target time (5) | PID | APDU | MAC (8 or 16)
//!                                                            \____________________ the MAC covers _____________/
//! ```
//!
//! The MAC is the beginning of AES-CMAC with the application key itself; nothing is derived, and the block's
//! header is not covered. It is the same in a command and its answer: who answers shows that it was done, not
//! that it knows the key. So a command belongs to the count of its key and of nothing else: an application key is for
//! one meter and one purpose, and who hears command and answer hears one counter twice, a repetition. Invariants: the MAC is compared in constant time before anything is given out; a
//! counter is used once ([`SenderState`]), and what was opened gives its counter for the [`crate::replay`] guard.

use mbus_link::Address;
use mbus_link::octets::{Reader, Writer};

use super::{Block, Function, HEADER_LEN, Protocol, Structure, TargetTime};
use crate::afl::Mac;
use crate::count::ProvenCount;
use crate::kdf::cmac;
use crate::key::{BlockCipher128, KeyProvider, KeyRequest, MAX_CANDIDATES, PreparedKey};
use crate::mode::SecurityMode;
use crate::mode7::mac_fits;
use crate::replay::CounterUse;
use crate::sender::SenderState;
use crate::{Error, ErrorKind};

/// What secured application data say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SecuredData<'a> {
    /// The counter of the application key; never used twice.
    pub key_counter: u32,
    /// When to act.
    pub target_time: TargetTime,
    /// The protocol of the message.
    pub protocol: Protocol,
    /// The message: records, a clock command (TC and time only), an image transfer command.
    pub message: &'a [u8],
}

/// Octets of the MAC; `None` for a structure that is none of the two with a published layout.
const fn mac_len(structure: Structure) -> Option<usize> {
    match structure {
        Structure::CMAC_8 => Some(8),
        Structure::CMAC_16 => Some(16),
        _ => None,
    }
}

impl<'a> SecuredData<'a> {
    /// Octets in front of the message.
    pub const HEADER_LEN: usize = 10;

    /// Verifies the MAC of a block and gives what it says, and its counter for the replay guard. `meter` is the
    /// meter, whichever way the block goes; `keys` are asked for the key's id and version.
    ///
    /// ```
    /// use oms_security::key::{Aes, Key, PreparedKey};
    /// use oms_security::security_information::{Blocks, Protocol, SecuredData};
    /// // OMS Vol. 2 Annex N, N.12.2, behind 2F 2F: open the breaker.
    /// let body = b"\x1C\0\0\x20\0\x32\x20\0\x0F\0\0\0\0\0\0\0\x30\x01\x01\xFD\x1F\0\xFA\x41\xE2\x81\x2D\x44\x9B\x4D";
    /// let key: Key = "08154711081547110815471108154711".parse().unwrap();
    /// let meter = mbus_link::Address::from_link_octets(*b"\x3A\x63\x78\x56\x34\x12\x55\x20");
    /// let block = Blocks::new(body).next().unwrap()?;
    /// let (command, used) = SecuredData::open(&block, meter, &PreparedKey::<Aes>::new(&key))?;
    /// assert_eq!((command.protocol, command.message), (Protocol::M_BUS, &[0x01, 0xFD, 0x1F, 0x00][..]));
    /// assert_eq!(used.counter, 15);
    /// # Ok::<(), oms_security::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::UnsupportedField`] for another function or structure; [`ErrorKind::Truncated`];
    /// [`ErrorKind::KeyMissing`]; [`ErrorKind::Mac`]. Offsets count from the block's content.
    pub fn open<P: KeyProvider + ?Sized>(
        block: &Block<'a>,
        meter: Address,
        keys: &P,
    ) -> Result<(Self, CounterUse), Error> {
        if block.function.asked() != Function::SECURED_DATA {
            return Err(ErrorKind::UnsupportedField { field: "the function of the block" }.at(0));
        }
        let Some(mac_len) = mac_len(block.structure) else {
            return Err(ErrorKind::UnsupportedField { field: "the structure of the block" }.at(0));
        };
        let available = block.content.len();
        let needed = Self::HEADER_LEN.saturating_add(mac_len);
        let covered = available.checked_sub(mac_len).filter(|_| available >= needed);
        let (covered, sent) = covered
            .and_then(|len| block.content.split_at_checked(len))
            .ok_or(ErrorKind::Truncated { needed, available }.at(available))?;
        let [key_id, key_version] = block.structure_header;
        let request = KeyRequest { meter, mode: SecurityMode::NONE, key_id, key_version: Some(key_version) };
        let mut tried = 0usize;
        for key in (0..MAX_CANDIDATES).map_while(|n| keys.candidate(&request, n)) {
            if mac_fits(&cmac(key, &[covered]), sent) {
                let data = Self::of_verified(covered)?;
                let fingerprint = Mac::new(sent).unwrap_or_default().fingerprint();
                // The MAC covers neither the meter nor the direction nor what the block's header says of the key.
                let count = ProvenCount { key: key.identity(), identification: None, direction: None };
                let counter = data.key_counter;
                return Ok((data, CounterUse { count, counter, fingerprint }));
            }
            tried = tried.saturating_add(1);
        }
        let kind = if tried == 0 { ErrorKind::KeyMissing } else { ErrorKind::Mac { tried } };
        Err(kind.at(covered.len()))
    }
    fn of_verified(octets: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(octets);
        let key_counter = reader.u32_le()?;
        let target_time = TargetTime(reader.array()?);
        let protocol = Protocol(reader.u8()?);
        Ok(Self { key_counter, target_time, protocol, message: reader.take_rest() })
    }
}

/// A block with secured application data to be sent: the builder.
///
/// ```
/// use oms_security::count::Count;
/// use oms_security::key::{Aes, Key, PreparedKey};
/// use oms_security::security_information::{KeyPurpose, Protocol, SecuredBlock};
/// use oms_security::sender::SenderState;
/// // OMS Vol. 2 Annex N, N.12.2: open the breaker, with the key for breakers and its counter.
/// let meter = mbus_link::Address::from_link_octets(*b"\x3A\x63\x78\x56\x34\x12\x55\x20");
/// let key: Key = "08154711081547110815471108154711".parse().unwrap();
/// let count = Count { meter, to_meter: true, key_id: KeyPurpose::BREAKER.0, key_version: 0 };
/// let mut state = SenderState::new(count, 15);
/// let _line = state.export(1, 0); // to be kept before the block is sent
/// let block = SecuredBlock { protocol: Protocol::M_BUS, message: &[0x01, 0xFD, 0x1F, 0x00], ..SecuredBlock::default() };
/// let mut buffer = [0; 64];
/// let octets = block.seal_into(&PreparedKey::<Aes>::new(&key), &mut state, &mut buffer)?;
/// assert_eq!(octets[octets.len() - 8..], [0xFA, 0x41, 0xE2, 0x81, 0x2D, 0x44, 0x9B, 0x4D]);
/// // The counter is used up.
/// assert!(block.seal_into(&PreparedKey::<Aes>::new(&key), &mut state, &mut buffer).is_err());
/// # Ok::<(), oms_security::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SecuredBlock<'a> {
    /// BID, the number of the block.
    pub id: u8,
    /// Whose security information it is.
    pub recipient: u8,
    /// [`Structure::CMAC_8`] or [`Structure::CMAC_16`].
    pub structure: Structure,
    /// When to act.
    pub target_time: TargetTime,
    /// The protocol of the message.
    pub protocol: Protocol,
    /// The message: records, TC and time of a clock command, an image transfer command.
    pub message: &'a [u8],
}

impl Default for SecuredBlock<'_> {
    fn default() -> Self {
        Self {
            id: 0,
            recipient: 0,
            structure: Structure::CMAC_8,
            target_time: TargetTime::NOW,
            protocol: Protocol::M_BUS,
            message: &[],
        }
    }
}

impl SecuredBlock<'_> {
    /// Octets of the block with its length field and MAC.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        let mac = match mac_len(self.structure) {
            Some(len) => len,
            None => 0,
        };
        (2 + HEADER_LEN + SecuredData::HEADER_LEN).saturating_add(self.message.len()).saturating_add(mac)
    }
    /// Takes the next counter of `state`, writes the block to the front of `buffer` and seals it. Key id and
    /// version are those of the state.
    ///
    /// # Errors
    /// [`ErrorKind::UnsupportedField`] for another structure; [`ErrorKind::BufferTooSmall`] and
    /// [`ErrorKind::TooLong`], no counter is used up then; [`ErrorKind::Sender`].
    pub fn seal_into<'b, C: BlockCipher128>(
        &self,
        key: &PreparedKey<C>,
        state: &mut SenderState,
        buffer: &'b mut [u8],
    ) -> Result<&'b mut [u8], Error> {
        if mac_len(self.structure).is_none() {
            return Err(ErrorKind::UnsupportedField { field: "the structure of the block" }.at(0));
        }
        let (needed, available) = (self.encoded_len(), buffer.len());
        let length = needed.saturating_sub(2);
        let Ok(length) = u16::try_from(length) else {
            return Err(ErrorKind::TooLong { length, limit: usize::from(u16::MAX) }.at(0));
        };
        if available < needed {
            return Err(ErrorKind::BufferTooSmall { needed, available }.at(available));
        }
        let counter = state.take_counter().map_err(|refusal| ErrorKind::Sender(refusal).at(0))?;
        let count = *state.count();
        let head = 2usize.saturating_add(HEADER_LEN);
        let mut writer = Writer::new(buffer);
        writer.put_u16_le(length);
        writer.put(&[self.id, Function::SECURED_DATA.0, self.recipient, self.structure.0]);
        writer.put(&[count.key_id, count.key_version]);
        writer.put_u32_le(counter);
        writer.put(&self.target_time.0);
        writer.put_u8(self.protocol.0);
        writer.put(self.message);
        let written = writer.len();
        let octets = buffer.get_mut(..needed).unwrap_or_default();
        let mac = cmac(key, &[octets.get(head..written).unwrap_or_default()]);
        let place = octets.get_mut(written..).unwrap_or_default();
        place.iter_mut().zip(*mac).for_each(|(place, octet)| *place = octet);
        Ok(octets)
    }
}

#[cfg(test)]
#[cfg(feature = "aes")]
mod tests {
    use super::super::Blocks;
    use super::*;
    use crate::count::Count;
    use crate::key::{Aes, Key, KeySelector, NoKeys};
    use crate::replay::{Freshness, ReplayGuard};
    use crate::sender::SenderError;
    use std::vec::Vec;

    // OMS Vol. 2 Annex N, N.12.2 and N.12.3, behind 2F2F: open the breaker, and the answer.
    const COMMAND: [u8; 30] = [
        0x1C, 0x00, 0x00, 0x20, 0x00, 0x32, 0x20, 0x00, 0x0F, 0, 0, 0, 0, 0, 0, 0, 0x30, 0x01, 0x01, 0xFD,
        0x1F, 0x00, 0xFA, 0x41, 0xE2, 0x81, 0x2D, 0x44, 0x9B, 0x4D,
    ];

    fn meter() -> Address {
        Address::from_link_octets([0x3A, 0x63, 0x78, 0x56, 0x34, 0x12, 0x55, 0x20])
    }
    fn key() -> PreparedKey<Aes> {
        PreparedKey::new(&"08154711081547110815471108154711".parse::<Key>().unwrap())
    }
    fn open(octets: &[u8]) -> Result<(SecuredData<'_>, CounterUse), Error> {
        SecuredData::open(&Blocks::new(octets).next().unwrap()?, meter(), &key())
    }
    fn state(first: u32) -> SenderState {
        let count = Count { meter: meter(), to_meter: true, key_id: 0x20, key_version: 0 };
        let mut state = SenderState::new(count, first);
        state.export(1, 0);
        state
    }

    #[test]
    fn the_printed_command_and_its_answer() {
        let (data, used) = open(&COMMAND).unwrap();
        assert_eq!((data.key_counter, data.target_time), (15, TargetTime::NOW));
        assert_eq!((data.protocol, data.message), (Protocol::M_BUS, &[0x01, 0xFD, 0x1F, 0x00][..]));
        let block = SecuredBlock { message: data.message, ..SecuredBlock::default() };
        let mut buffer = [0; 64];
        assert_eq!(block.seal_into(&key(), &mut state(15), &mut buffer).unwrap(), COMMAND);
        let mut answer = COMMAND;
        answer[3] |= 0x80;
        assert_eq!(open(&answer).unwrap(), (data, used), "the MAC covers nothing that tells them apart");
    }

    #[test]
    fn every_flipped_bit_that_the_mac_covers_is_refused() {
        for bit in 8 * 8..COMMAND.len() * 8 {
            let mut octets = COMMAND;
            octets[bit / 8] ^= 1 << (bit % 8);
            let error = open(&octets).unwrap_err();
            assert_eq!((error.kind, error.offset), (ErrorKind::Mac { tried: 1 }, 14), "bit {bit}");
        }
    }

    #[test]
    fn a_message_cut_short_is_refused_at_every_octet() {
        for len in 6..28u8 {
            let mut octets = COMMAND[..2 + usize::from(len)].to_vec();
            octets[0] = len;
            let name = open(&octets).unwrap_err().kind.name();
            assert_eq!(name, if len < 6 + 18 { "truncated" } else { "mac" }, "{len}");
        }
    }

    #[test]
    fn other_functions_and_structures_are_not_opened() {
        for (at, value) in [(3, 0x00), (5, 0x31), (5, 0x34), (5, 0x22)] {
            let mut octets = COMMAND;
            octets[at] = value;
            assert_eq!(open(&octets).unwrap_err().kind.name(), "unsupported_field");
        }
        let block = SecuredBlock { structure: Structure::GCM, ..SecuredBlock::default() };
        let mut state = state(1);
        let error = block.seal_into(&key(), &mut state, &mut [0; 64]).unwrap_err();
        assert_eq!((error.kind.name(), state.next_counter()), ("unsupported_field", Some(1)));
    }

    #[test]
    fn the_key_of_another_purpose_does_not_open_it() {
        let block = Blocks::new(&COMMAND).next().unwrap().unwrap();
        let clock = KeySelector { key_id: Some(0x21), ..KeySelector::default() };
        let breaker = KeySelector { key_id: Some(0x20), ..KeySelector::default() };
        let keys = [(clock, key())];
        let error = SecuredData::open(&block, meter(), &keys[..]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::KeyMissing);
        assert_eq!(SecuredData::open(&block, meter(), &NoKeys).unwrap_err().kind, ErrorKind::KeyMissing);
        let keys = [(breaker, PreparedKey::<Aes>::new(&Key::new([1; 16]))), (breaker, key())];
        assert!(SecuredData::open(&block, meter(), &keys[..]).is_ok());
    }

    #[test]
    fn a_command_once_more_is_a_replay_behind_a_newer_one() {
        let mut guard = ReplayGuard::<2>::new();
        let (_, first) = open(&COMMAND).unwrap();
        let block = SecuredBlock {
            structure: Structure::CMAC_16,
            message: &[0x01, 0xFD, 0x1F, 0x01],
            ..SecuredBlock::default()
        };
        let mut buffer = [0; 64];
        let newer = block.seal_into(&key(), &mut state(16), &mut buffer).unwrap().to_vec();
        let (_, second) = open(&newer).unwrap();
        assert_eq!(guard.accept(&first), Ok(Freshness::First));
        assert_eq!(guard.accept(&second), Ok(Freshness::New { skipped: 0 }));
        assert!(guard.accept(&first).is_err());
    }

    /// A heard command for the breaker with everything changed that its MAC does not cover.
    #[test]
    fn one_command_is_accepted_once_whatever_its_header_says() {
        let mut guard = ReplayGuard::<300>::new();
        let keys = [(KeySelector { key_id: Some(0x20), ..KeySelector::default() }, key())];
        let mut first = 0;
        let mut accept = |octets: &[u8], meter| {
            let block = Blocks::new(octets).next().unwrap().unwrap();
            let (command, used) = SecuredData::open(&block, meter, &keys[..]).unwrap();
            assert_eq!(command.message, [0x01, 0xFD, 0x1F, 0x00]);
            first += usize::from(guard.accept(&used).unwrap() == Freshness::First);
        };
        for octet in 0..=255 {
            // Key version, block number, recipient; the meter that the telegram around it names; the answer.
            for at in [2, 4, 7] {
                let mut octets = COMMAND;
                octets[at] = octet;
                accept(&octets, meter());
            }
            accept(&COMMAND, Address::from_link_octets([0x3A, 0x63, octet, 0x56, 0x34, 0x12, 0x55, octet]));
        }
        let mut answer = COMMAND;
        answer[3] |= 0x80;
        accept(&answer, meter());
        assert_eq!((first, guard.export().count()), (1, 1));
    }

    #[test]
    fn a_counter_is_used_once_and_a_small_buffer_uses_none() {
        let block = SecuredBlock { message: &[1, 2, 3], ..SecuredBlock::default() };
        let mut state = state(7);
        for size in 0..block.encoded_len() {
            let error = block.seal_into(&key(), &mut state, &mut [0; 64][..size]).unwrap_err();
            assert_eq!(error.kind, ErrorKind::BufferTooSmall { needed: 29, available: size });
        }
        assert_eq!(state.next_counter(), Some(7));
        assert!(block.seal_into(&key(), &mut state, &mut [0; 29]).is_ok());
        let error = block.seal_into(&key(), &mut state, &mut [0; 29]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Sender(SenderError::NotExported { counter: 8 }));
        let long = std::vec![0; 65_536];
        let error =
            SecuredBlock { message: &long, ..block }.seal_into(&key(), &mut state, &mut []).unwrap_err();
        assert_eq!(error.kind.name(), "too_long");
    }

    #[test]
    fn what_is_sealed_opens() {
        for structure in [Structure::CMAC_8, Structure::CMAC_16] {
            for len in 0..40 {
                let message: Vec<u8> = (0..len).collect();
                let block = SecuredBlock {
                    id: 3,
                    recipient: 1,
                    structure,
                    target_time: TargetTime([1, 2, 3, 4, 0x30]),
                    protocol: Protocol::CLOCK,
                    message: &message,
                };
                let mut buffer = [0; 128];
                let octets = block.seal_into(&key(), &mut state(9), &mut buffer).unwrap();
                assert_eq!(octets.len(), block.encoded_len());
                let (data, used) = open(octets).unwrap();
                assert_eq!((data.message, data.protocol, used.counter), (&message[..], Protocol::CLOCK, 9));
            }
        }
    }
}
