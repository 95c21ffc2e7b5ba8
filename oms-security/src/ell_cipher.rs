//! The cipher of the extended link layer II and IV: AES-128 in counter mode (EN 13757-4, clause 12.6).
//!
//! ```text
//! counter block = M(2) A(6) | CC without H and R | SN(4) | FN(2) = 0 | BC(1) = 0, counting up
//! enciphered    = PLCRC(2) and everything behind it; the CRC is that of the plaintext
//! ```
//!
//! Invariants: the payload CRC is compared first: many dumps were deciphered before and still say
//! otherwise. One cipher text in 65 536 passes for clear by chance, so a key that fits as well wins. It is a check
//! against a wrong key and no authentication: whoever flips bits can repair it, and an [`EllOpening`] never claims
//! more. A key that does not fit leaves the octets as they were.

use cipher::{InnerIvInit, StreamCipher};
use ctr::{Ctr32BE, CtrCore};
use mbus_link::{Address, Ell, SessionNumber};
use wmbus_phy::crc;

use crate::key::{BlockCipher128, KeyProvider, KeyRequest, MAX_CANDIDATES, PreparedKey};
use crate::mode::SecurityMode;
use crate::sealed::{Found, none_fits};
use crate::{Error, ErrorKind};

/// What opening an extended link layer found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct EllOpening {
    /// How the octets behind the header were found.
    pub found: Found,
    /// Octets behind the header, CRC not counted.
    pub octets: usize,
}

fn counter_block(ell: &Ell, session: SessionNumber, address: Address) -> [u8; 16] {
    let [a, b, c, d, e, f, g, h] = address.to_link_octets();
    let [s0, s1, s2, s3] = session.octets();
    [a, b, c, d, e, f, g, h, ell.counter_block_control(), s0, s1, s2, s3, 0, 0, 0]
}

/// Applies the key stream; an error, and nothing changed, for more octets than it has.
fn apply<C: BlockCipher128>(
    key: &PreparedKey<C>,
    block: [u8; 16],
    octets: &mut [u8],
) -> Result<(), ErrorKind> {
    let length = octets.len();
    let mut stream = Ctr32BE::<&C>::from_core(CtrCore::inner_iv_init(key.cipher(), &block.into()));
    stream.try_apply_keystream(octets).map_err(|_| ErrorKind::MessageTooLong { length })
}

/// True when the two octets in front are the CRC of the rest, low octet first.
fn crc_fits(octets: &[u8]) -> bool {
    match octets.split_first_chunk::<2>() {
        Some((sum, payload)) => crc::checksum(payload).to_le_bytes() == *sum,
        None => false,
    }
}

/// Opens the extended link layer at the beginning of `octets` in place. They start with its CI and end with
/// the frame, link CRCs removed; `sender` is the address of the link layer.
///
/// Of ELL IV it is not published whose address enters the counter block; the sender's and the
/// receiver's are tried, and the payload CRC decides.
///
/// # Errors
/// [`ErrorKind::PayloadCrc`] when the CRC of a clear payload is wrong or no key fits; [`ErrorKind::KeyMissing`];
/// [`ErrorKind::UnsupportedField`] for ciphers other than AES-128-CTR. The octets are as they were then.
pub fn open_in_place<P: KeyProvider + ?Sized>(
    ell: &Ell,
    sender: Address,
    octets: &mut [u8],
    keys: &P,
) -> Result<EllOpening, Error> {
    let len = octets.len().saturating_sub(ell.encoded_len());
    let (Some(session), Some(at)) = (ell.session, ell.enciphered_from()) else {
        return Ok(EllOpening { found: Found::Clear, octets: len });
    };
    let covered = octets.get_mut(at..).unwrap_or_default();
    let is_clear = crc_fits(covered);
    match session.number.encryption() {
        SessionNumber::ENC_NONE if is_clear => return Ok(EllOpening { found: Found::Clear, octets: len }),
        SessionNumber::ENC_NONE => return Err(ErrorKind::PayloadCrc { tried: 0 }.at(at)),
        SessionNumber::ENC_AES_128_CTR => {}
        _ if is_clear => return Ok(EllOpening { found: Found::ClearUnannounced, octets: len }),
        _ => {
            return Err(ErrorKind::UnsupportedField { field: "the cipher of the extended link layer" }.at(at));
        }
    }
    let request = KeyRequest { meter: sender, mode: SecurityMode::NONE, key_id: 0, key_version: None };
    let mut tried = 0usize;
    for key in (0..MAX_CANDIDATES).map_while(|n| keys.candidate(&request, n)) {
        for address in [Some(sender), ell.receiver].into_iter().flatten() {
            let block = counter_block(ell, session.number, address);
            apply(key, block, covered).map_err(|kind| kind.at(at))?;
            if crc_fits(covered) {
                return Ok(EllOpening { found: Found::Deciphered, octets: len });
            }
            apply(key, block, covered).map_err(|kind| kind.at(at))?;
        }
        tried = tried.saturating_add(1);
    }
    if is_clear {
        return Ok(EllOpening { found: Found::ClearUnannounced, octets: len });
    }
    Err(none_fits(tried, ErrorKind::PayloadCrc { tried }).at(at))
}

/// Seals in place: writes the payload CRC into the header at the beginning of `octets` and enciphers if the
/// session number says so. The mirror of [`open_in_place`]; the sender's address enters the counter block.
///
/// Never use a pair of time and session twice with one key.
///
/// # Errors
/// [`ErrorKind::UnsupportedField`] for ciphers other than AES-128-CTR; [`ErrorKind::Truncated`] when the
/// header is not whole.
pub fn seal_in_place<C: BlockCipher128>(
    ell: &Ell,
    sender: Address,
    octets: &mut [u8],
    key: &PreparedKey<C>,
) -> Result<(), Error> {
    let (Some(session), Some(at)) = (ell.session, ell.enciphered_from()) else { return Ok(()) };
    let available = octets.len();
    let covered = octets.get_mut(at..).unwrap_or_default();
    let Some((sum, payload)) = covered.split_first_chunk_mut::<2>() else {
        return Err(ErrorKind::Truncated { needed: ell.encoded_len(), available }.at(0));
    };
    *sum = crc::checksum(payload).to_le_bytes();
    match session.number.encryption() {
        SessionNumber::ENC_NONE => Ok(()),
        SessionNumber::ENC_AES_128_CTR => {
            apply(key, counter_block(ell, session.number, sender), covered).map_err(|kind| kind.at(at))
        }
        _ => Err(ErrorKind::UnsupportedField { field: "the cipher of the extended link layer" }.at(at)),
    }
}

#[cfg(test)]
#[cfg(feature = "aes")]
mod tests {
    use super::*;
    use crate::key::{Aes, Key, NoKeys};
    use mbus_link::CommunicationControl;
    use mbus_link::ell::EllSession;

    #[test]
    fn printed_ctr() {
        // NIST SP 800-38A, F.5.2.
        let hex = |text: &str| *text.parse::<Key>().unwrap().octets();
        let key = PreparedKey::<Aes>::new(&Key::new(hex("2B7E151628AED2A6ABF7158809CF4F3C")));
        let sealed = [
            "874D6191B620E3261BEF6864990DB6CE",
            "9806F66B7970FDFF8617187BB9FFFDFF",
            "5AE4DF3EDBD5D35E5B4F09020DB03EAB",
            "1E031DDA2FBE03D1792170A0F3009CEE",
        ];
        let plain = [
            "6BC1BEE22E409F96E93D7E117393172A",
            "AE2D8A571E03AC9C9EB76FAC45AF8E51",
            "30C81C46A35CE411E5FBC1191A0A52EF",
            "F69F2445DF4F9B17AD2B417BE66C3710",
        ];
        let mut octets = sealed.map(hex).concat();
        apply(&key, hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF"), &mut octets).unwrap();
        assert_eq!(octets, plain.map(hex).concat());
    }

    fn sealed(
        receiver: Option<Address>,
        encryption: u8,
    ) -> (Ell, Address, std::vec::Vec<u8>, PreparedKey<Aes>) {
        let sender = Address::from_link_octets([0x2D, 0x2C, 0x78, 0x56, 0x34, 0x12, 0x1B, 0x16]);
        let number = SessionNumber::new(encryption, 0x12_3456, 3).unwrap();
        let ell = Ell {
            control: CommunicationControl(0x20),
            access_number: 7,
            receiver,
            session: Some(EllSession { number, payload_crc: 0 }),
        };
        let mut octets = std::vec![0; ell.encoded_len()];
        ell.encode_into(&mut octets).unwrap();
        octets.extend_from_slice(&[
            0x78, 0x0B, 0x13, 0x43, 0x65, 0x87, 0x02, 0xFF, 0x20, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
        ]);
        let key = PreparedKey::new(&Key::new([0x5A; 16]));
        seal_in_place(&ell, sender, &mut octets, &key).unwrap();
        let (ell, _) = Ell::parse_prefix(&octets).unwrap();
        (ell, sender, octets, key)
    }

    #[test]
    fn seals_and_opens_both_forms() {
        let receiver = Address::from_link_octets([0x93, 0x15, 1, 2, 3, 4, 5, 6]);
        for receiver in [None, Some(receiver)] {
            let (ell, sender, sealed, key) = sealed(receiver, 1);
            let mut octets = sealed.clone();
            let opening = open_in_place(&ell, sender, &mut octets, &key).unwrap();
            assert_eq!((opening.found, opening.octets), (Found::Deciphered, 20));
            assert_eq!(&octets[ell.encoded_len()..][..6], [0x78, 0x0B, 0x13, 0x43, 0x65, 0x87]);
            // Deciphered before, and the session number still says enciphered.
            let again = open_in_place(&ell, sender, &mut octets, &NoKeys).unwrap();
            assert_eq!(again.found, Found::ClearUnannounced);
        }
    }

    #[test]
    fn cipher_text_that_passes_for_clear() {
        // Counted through until the CRC of the enciphered octets fits by chance: about one in 65 536.
        let key = PreparedKey::<Aes>::new(&Key::new([0x5A; 16]));
        let sender = Address::from_link_octets([0x2D, 0x2C, 0x78, 0x56, 0x34, 0x12, 0x1B, 0x16]);
        let found = (0..1_000_000u32).find_map(|minutes| {
            let number = SessionNumber::new(1, minutes, 0)?;
            let session = Some(EllSession { number, payload_crc: 0 });
            let ell = Ell { control: CommunicationControl(0x20), access_number: 7, receiver: None, session };
            let mut octets = [0; 20];
            ell.encode_into(&mut octets).unwrap();
            octets[9..].copy_from_slice(b"x-records-x");
            seal_in_place(&ell, sender, &mut octets, &key).unwrap();
            crc_fits(&octets[7..]).then_some((ell, octets))
        });
        let (ell, mut octets) = found.unwrap();
        assert_eq!(open_in_place(&ell, sender, &mut octets, &NoKeys).unwrap().found, Found::ClearUnannounced);
        assert_eq!(open_in_place(&ell, sender, &mut octets, &key).unwrap().found, Found::Deciphered);
        assert_eq!(&octets[9..], b"x-records-x");
    }

    #[test]
    fn a_repeater_may_set_hop_and_repeat() {
        let (_, sender, mut octets, key) = sealed(None, 1);
        octets[1] |= 0x12;
        let (ell, _) = Ell::parse_prefix(&octets).unwrap();
        assert_eq!(open_in_place(&ell, sender, &mut octets, &key).unwrap().found, Found::Deciphered);
    }

    #[test]
    fn refusals_leave_the_octets_alone() {
        let (ell, sender, sealed_octets, _) = sealed(None, 1);
        let wrong = PreparedKey::<Aes>::new(&Key::new([0; 16]));
        let mut octets = sealed_octets.clone();
        let error = open_in_place(&ell, sender, &mut octets, &wrong).unwrap_err();
        assert_eq!((error.kind, &octets), (ErrorKind::PayloadCrc { tried: 1 }, &sealed_octets));
        let error = open_in_place(&ell, sender, &mut octets, &NoKeys).unwrap_err();
        assert_eq!((error.kind, &octets), (ErrorKind::KeyMissing, &sealed_octets));
        let (ell, sender, mut octets, key) = sealed(None, 0);
        assert_eq!(open_in_place(&ell, sender, &mut octets, &key).unwrap().found, Found::Clear);
        octets[12] ^= 1;
        assert_eq!(
            open_in_place(&ell, sender, &mut octets, &key).unwrap_err().kind,
            ErrorKind::PayloadCrc { tried: 0 }
        );
        for len in 0..octets.len() {
            assert!(open_in_place(&ell, sender, &mut octets[..len].to_vec(), &key).is_err());
        }
    }
}
