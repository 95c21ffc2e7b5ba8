//! Mode 8: AES-128 in counter mode, and a CMAC in the AFL. Experimental.
//!
//! What is public says that much and no more: neither the configuration field extension, nor the counter
//! block, nor how the keys are made has been published. So nothing here guesses: [`Experimental`] takes
//! from its caller what is missing, and adds what is known, that the CMAC of the AFL covers MCL, KI, MCR, ML
//! and the message from its transport CI on (EN 13757-7:2018, clause 6). Invariants: the MAC is checked before
//! anything is deciphered, a message without one is refused; after an error the octets are as they were.

use cipher::{InnerIvInit, StreamCipher};
use ctr::{Ctr32BE, CtrCore};

use crate::afl::Mac;
use crate::key::{BlockCipher128, PreparedKey};
use crate::mode::SecurityMode;
use crate::mode7::{mac, mac_fits};
use crate::sealed::{Found, MIN_AUTHENTIC, Opening, SecurityContext, cmac_sent};
use crate::{Error, ErrorKind};

/// Opens and seals messages of mode 8, with all that is not published given by the caller.
///
/// Naming this type is how a caller says that he knows it: [`crate::sealed::open`] refuses mode 8.
///
/// ```
/// use oms_security::afl::{AflMessage, MessageControl};
/// use oms_security::configuration::Configuration;
/// use oms_security::key::{Aes, Key, PreparedKey};
/// use oms_security::mode8::Experimental;
/// use oms_security::sealed::SecurityContext;
///
/// let encryption = PreparedKey::<Aes>::new(&Key::new([1; 16]));
/// let authentication = PreparedKey::<Aes>::new(&Key::new([2; 16]));
/// let mode8 = Experimental {
///     encryption: &encryption,
///     authentication: &authentication,
///     counter_block: [0x93, 0x15, 0x78, 0x56, 0x34, 0x12, 0x33, 0x03, 1, 0, 0, 0, 0, 0, 0, 0],
/// };
/// let afl = AflMessage { message_control: Some(MessageControl(0x05)), ..AflMessage::default() };
/// let configuration = Configuration { field: 0x0800, ..Configuration::default() };
/// let mut context = SecurityContext { configuration, afl: Some(afl), ..SecurityContext::default() };
/// let mut message = *b"\x7A\x01\x00\x00\x08\x02\xFD\x17\x00\x00";
/// let mac = mode8.seal(&context, &mut message, 5..10)?;
/// assert_ne!(message[5..], [0x02, 0xFD, 0x17, 0x00, 0x00]);
/// context.afl = Some(AflMessage { mac: Some(mac), ..afl });
/// assert!(mode8.open(&context, &mut message, 5..10)?.authenticated);
/// assert_eq!(message[5..], [0x02, 0xFD, 0x17, 0x00, 0x00]);
/// # Ok::<(), oms_security::Error>(())
/// ```
#[derive(Debug)]
pub struct Experimental<'k, C> {
    /// The key of the counter mode.
    pub encryption: &'k PreparedKey<C>,
    /// The key of the CMAC.
    pub authentication: &'k PreparedKey<C>,
    /// The first counter block; its last four octets count up, the most significant first.
    pub counter_block: [u8; 16],
}

impl<C: BlockCipher128> Experimental<'_, C> {
    /// Checks the MAC of the AFL over `message`, which begins with its transport CI, and deciphers the octets
    /// of `enciphered` in place. No [`Opening::counter`] comes out: whose counter it is, is not published.
    ///
    /// # Errors
    /// [`ErrorKind::UnsupportedMode`] for another mode; [`ErrorKind::MacMissing`];
    /// [`ErrorKind::UnsupportedMac`] for a GMAC; [`ErrorKind::ReservedAflBits`]; [`ErrorKind::Mac`];
    /// [`ErrorKind::CiphertextTruncated`] when `enciphered` is not within the message;
    /// [`ErrorKind::MessageTooLong`]. The message is as it was then.
    pub fn open(
        &self,
        context: &SecurityContext,
        message: &mut [u8],
        enciphered: core::ops::Range<usize>,
    ) -> Result<Opening, Error> {
        let at = enciphered.start;
        check_mode(context).map_err(|kind| kind.at(at))?;
        let (afl, sent) = cmac_sent(context).map_err(|kind| kind.at(at))?;
        let (announced, available) = (enciphered.end, message.len());
        if message.get(enciphered.clone()).is_none() {
            return Err(ErrorKind::CiphertextTruncated { announced, available }.at(at));
        }
        if !mac_fits(&mac(self.authentication, &afl, message), sent.octets()) {
            return Err(ErrorKind::Mac { tried: 1 }.at(at));
        }
        let octets = message.get_mut(enciphered).unwrap_or_default();
        self.apply(octets).map_err(|kind| kind.at(at))?;
        let authenticated = sent.octets().len() >= MIN_AUTHENTIC;
        Ok(Opening { found: Found::Deciphered, authenticated, enciphered: octets.len(), ..Opening::CLEAR })
    }
    /// Enciphers the octets of `enciphered` in place and gives the MAC for the AFL. Never use a counter block,
    /// nor one that another message counts up to, twice with one key.
    ///
    /// # Errors
    /// As [`Experimental::open`], without [`ErrorKind::Mac`].
    pub fn seal(
        &self,
        context: &SecurityContext,
        message: &mut [u8],
        enciphered: core::ops::Range<usize>,
    ) -> Result<Mac, Error> {
        let at = enciphered.start;
        check_mode(context).map_err(|kind| kind.at(at))?;
        let afl = context.afl.ok_or(ErrorKind::MacMissing.at(at))?;
        let control = afl.message_control.filter(|control| control.is_cmac());
        let len = control.and_then(|control| control.mac_len()).ok_or(ErrorKind::MacMissing.at(at))?;
        let (announced, available) = (enciphered.end, message.len());
        let octets = message
            .get_mut(enciphered)
            .ok_or(ErrorKind::CiphertextTruncated { announced, available }.at(at))?;
        self.apply(octets).map_err(|kind| kind.at(at))?;
        let mac = mac(self.authentication, &afl, message);
        mac.get(..len).and_then(Mac::new).ok_or(ErrorKind::MacMissing.at(at))
    }
    fn apply(&self, octets: &mut [u8]) -> Result<(), ErrorKind> {
        let length = octets.len();
        let core = CtrCore::inner_iv_init(self.encryption.cipher(), &self.counter_block.into());
        let mut stream = Ctr32BE::<&C>::from_core(core);
        stream.try_apply_keystream(octets).map_err(|_| ErrorKind::MessageTooLong { length })
    }
}

fn check_mode(context: &SecurityContext) -> Result<(), ErrorKind> {
    match context.configuration.mode() {
        SecurityMode::AES_CTR_CMAC => Ok(()),
        mode => Err(ErrorKind::UnsupportedMode { mode }),
    }
}

#[cfg(test)]
#[cfg(feature = "aes")]
mod tests {
    use super::*;
    use crate::afl::{AflMessage, MessageControl};
    use crate::configuration::Configuration;
    use crate::key::{Aes, Key};

    fn context(control: u8, mac: Option<Mac>) -> SecurityContext {
        let configuration = Configuration { field: 0x0800, ..Configuration::default() };
        let message_control = Some(MessageControl(control));
        let afl = AflMessage { message_control, message_counter: Some(5), mac, ..AflMessage::default() };
        SecurityContext { configuration, afl: Some(afl), ..SecurityContext::default() }
    }

    #[test]
    fn every_mac_length_and_every_flipped_bit() {
        let key = |n| PreparedKey::<Aes>::new(&Key::new([n; 16]));
        let (encryption, authentication) = (key(1), key(2));
        let mode8 = Experimental {
            encryption: &encryption,
            authentication: &authentication,
            counter_block: [0xFF; 16],
        };
        let plain = *b"\x7A\x01\x00\x00\x08 octets that nobody else may read";
        for control in 0x23..=0x27 {
            let mut sealed = plain;
            let mac = mode8.seal(&context(control, None), &mut sealed, 5..30).unwrap();
            assert_eq!(Some(mac.octets().len()), MessageControl(control).mac_len());
            assert_eq!((&sealed[..5], &sealed[30..]), (&plain[..5], &plain[30..]));
            let mut message = sealed;
            let opening = mode8.open(&context(control, Some(mac)), &mut message, 5..30).unwrap();
            assert_eq!((message, opening.authenticated), (plain, control > 0x24));
            for bit in 0..sealed.len() * 8 {
                let mut message = sealed;
                message[bit / 8] ^= 1 << (bit % 8);
                let before = message;
                let error = mode8.open(&context(control, Some(mac)), &mut message, 5..30).unwrap_err();
                assert_eq!((error.kind, message), (ErrorKind::Mac { tried: 1 }, before));
            }
        }
    }

    #[test]
    fn refusals() {
        let key = PreparedKey::<Aes>::new(&Key::new([1; 16]));
        let mode8 = Experimental { encryption: &key, authentication: &key, counter_block: [0; 16] };
        let mac = Mac::new(&[0; 8]);
        let kind = |context: &SecurityContext, to| {
            let mut message = [0; 10];
            mode8.open(context, &mut message, 5..to).unwrap_err().kind.name()
        };
        assert_eq!(kind(&context(0x25, None), 10), "mac_missing");
        assert_eq!(kind(&context(0x28, mac), 10), "unsupported_mac");
        assert_eq!(kind(&context(0x25, mac), 11), "ciphertext_truncated");
        assert_eq!(kind(&SecurityContext::default(), 10), "unsupported_mode");
        let mut message = [0; 10];
        for (context, to, name) in [
            (context(0x20, None), 10, "mac_missing"),
            (context(0x25, None), 11, "ciphertext_truncated"),
            (SecurityContext::default(), 10, "unsupported_mode"),
        ] {
            assert_eq!(mode8.seal(&context, &mut message, 5..to).unwrap_err().kind.name(), name);
        }
        assert_eq!(
            crate::sealed::open(&context(0x25, mac), &mut message, 5, &key).unwrap_err().kind.name(),
            "unsupported_mode"
        );
    }
}
