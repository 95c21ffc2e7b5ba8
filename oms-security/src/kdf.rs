//! The key derivation KDF-A: keys for one message (EN 13757-7:2018, 9.4; OMS Vol. 2, 9.4).
//!
//! ```text
//! K = AES-CMAC(message key, DC | C(4) | ID(4) | 07 07 07 07 07 07 07)
//! ```
//!
//! Invariants: C is the message counter as sent, ID the identification number of the meter whichever way
//! the message goes. Manufacturer, version and device type do not enter: never give one key to two
//! meters.

use cipher::common::InnerInit;
use cmac::{Cmac, Mac};
use mbus_link::IdentificationNumber;
use zeroize::Zeroizing;

use crate::key::{BlockCipher128, Key, PreparedKey};

/// DC: what a derived key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct DerivationConstant(pub u8);

impl DerivationConstant {
    /// Kenc: encryption, from the meter.
    pub const ENCRYPTION_FROM_METER: Self = Self(0x00);
    /// Kmac: authentication, from the meter.
    pub const MAC_FROM_METER: Self = Self(0x01);
    /// Lenc: encryption, to the meter.
    pub const ENCRYPTION_TO_METER: Self = Self(0x10);
    /// Lmac: authentication, to the meter.
    pub const MAC_TO_METER: Self = Self(0x11);
}

/// Derives a key.
#[must_use]
pub fn derive<C: BlockCipher128>(
    key: &PreparedKey<C>,
    constant: DerivationConstant,
    counter: u32,
    meter: IdentificationNumber,
) -> Key {
    let [c0, c1, c2, c3] = counter.to_le_bytes();
    let [i0, i1, i2, i3] = meter.octets();
    let input = [constant.0, c0, c1, c2, c3, i0, i1, i2, i3, 7, 7, 7, 7, 7, 7, 7];
    Key::new(*cmac(key, &[&input]))
}

/// AES-CMAC over parts that follow one another (NIST SP 800-38B).
#[must_use]
pub fn cmac<C: BlockCipher128>(key: &PreparedKey<C>, parts: &[&[u8]]) -> Zeroizing<[u8; 16]> {
    let mut mac = <Cmac<&C> as InnerInit>::inner_init(key.cipher());
    for part in parts {
        mac.update(part);
    }
    Zeroizing::new(mac.finalize().into_bytes().into())
}

#[cfg(test)]
#[cfg(feature = "aes")]
mod tests {
    use super::*;
    use crate::key::Aes;

    fn key(text: &str) -> PreparedKey<Aes> {
        PreparedKey::new(&text.parse().unwrap_or(Key::new([0; 16])))
    }

    #[test]
    fn printed_keys() {
        // OMS Vol. 2 Annex N, N.2.3 (Kenc, Kmac; the annex prints Kmac with one octet missing) and N.12.2
        // (Lenc, Lmac).
        let master = key("000102030405060708090A0B0C0D0E0F");
        let meter = "12345678".parse().unwrap();
        for (constant, counter, expected) in [
            (DerivationConstant::ENCRYPTION_FROM_METER, 2739, "ECCF39D475D730B8284FDFDC1995D52F"),
            (DerivationConstant::MAC_FROM_METER, 2739, "C9CD19FF5A9AAD5A6BBDA13BD2C4C7AD"),
            (DerivationConstant::ENCRYPTION_TO_METER, 2800, "C80712E720025DB9B4B50819C2445035"),
            (DerivationConstant::MAC_TO_METER, 2800, "B68594D44212BBBBFD9905CC4021235B"),
            // Not printed; computed by another implementation.
            (DerivationConstant::ENCRYPTION_TO_METER, 2739, "A9D4883E284217CAA4B6325F75B48444"),
            (DerivationConstant::MAC_TO_METER, 2739, "AE001B2FED6E042C3E6C4D8833D4BE1D"),
        ] {
            let derived = derive(&master, constant, counter, meter);
            assert_eq!(derived.octets(), expected.parse::<Key>().unwrap().octets());
        }
    }

    #[test]
    fn printed_cmac() {
        // RFC 4493, 4: examples 1 to 4; the message in parts gives the same.
        let k = key("2B7E151628AED2A6ABF7158809CF4F3C");
        let message = [
            0x6B, 0xC1, 0xBE, 0xE2, 0x2E, 0x40, 0x9F, 0x96, 0xE9, 0x3D, 0x7E, 0x11, 0x73, 0x93, 0x17, 0x2A,
            0xAE, 0x2D, 0x8A, 0x57, 0x1E, 0x03, 0xAC, 0x9C, 0x9E, 0xB7, 0x6F, 0xAC, 0x45, 0xAF, 0x8E, 0x51,
            0x30, 0xC8, 0x1C, 0x46, 0xA3, 0x5C, 0xE4, 0x11, 0xE5, 0xFB, 0xC1, 0x19, 0x1A, 0x0A, 0x52, 0xEF,
            0xF6, 0x9F, 0x24, 0x45, 0xDF, 0x4F, 0x9B, 0x17, 0xAD, 0x2B, 0x41, 0x7B, 0xE6, 0x6C, 0x37, 0x10,
        ];
        for (len, expected) in [
            (0, "BB1D6929E95937287FA37D129B756746"),
            (16, "070A16B46B4D4144F79BDD9DD04A287C"),
            (40, "DFA66747DE9AE63030CA32611497C827"),
            (64, "51F0BEBF7E3B9D92FC49741779363CFE"),
        ] {
            let expected: Key = expected.parse().unwrap();
            assert_eq!(*cmac(&k, &[&message[..len]]), *expected.octets());
            assert_eq!(*cmac(&k, &[&message[..len / 3], &[], &message[len / 3..len]]), *expected.octets());
        }
    }
}
