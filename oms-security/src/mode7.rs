//! Mode 7, profile B: AES-128-CBC with derived keys, initialisation vector zero, and a CMAC in the AFL.
//!
//! EN 13757-7:2018, 7.6.6 and 9.4. Invariants: the MAC is checked over the enciphered message before
//! anything is deciphered; the counter is that of the configuration if it has one, else that of the AFL;
//! the identification number is that of the meter in both directions. With DD = 0 the message key takes
//! the place of both derived keys; such messages open, since the MAC proves them, and are not sealed, since
//! OMS demands DD = 1.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::afl::{AflMessage, Mac};
use crate::kdf::{DerivationConstant, cmac, derive};
use crate::key::{BlockCipher128, KeyProvider, PreparedKey};
use crate::mode5::{self, BLOCK};
use crate::sealed::{
    Direction, Opening, Reading, SecurityContext, candidates, cmac_sent, none_fits, readings, request,
};
use crate::{Error, ErrorKind};

/// What a derived key is for.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    Encryption,
    Authentication,
}

/// The key of one message.
pub(crate) enum MessageKey<'k, C> {
    Derived(PreparedKey<C>),
    Persistent(&'k PreparedKey<C>),
}

impl<'k, C: BlockCipher128> MessageKey<'k, C> {
    /// Derives it, or takes the message key when nothing is to be derived.
    pub(crate) fn new(
        key: &'k PreparedKey<C>,
        context: &SecurityContext,
        reading: &Reading,
        purpose: Purpose,
    ) -> Self {
        let constant = match (context.direction, purpose) {
            (Direction::FromMeter, Purpose::Encryption) => DerivationConstant::ENCRYPTION_FROM_METER,
            (Direction::FromMeter, Purpose::Authentication) => DerivationConstant::MAC_FROM_METER,
            (Direction::ToMeter, Purpose::Encryption) => DerivationConstant::ENCRYPTION_TO_METER,
            (Direction::ToMeter, Purpose::Authentication) => DerivationConstant::MAC_TO_METER,
        };
        if reading.derived {
            let derived = derive(key, constant, reading.counter, context.meter.identification);
            Self::Derived(key.rekeyed(&derived))
        } else {
            Self::Persistent(key)
        }
    }
    /// It, prepared.
    pub(crate) const fn key(&self) -> &PreparedKey<C> {
        match self {
            Self::Derived(key) => key,
            Self::Persistent(key) => key,
        }
    }
}

/// The MAC of a message: the first octets of it are sent.
pub(crate) fn mac<C: BlockCipher128>(
    key: &PreparedKey<C>,
    afl: &AflMessage,
    message: &[u8],
) -> Zeroizing<[u8; 16]> {
    cmac(key, &[afl.mac_input().octets(), message])
}

/// True when `sent` is the beginning of the MAC; takes the same time wherever they differ.
pub(crate) fn mac_fits(computed: &[u8; 16], sent: &[u8]) -> bool {
    match computed.get(..sent.len()) {
        Some(computed) if !sent.is_empty() => computed.ct_eq(sent).into(),
        _ => false,
    }
}

/// The first candidate and reading whose MAC key makes the MAC that was sent.
pub(crate) fn authenticate<'k, P: KeyProvider + ?Sized>(
    context: &SecurityContext,
    message: &[u8],
    keys: &'k P,
) -> Result<Vouched<'k, P>, ErrorKind> {
    let (afl, sent) = cmac_sent(context)?;
    let mut most = 0usize;
    for reading in readings(context)?.into_iter().flatten() {
        let mut tried = 0usize;
        let request = request(context, reading.version);
        for n in 0..crate::key::MAX_CANDIDATES {
            let Some(key) = keys.candidate(&request, n) else { break };
            let authentication = MessageKey::new(key, context, &reading, Purpose::Authentication);
            if mac_fits(&mac(authentication.key(), &afl, message), sent.octets()) {
                return Ok((key, reading, sent));
            }
            tried = tried.saturating_add(1);
        }
        most = most.max(tried);
    }
    Err(none_fits(most, ErrorKind::Mac { tried: most }))
}

/// What a MAC vouches for: the key that made it, how its keys are derived, and the MAC.
pub(crate) type Vouched<'k, P> = (&'k PreparedKey<<P as KeyProvider>::Cipher>, Reading, Mac);

/// What a MAC in the AFL says of a message whose mode demands none: nothing when there is no MAC, no key or
/// no way to check it.
pub(crate) fn vouch<'k, P: KeyProvider + ?Sized>(
    context: &SecurityContext,
    message: &[u8],
    keys: &'k P,
) -> Result<Option<Vouched<'k, P>>, ErrorKind> {
    let has_mac = context.afl.is_some_and(|afl| afl.mac.is_some());
    // Asked first: a program without keys then carries nothing of what a MAC that fits leads to.
    if !has_mac || candidates(keys, &request(context, None)).next().is_none() {
        return Ok(None);
    }
    match authenticate(context, message, keys) {
        Ok(vouched) => Ok(Some(vouched)),
        Err(
            ErrorKind::KeyMissing | ErrorKind::UnsupportedMac { .. } | ErrorKind::UnsupportedField { .. },
        ) => Ok(None),
        Err(kind) => Err(kind),
    }
}

/// See [`crate::sealed::open`].
pub(crate) fn open<P: KeyProvider + ?Sized>(
    context: &SecurityContext,
    message: &mut [u8],
    body: usize,
    keys: &P,
) -> Result<Opening, Error> {
    let configuration = &context.configuration;
    let available = message.len().saturating_sub(body);
    let len = mode5::enciphered_octets(configuration.encrypted_blocks().unwrap_or_default(), available)
        .map_err(|kind| kind.at(body))?;
    let (key, reading, sent) = authenticate(context, message, keys).map_err(|kind| kind.at(body))?;
    let octets = message.get_mut(body..).unwrap_or_default();
    if len > 0 {
        let encryption = MessageKey::new(key, context, &reading, Purpose::Encryption);
        let enciphered = octets.get_mut(..len).unwrap_or_default();
        if !mode5::decipher(encryption.key(), [0; BLOCK], enciphered) {
            return Err(ErrorKind::CheckOctets { tried: 1 }.at(body));
        }
    }
    let trailer = if configuration.is_padded() { padding(octets) } else { 0 };
    let enciphered = len.min(available.saturating_sub(trailer));
    Ok(Opening::verified(context, key, reading, sent, (enciphered, trailer)))
}

/// Octets at the end that each say how many they are; 0 when they do not.
fn padding(body: &[u8]) -> usize {
    let Some(&last) = body.last() else { return 0 };
    let count = usize::from(last);
    let is_padding =
        (1..=BLOCK).contains(&count) && body.iter().rev().take(count).all(|octet| *octet == last);
    if is_padding && count <= body.len() { count } else { 0 }
}

/// See [`crate::sealed::seal`].
pub(crate) fn seal<C: BlockCipher128>(
    context: &SecurityContext,
    message: &mut [u8],
    body: usize,
    key: &PreparedKey<C>,
) -> Result<Mac, Error> {
    let at = |kind: ErrorKind| kind.at(body);
    let (.., reading) = announced(context).map_err(at)?;
    let encryption = MessageKey::new(key, context, &reading, Purpose::Encryption);
    mode5::seal_blocks(context, message, body, encryption.key(), [0; BLOCK])?;
    sign(context, message, key).map_err(at)
}

/// The AFL that is to have a MAC, the octets of it, and how its key is derived.
fn announced(context: &SecurityContext) -> Result<(AflMessage, usize, Reading), ErrorKind> {
    let afl = context.afl.ok_or(ErrorKind::MacMissing)?;
    let control = afl.message_control.filter(|control| control.is_cmac()).ok_or(ErrorKind::MacMissing)?;
    let len = control.mac_len().ok_or(ErrorKind::MacMissing)?;
    let reading = readings(context)?.into_iter().flatten().next().filter(|reading| reading.derived);
    let reading = reading.ok_or(ErrorKind::UnsupportedField { field: "the key derivation" })?;
    Ok((afl, len, reading))
}

/// The MAC that MCL of the AFL announces, over the message as it will be sent.
pub(crate) fn sign<C: BlockCipher128>(
    context: &SecurityContext,
    message: &[u8],
    key: &PreparedKey<C>,
) -> Result<Mac, ErrorKind> {
    let (afl, len, reading) = announced(context)?;
    let authentication = MessageKey::new(key, context, &reading, Purpose::Authentication);
    let mac = mac(authentication.key(), &afl, message);
    mac.get(..len).and_then(Mac::new).ok_or(ErrorKind::MacMissing)
}

/// The same where the mode demands no MAC: none when MCL announces none.
pub(crate) fn sign_if_announced<C: BlockCipher128>(
    context: &SecurityContext,
    message: &[u8],
    key: &PreparedKey<C>,
) -> Result<Option<Mac>, ErrorKind> {
    let control = context.afl.and_then(|afl| afl.message_control).unwrap_or_default();
    if control.is_cmac() { sign(context, message, key).map(Some) } else { Ok(None) }
}
