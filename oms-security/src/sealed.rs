//! Sealed messages, and what comes out of them.
//!
//! ```text
//! CI | transport header | enciphered octets | clear octets | [tag]
//! \____________________ the message ________________________/
//! ```
//!
//! Invariants: a [`Sealed`] shows nothing of its body, an [`Opened`] is made by opening only. Where the mode
//! has a MAC or tag it is checked before anything is deciphered or given out. After an error the
//! message is as it was; several keys can be tried one after the other.

use mbus_link::Address;

use crate::afl::AflMessage;
use crate::configuration::Configuration;
use crate::key::{BlockCipher128, KeyProvider, KeyRequest, MAX_CANDIDATES, PreparedKey};
use crate::mode::SecurityMode;
use crate::mode5::{self, BLOCK};
use crate::replay::CounterUse;
use crate::{Error, ErrorKind, mode7, mode10};

/// Which way a message goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Direction {
    /// From the meter.
    #[default]
    FromMeter,
    /// To the meter.
    ToMeter,
}

/// What opening and sealing need to know beside the octets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SecurityContext {
    /// The meter: from the long transport header if there is one, else from the link layer. Never the
    /// receiver address of an extended link layer.
    pub meter: Address,
    /// The access number of the transport layer.
    pub access_number: u8,
    /// Which way the message goes.
    pub direction: Direction,
    /// The configuration field.
    pub configuration: Configuration,
    /// What the AFL says, if there is one.
    pub afl: Option<AflMessage>,
}

/// How the body of a message was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Found {
    /// In clear, as announced.
    Clear,
    /// Enciphered; it was deciphered.
    Deciphered,
    /// In clear although the configuration field announces encryption: somebody deciphered it before, or
    /// somebody without the key made it.
    ClearUnannounced,
}

/// What opening a message found out; where the parts lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Opening {
    /// How the body was found.
    pub found: Found,
    /// True when a MAC or tag was there and fits.
    pub authenticated: bool,
    /// Octets at the beginning of the body that were enciphered.
    pub enciphered: usize,
    /// Octets at the end of the message that are no body: the tag, padding that says its own number.
    pub trailer: usize,
    /// The counter, for the replay guard; only where it was authenticated.
    pub counter: Option<CounterUse>,
}

/// A message whose body may be enciphered.
#[derive(Debug)]
pub struct Sealed<'b> {
    context: SecurityContext,
    message: &'b mut [u8],
    body: usize,
}

/// A message that was opened.
#[derive(Clone, Copy, Debug)]
pub struct Opened<'b> {
    body: &'b [u8],
    opening: Opening,
}

impl<'b> Sealed<'b> {
    /// `message` from its transport CI on; its body begins at octet `body`.
    #[must_use]
    pub const fn new(context: SecurityContext, message: &'b mut [u8], body: usize) -> Self {
        Self { context, message, body }
    }
    /// The context.
    #[must_use]
    pub const fn context(&self) -> &SecurityContext {
        &self.context
    }
    /// Opens the message in its own buffer.
    ///
    /// # Errors
    /// See [`open`]. The message is as it was then.
    pub fn open_in_place<P: KeyProvider + ?Sized>(self, keys: &P) -> Result<Opened<'b>, Error> {
        let Self { context, message, body } = self;
        let opening = open(&context, message, body, keys)?;
        let end = message.len().saturating_sub(opening.trailer);
        Ok(Opened { body: message.get(body..end).unwrap_or_default(), opening })
    }
    /// Opens a copy of the message in another buffer; the message stays as it is.
    ///
    /// # Errors
    /// [`ErrorKind::BufferTooSmall`], and see [`open`]. The buffer then holds the message as sent.
    pub fn open_into<'o, P: KeyProvider + ?Sized>(
        &self,
        buffer: &'o mut [u8],
        keys: &P,
    ) -> Result<Opened<'o>, Error> {
        let (needed, available) = (self.message.len(), buffer.len());
        let Some(copy) = buffer.get_mut(..needed) else {
            return Err(ErrorKind::BufferTooSmall { needed, available }.at(available));
        };
        copy.copy_from_slice(self.message);
        Sealed::new(self.context, copy, self.body).open_in_place(keys)
    }
}

impl<'b> Opened<'b> {
    /// The body in clear: records and fillers, without check octets of its own meaning, tag or padding.
    #[must_use]
    pub const fn body(&self) -> &'b [u8] {
        self.body
    }
    /// What opening found out.
    #[must_use]
    pub const fn opening(&self) -> &Opening {
        &self.opening
    }
    /// The part of the body that was enciphered.
    #[must_use]
    pub fn enciphered_part(&self) -> &'b [u8] {
        self.body.get(..self.opening.enciphered).unwrap_or_default()
    }
    /// The part of the body that anybody could read, and without authentication alter.
    #[must_use]
    pub fn clear_part(&self) -> &'b [u8] {
        self.body.get(self.opening.enciphered..).unwrap_or_default()
    }
}

/// Opens `message` in place. It begins with its transport CI, its body at octet `body`.
///
/// # Errors
/// [`ErrorKind::KeyMissing`]; [`ErrorKind::CheckOctets`], [`ErrorKind::Mac`], [`ErrorKind::Tag`] when no key fits;
/// [`ErrorKind::MacMissing`] and [`ErrorKind::CounterMissing`] when the mode demands them;
/// [`ErrorKind::CiphertextTruncated`]; [`ErrorKind::MessageLength`]; [`ErrorKind::UnsupportedMode`],
/// [`ErrorKind::UnsupportedField`]. The message is as it was then.
pub fn open<P: KeyProvider + ?Sized>(
    context: &SecurityContext,
    message: &mut [u8],
    body: usize,
    keys: &P,
) -> Result<Opening, Error> {
    let mode = context.configuration.mode();
    if let Some(announced) = context.afl.and_then(|afl| afl.message_length) {
        if usize::from(announced) != message.len() {
            let kind =
                ErrorKind::MessageLength { announced: usize::from(announced), available: message.len() };
            return Err(kind.at(0));
        }
    }
    match mode {
        SecurityMode::NONE => Ok(Opening {
            found: Found::Clear,
            authenticated: false,
            enciphered: 0,
            trailer: 0,
            counter: None,
        }),
        SecurityMode::AES_CBC_IV => open_mode5(context, message, body, keys),
        SecurityMode::AES_CBC_KDF => open_mode7(context, message, body, keys),
        SecurityMode::AES_CCM => open_mode10(context, message, body, keys),
        mode => Err(ErrorKind::UnsupportedMode { mode }.at(body)),
    }
}

/// Octets at the beginning of a body of `available` octets that NNNN says are enciphered.
fn cbc_octets(blocks: u8, available: usize) -> Result<usize, ErrorKind> {
    let announced = match blocks {
        // All of it; a body that is longer than fifteen blocks and has a rest is enciphered up to there.
        15 if available % BLOCK == 0 => available,
        n => usize::from(n).saturating_mul(BLOCK),
    };
    if announced > available {
        return Err(ErrorKind::CiphertextTruncated { announced, available });
    }
    Ok(announced)
}

fn request(context: &SecurityContext) -> KeyRequest {
    let configuration = &context.configuration;
    let afl = context.afl.unwrap_or_default();
    KeyRequest {
        meter: context.meter,
        mode: configuration.mode(),
        key_id: afl.key_id().or(configuration.key_id()).unwrap_or_default(),
        key_version: afl.key_version().or(configuration.key_version),
    }
}

fn candidates<'k, P: KeyProvider + ?Sized>(
    keys: &'k P,
    request: &'k KeyRequest,
) -> impl Iterator<Item = &'k PreparedKey<P::Cipher>> {
    (0..MAX_CANDIDATES).map_while(move |n| keys.candidate(request, n))
}

fn open_mode5<P: KeyProvider + ?Sized>(
    context: &SecurityContext,
    message: &mut [u8],
    body: usize,
    keys: &P,
) -> Result<Opening, Error> {
    let mut opening =
        Opening { found: Found::Clear, authenticated: false, enciphered: 0, trailer: 0, counter: None };
    let octets = message.get_mut(body..).unwrap_or_default();
    let blocks = context.configuration.encrypted_blocks().unwrap_or_default();
    let len = cbc_octets(blocks, octets.len()).map_err(|kind| kind.at(body))?;
    let enciphered = octets.get_mut(..len).unwrap_or_default();
    if enciphered.is_empty() {
        return Ok(opening);
    }
    let vector = mode5::initialisation_vector(context.meter, context.access_number);
    let request = request(context);
    let mut tried = 0usize;
    for key in candidates(keys, &request) {
        if mode5::decipher(key, vector, enciphered) {
            (opening.found, opening.enciphered) = (Found::Deciphered, len);
            return Ok(opening);
        }
        tried = tried.saturating_add(1);
    }
    if enciphered.starts_with(&mode5::CHECK) {
        opening.found = Found::ClearUnannounced;
        return Ok(opening);
    }
    Err(if tried == 0 { ErrorKind::KeyMissing } else { ErrorKind::CheckOctets { tried } }.at(body))
}

/// The counter that the keys of a message are derived from.
fn message_counter(context: &SecurityContext) -> Option<u32> {
    context.configuration.counter.or(context.afl.and_then(|afl| afl.message_counter))
}

fn counter_use(context: &SecurityContext, counter: u32, fingerprint: [u8; 8]) -> CounterUse {
    let request = request(context);
    CounterUse {
        meter: context.meter,
        to_meter: context.direction == Direction::ToMeter,
        key_id: request.key_id,
        key_version: request.key_version.unwrap_or_default(),
        counter,
        fingerprint,
    }
}

fn check_derivation(configuration: &Configuration, body: usize) -> Result<(), Error> {
    match configuration.key_derivation() {
        Some(1) => Ok(()),
        _ => Err(ErrorKind::UnsupportedField { field: "the key derivation" }.at(body)),
    }
}

fn open_mode7<P: KeyProvider + ?Sized>(
    context: &SecurityContext,
    message: &mut [u8],
    body: usize,
    keys: &P,
) -> Result<Opening, Error> {
    let configuration = &context.configuration;
    let afl = context.afl.ok_or(ErrorKind::MacMissing.at(body))?;
    let sent = afl.mac.ok_or(ErrorKind::MacMissing.at(body))?;
    match afl.message_control {
        Some(control) if control.is_cmac() => {}
        Some(control) => {
            let authentication_type = control.authentication_type();
            return Err(ErrorKind::UnsupportedMac { authentication_type }.at(body));
        }
        None => return Err(ErrorKind::MacMissing.at(body)),
    }
    check_derivation(configuration, body)?;
    let counter = message_counter(context).ok_or(ErrorKind::CounterMissing.at(body))?;
    let available = message.len().saturating_sub(body);
    let len = cbc_octets(configuration.encrypted_blocks().unwrap_or_default(), available)
        .map_err(|kind| kind.at(body))?;
    let request = request(context);
    let mut tried = 0usize;
    for key in candidates(keys, &request) {
        let keys = mode7::message_keys(key, context, counter);
        if !mode7::mac_fits(&mode7::mac(&keys.authentication, &afl, message), sent.octets()) {
            tried = tried.saturating_add(1);
            continue;
        }
        let octets = message.get_mut(body..).and_then(|body| body.get_mut(..len)).unwrap_or_default();
        if len > 0 && !mode5::decipher(&keys.encryption, [0; BLOCK], octets) {
            return Err(ErrorKind::CheckOctets { tried: tried.saturating_add(1) }.at(body));
        }
        let trailer =
            if configuration.is_padded() { padding(message.get(body..).unwrap_or_default()) } else { 0 };
        return Ok(Opening {
            found: if len > 0 { Found::Deciphered } else { Found::Clear },
            authenticated: true,
            enciphered: len.min(available.saturating_sub(trailer)),
            trailer,
            counter: Some(counter_use(context, counter, sent.fingerprint())),
        });
    }
    Err(if tried == 0 { ErrorKind::KeyMissing } else { ErrorKind::Mac { tried } }.at(body))
}

/// Octets at the end that each say how many they are; 0 when they do not.
fn padding(body: &[u8]) -> usize {
    let Some(&last) = body.last() else { return 0 };
    let count = usize::from(last);
    let is_padding =
        (1..=BLOCK).contains(&count) && body.iter().rev().take(count).all(|octet| *octet == last);
    if is_padding && count <= body.len() { count } else { 0 }
}

fn open_mode10<P: KeyProvider + ?Sized>(
    context: &SecurityContext,
    message: &mut [u8],
    body: usize,
    keys: &P,
) -> Result<Opening, Error> {
    let configuration = &context.configuration;
    if configuration.tag_code() != Some(1) {
        return Err(ErrorKind::UnsupportedField { field: "the length of the tag" }.at(body));
    }
    if configuration.announces_key_version() {
        return Err(ErrorKind::UnsupportedField { field: "the key version" }.at(body));
    }
    check_derivation(configuration, body)?;
    let counter = message_counter(context).ok_or(ErrorKind::CounterMissing.at(body))?;
    let available = message.len().saturating_sub(body);
    let len = available.saturating_sub(mode10::TAG_LEN);
    match configuration.encrypted_octets().map(usize::from) {
        _ if available < mode10::TAG_LEN => {
            return Err(ErrorKind::CiphertextTruncated { announced: mode10::TAG_LEN, available }.at(body));
        }
        Some(255) | None => {}
        Some(announced) if announced > len => {
            return Err(ErrorKind::CiphertextTruncated { announced, available: len }.at(body));
        }
        Some(announced) if announced < len => {
            return Err(ErrorKind::UnsupportedField { field: "partial encryption" }.at(body));
        }
        Some(_) => {}
    }
    let counter_len = if configuration.announces_counter() { 4 } else { 0 };
    let (header, octets) = message.split_at_mut_checked(body).ok_or(ErrorKind::KeyMissing.at(body))?;
    let header = header.get(..body.saturating_sub(counter_len)).unwrap_or_default();
    let (octets, tag) = octets.split_at_mut_checked(len).ok_or(ErrorKind::KeyMissing.at(body))?;
    let tag = <[u8; mode10::TAG_LEN]>::try_from(&*tag).unwrap_or_default();
    let nonce = mode10::nonce(context.meter, counter);
    let request = request(context);
    let mut tried = 0usize;
    for key in candidates(keys, &request) {
        let keys = mode7::message_keys(key, context, counter);
        if mode10::decipher(&keys.encryption, nonce, header, octets, tag) {
            return Ok(Opening {
                found: Found::Deciphered,
                authenticated: true,
                enciphered: len,
                trailer: mode10::TAG_LEN,
                counter: Some(counter_use(context, counter, tag)),
            });
        }
        tried = tried.saturating_add(1);
    }
    Err(if tried == 0 { ErrorKind::KeyMissing } else { ErrorKind::Tag { tried } }.at(body))
}

/// Seals `message` in place: the mirror of [`open`]. The message begins with its transport CI, its body at
/// octet `body`; the body is complete, with 2F 2F and fillers where the mode has them, and with eight
/// octets of room for the tag in mode 10. Returns the MAC for the AFL where the mode has one.
///
/// The caller owns the counter and must not use one twice.
///
/// # Errors
/// [`ErrorKind::CiphertextTruncated`] when the body does not fit the configuration field;
/// [`ErrorKind::CheckOctets`] when it does not begin with 2F 2F; [`ErrorKind::CounterMissing`];
/// [`ErrorKind::MacMissing`] when the AFL has no MCL for a CMAC; [`ErrorKind::UnsupportedMode`],
/// [`ErrorKind::UnsupportedField`].
pub fn seal<C: BlockCipher128>(
    context: &SecurityContext,
    message: &mut [u8],
    body: usize,
    key: &PreparedKey<C>,
) -> Result<Option<crate::afl::Mac>, Error> {
    let configuration = &context.configuration;
    let available = message.len().saturating_sub(body);
    let cbc = || {
        cbc_octets(configuration.encrypted_blocks().unwrap_or_default(), available)
            .map_err(|kind| kind.at(body))
    };
    match configuration.mode() {
        SecurityMode::NONE => Ok(None),
        SecurityMode::AES_CBC_IV => {
            let vector = mode5::initialisation_vector(context.meter, context.access_number);
            seal_cbc(message, body, cbc()?, key, vector)?;
            Ok(None)
        }
        SecurityMode::AES_CBC_KDF => {
            check_derivation(configuration, body)?;
            let afl = context.afl.ok_or(ErrorKind::MacMissing.at(body))?;
            let control = afl
                .message_control
                .filter(|control| control.is_cmac())
                .ok_or(ErrorKind::MacMissing.at(body))?;
            let counter = message_counter(context).ok_or(ErrorKind::CounterMissing.at(body))?;
            let keys = mode7::message_keys(key, context, counter);
            seal_cbc(message, body, cbc()?, &keys.encryption, [0; BLOCK])?;
            let mac = mode7::mac(&keys.authentication, &afl, message);
            Ok(control.mac_len().and_then(|len| mac.get(..len)).and_then(crate::afl::Mac::new))
        }
        SecurityMode::AES_CCM => {
            seal_mode10(context, message, body, key)?;
            Ok(None)
        }
        mode => Err(ErrorKind::UnsupportedMode { mode }.at(body)),
    }
}

fn seal_cbc<C: BlockCipher128>(
    message: &mut [u8],
    body: usize,
    len: usize,
    key: &PreparedKey<C>,
    vector: [u8; BLOCK],
) -> Result<(), Error> {
    let octets = message.get_mut(body..).and_then(|body| body.get_mut(..len)).unwrap_or_default();
    if !octets.is_empty() && !octets.starts_with(&mode5::CHECK) {
        return Err(ErrorKind::CheckOctets { tried: 0 }.at(body));
    }
    mode5::encipher(key, vector, octets);
    Ok(())
}

fn seal_mode10<C: BlockCipher128>(
    context: &SecurityContext,
    message: &mut [u8],
    body: usize,
    key: &PreparedKey<C>,
) -> Result<(), Error> {
    let configuration = &context.configuration;
    if configuration.tag_code() != Some(1) {
        return Err(ErrorKind::UnsupportedField { field: "the length of the tag" }.at(body));
    }
    check_derivation(configuration, body)?;
    let counter = message_counter(context).ok_or(ErrorKind::CounterMissing.at(body))?;
    let available = message.len().saturating_sub(body);
    let len = available.saturating_sub(mode10::TAG_LEN);
    let announced = configuration.encrypted_octets().map_or(len, usize::from);
    if available < mode10::TAG_LEN || (announced != 255 && announced != len) {
        return Err(ErrorKind::CiphertextTruncated { announced, available: len }.at(body));
    }
    let counter_len = if configuration.announces_counter() { 4 } else { 0 };
    let truncated = ErrorKind::CiphertextTruncated { announced, available }.at(body);
    let (header, octets) = message.split_at_mut_checked(body).ok_or(truncated)?;
    let header = header.get(..body.saturating_sub(counter_len)).unwrap_or_default();
    let (octets, place) = octets.split_at_mut_checked(len).ok_or(truncated)?;
    let keys = mode7::message_keys(key, context, counter);
    let tag = mode10::encipher(&keys.encryption, mode10::nonce(context.meter, counter), header, octets)
        .ok_or(ErrorKind::TooLong { length: len, limit: 65_535 }.at(body))?;
    place.iter_mut().zip(tag).for_each(|(place, octet)| *place = octet);
    Ok(())
}
