//! Mode 7, profile B: AES-128-CBC with derived keys, initialisation vector zero, and a CMAC in the AFL.
//!
//! EN 13757-7:2018, 7.6.6 and 9.4. Invariants: the MAC is checked over the enciphered message before
//! anything is deciphered; the counter is that of the configuration if it has one, else that of the AFL;
//! the identification number is that of the meter in both directions.

use subtle::ConstantTimeEq;

use crate::afl::AflMessage;
use crate::kdf::{DerivationConstant, cmac, derive};
use crate::key::{BlockCipher128, PreparedKey};
use crate::sealed::{Direction, SecurityContext};

/// The keys of one message.
pub(crate) struct MessageKeys<C> {
    pub(crate) encryption: PreparedKey<C>,
    pub(crate) authentication: PreparedKey<C>,
}

/// Derives the keys of a message, or takes the message key for both when nothing is to be derived.
pub(crate) fn message_keys<C: BlockCipher128>(
    key: &PreparedKey<C>,
    context: &SecurityContext,
    counter: u32,
) -> MessageKeys<C> {
    let (encryption, authentication) = match context.direction {
        Direction::FromMeter => {
            (DerivationConstant::ENCRYPTION_FROM_METER, DerivationConstant::MAC_FROM_METER)
        }
        Direction::ToMeter => (DerivationConstant::ENCRYPTION_TO_METER, DerivationConstant::MAC_TO_METER),
    };
    let of = |constant| PreparedKey::new(&derive(key, constant, counter, context.meter.identification));
    MessageKeys { encryption: of(encryption), authentication: of(authentication) }
}

/// The MAC of a message: the first `len` octets count.
pub(crate) fn mac<C: BlockCipher128>(key: &PreparedKey<C>, afl: &AflMessage, message: &[u8]) -> [u8; 16] {
    *cmac(key, &[afl.mac_input().octets(), message])
}

/// True when `sent` is the beginning of the MAC; takes the same time wherever they differ.
pub(crate) fn mac_fits(computed: &[u8; 16], sent: &[u8]) -> bool {
    match computed.get(..sent.len()) {
        Some(computed) if !sent.is_empty() => computed.ct_eq(sent).into(),
        _ => false,
    }
}
