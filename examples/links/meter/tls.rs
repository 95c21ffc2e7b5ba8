//! The sending end of a TLS session: application data as records of TLS 1.2 with AES-128-GCM.
//!
//! ```text
//! record   17 | 03 03 | length(2) | explicit nonce(8) | ciphertext | tag(16)
//! nonce    IV(4) of the session | explicit nonce(8)
//! AAD      sequence(8) | 17 | 03 03 | length of the plaintext(2)
//! ```
//!
//! RFC 5246, 6.2.3.3, and RFC 5288: what the suites C02B and 009C protect records with. There is no handshake here; the
//! key and the IV of the session are given, as they would come out of one. Invariant: the explicit nonce is the sequence
//! number, so a nonce comes twice only if a sequence number does.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes128Gcm, Nonce};
use oms_security::mode13::{ContentType, Record};

/// TLS 1.2.
const VERSION: [u8; 2] = [3, 3];

/// What the handshake of a session left to its client: the key and the IV that it writes with.
pub struct Session {
    cipher: Aes128Gcm,
    iv: [u8; 4],
}

/// Never the key.
impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Session(..)")
    }
}

impl Session {
    /// A session of this write key and write IV.
    #[must_use]
    pub fn new(key: &[u8; 16], iv: [u8; 4]) -> Self {
        Self { cipher: Aes128Gcm::new(&(*key).into()), iv }
    }
    fn nonce(&self, explicit: [u8; 8]) -> Nonce<aes_gcm::aead::consts::U12> {
        let mut nonce = [0; 12];
        let (salt, rest) = nonce.split_at_mut(4);
        salt.copy_from_slice(&self.iv);
        rest.copy_from_slice(&explicit);
        nonce.into()
    }
    /// The record of application data with this sequence number, header and all. `None` for more than TLS allows.
    #[must_use]
    pub fn seal(&self, sequence: u64, plaintext: &[u8]) -> Option<Vec<u8>> {
        let explicit = sequence.to_be_bytes();
        let aad = additional(sequence, plaintext.len())?;
        let payload = Payload { msg: plaintext, aad: &aad };
        let sealed = self.cipher.encrypt(&self.nonce(explicit), payload).ok()?;
        let fragment = [&explicit[..], &sealed].concat();
        let content_type = ContentType::APPLICATION_DATA;
        let record = Record { content_type, version: VERSION, fragment: &fragment };
        let mut octets = vec![0; record.encoded_len()];
        record.encode_into(&mut octets).ok()?;
        Some(octets)
    }
    /// The application data in a record with this sequence number; `None` when it is another's, or was changed.
    #[must_use]
    pub fn open(&self, sequence: u64, record: &Record<'_>) -> Option<Vec<u8>> {
        if (record.content_type, record.version) != (ContentType::APPLICATION_DATA, VERSION) {
            return None;
        }
        let (explicit, sealed) = record.fragment.split_first_chunk::<8>()?;
        let aad = additional(sequence, sealed.len().checked_sub(16)?)?;
        self.cipher.decrypt(&self.nonce(*explicit), Payload { msg: sealed, aad: &aad }).ok()
    }
}

/// The additional data of a record whose plaintext has `length` octets, at most 2^14.
fn additional(sequence: u64, length: usize) -> Option<[u8; 13]> {
    let [high, low] = u16::try_from(length).ok().filter(|length| *length <= 1 << 14)?.to_be_bytes();
    let [a, b, c, d, e, f, g, h] = sequence.to_be_bytes();
    let [major, minor] = VERSION;
    Some([a, b, c, d, e, f, g, h, ContentType::APPLICATION_DATA.0, major, minor, high, low])
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;
    use oms_security::mode13::Records;

    #[test]
    fn a_record_has_its_parts_in_their_places() {
        // NIST's test case 2 of GCM (key, IV and plaintext zero) without additional data begins with 0388DACE60B6A392;
        // the additional data of TLS change the tag only.
        let octets = Session::new(&[0; 16], [0; 4]).seal(0, &[0; 16]).unwrap();
        assert_eq!(octets[..5], [0x17, 3, 3, 0, 40]);
        assert_eq!(octets[5..13], [0; 8]);
        assert_eq!(octets[13..21], [0x03, 0x88, 0xDA, 0xCE, 0x60, 0xB6, 0xA3, 0x92]);
    }

    #[test]
    fn only_the_same_session_and_sequence_open_it() {
        let session = Session::new(&[7; 16], [1, 2, 3, 4]);
        let octets = session.seal(5, b"records").unwrap();
        let record = Records::new(&octets).next().unwrap().unwrap();
        assert_eq!(session.open(5, &record).unwrap(), b"records");
        assert_eq!(session.open(6, &record), None);
        assert_eq!(Session::new(&[7; 16], [1, 2, 3, 5]).open(5, &record), None);
        assert_eq!(Session::new(&[8; 16], [1, 2, 3, 4]).open(5, &record), None);
        for bit in 0..octets.len() * 8 {
            let mut flipped = octets.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let record = Records::new(&flipped).next().unwrap();
            assert!(record.is_err() || session.open(5, &record.unwrap()).is_none(), "bit {bit}");
        }
        assert_eq!(session.seal(1, &[0; (1 << 14) + 1]), None);
        assert_eq!(format!("{session:?}"), "Session(..)");
    }
}
