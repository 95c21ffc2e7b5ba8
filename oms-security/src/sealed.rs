//! Sealed messages, and what comes out of them.
//!
//! ```text
//! CI | transport header | enciphered octets | clear octets | [tag]
//! \____________________ the message ________________________/
//! ```
//!
//! Invariants: a [`Sealed`] shows nothing of its body, an [`Opened`] is made by opening only. Where the mode
//! has a MAC or tag it is checked before anything is given out. After an error the message is as it was;
//! several keys can be tried one after the other. What each mode does stands in the file of the mode.

use mbus_link::Address;

use crate::afl::{AflMessage, Mac};
use crate::configuration::Configuration;
use crate::count::ProvenCount;
use crate::key::{BlockCipher128, KeyProvider, KeyRequest, MAX_CANDIDATES, PreparedKey};
#[cfg(feature = "legacy")]
use crate::legacy;
use crate::mode::SecurityMode;
use crate::replay::CounterUse;
use crate::{Error, ErrorKind, mode5, mode7, mode10};

/// The shortest MAC or tag, in octets, that makes a message authenticated: what OMS demands. The receiver
/// does not choose the length, the message tells it; two octets are guessed in an afternoon.
pub const MIN_AUTHENTIC: usize = 8;

/// Which way a message goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

impl SecurityContext {
    /// What to ask a key provider for, and a policy: the meter, the mode, and the key as KI says, else the configuration.
    #[must_use]
    pub fn request(&self) -> KeyRequest {
        request(self, self.configuration.key_version)
    }
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
    /// True when a MAC or tag of at least [`MIN_AUTHENTIC`] octets was there and fits. A shorter one that does
    /// not fit is refused all the same.
    pub authenticated: bool,
    /// True when the key that fits the MAC or tag was derived for this message alone (KDF-A), as profiles B and D
    /// demand. The message key itself covers neither the meter nor the counter.
    pub derived: bool,
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
/// A MAC in the AFL is checked in every mode but the two of DES, which authenticate nothing, and the key that it fits is
/// the one that deciphers. Where the mode demands none and there is no key to check it with,
/// the message opens and is not authenticated.
///
/// Modes 8, 9 and 13 are refused: for 8 and 9 see [`crate::mode8::Experimental`] and
/// [`crate::mode9::Experimental`], for 13 [`crate::mode13`]. Modes 2, 3 and 4 open with feature `legacy`.
///
/// # Errors
/// [`ErrorKind::KeyMissing`]; [`ErrorKind::CheckOctets`], [`ErrorKind::Mac`], [`ErrorKind::Tag`] when no key fits;
/// [`ErrorKind::MacMissing`] and [`ErrorKind::CounterMissing`] when the mode demands them;
/// [`ErrorKind::CiphertextTruncated`]; [`ErrorKind::MessageLength`]; [`ErrorKind::MessageControl`] and
/// [`ErrorKind::KeyInformation`] in mode 10; [`ErrorKind::UnsupportedMode`], [`ErrorKind::UnsupportedMac`],
/// [`ErrorKind::UnsupportedField`]; [`ErrorKind::ReservedAflBits`] where the mode authenticates or there is a MAC and a
/// key to check it with. The message is as it was then.
pub fn open<P: KeyProvider + ?Sized>(
    context: &SecurityContext,
    message: &mut [u8],
    body: usize,
    keys: &P,
) -> Result<Opening, Error> {
    open_plausible(context, message, body, keys, &|_| true)
}

/// Says whether a body is what it should be; asked where a check of 16 bits is all there is.
pub(crate) type Plausible<'p> = &'p dyn Fn(&[u8]) -> bool;

/// As [`open`], for who knows what a body looks like: of several keys that all give the check octets 2F 2F, as one in
/// 65 536 does by chance, the first one whose body is `plausible` is right. It is not asked where one key fits.
///
/// # Errors
/// As [`open`]; [`ErrorKind::CheckOctets`] also when several keys fit and no body is plausible.
pub fn open_plausible<P: KeyProvider + ?Sized>(
    context: &SecurityContext,
    message: &mut [u8],
    body: usize,
    keys: &P,
    plausible: &dyn Fn(&[u8]) -> bool,
) -> Result<Opening, Error> {
    check_message_length(context, message.len())?;
    match context.configuration.mode() {
        SecurityMode::AES_CBC_KDF => return mode7::open(context, message, body, keys),
        SecurityMode::NONE | SecurityMode::AES_CBC_IV | SecurityMode::AES_CCM => {}
        #[cfg(feature = "legacy")]
        SecurityMode::DES_CBC | SecurityMode::DES_CBC_IV | SecurityMode::AES_CBC => {}
        mode => return Err(ErrorKind::UnsupportedMode { mode }.at(body)),
    }
    let vouched = mode7::vouch(context, message, keys).map_err(|kind| kind.at(body))?;
    // The MAC says whose key it is: no other one deciphers what it vouches for.
    let vouched_key = vouched.map(|(key, ..)| key);
    let opening = match context.configuration.mode() {
        SecurityMode::AES_CCM => return mode10::open(context, message, body, keys, vouched),
        SecurityMode::AES_CBC_IV => mode5::open(context, message, body, (keys, vouched_key), plausible)?,
        // No MAC says which key of DES it is, so nothing vouches for what one of them makes of the message.
        #[cfg(feature = "legacy")]
        SecurityMode::DES_CBC | SecurityMode::DES_CBC_IV => {
            return legacy::open_des(context, message, body, keys);
        }
        #[cfg(feature = "legacy")]
        SecurityMode::AES_CBC => legacy::open_aes(context, message, body, (keys, vouched_key), plausible)?,
        _ => Opening::CLEAR,
    };
    Ok(match vouched {
        Some((key, reading, mac)) => Opening {
            found: opening.found,
            ..Opening::verified(context, key, reading, mac, (opening.enciphered, opening.trailer))
        },
        None => opening,
    })
}

/// Seals `message` in place: the mirror of [`open`]. The message begins with its transport CI, its body at
/// octet `body`; the body is complete, with 2F 2F and fillers where the mode has them, and with room for the
/// tag in mode 10. Returns the MAC for the AFL where its MCL announces a CMAC, which mode 7 demands.
///
/// The caller owns the counter and must not use one twice. Modes 8, 9 and 13 are sealed where they are opened:
/// [`crate::mode8::Experimental`], [`crate::mode9::Experimental`], [`crate::mode13::seal`]. The deprecated modes 2, 3 and
/// 4 are refused here: feature `legacy` has functions for tests and simulators, called broken. Modes 1, 15 and the
/// reserved ones are refused: nothing is published about them.
///
/// # Errors
/// [`ErrorKind::CiphertextTruncated`] when the body does not fit the configuration field;
/// [`ErrorKind::CheckOctets`] when it does not begin with 2F 2F; [`ErrorKind::CounterMissing`];
/// [`ErrorKind::MacMissing`] when the AFL has no MCL for a CMAC; [`ErrorKind::MessageLength`];
/// [`ErrorKind::UnsupportedMode`], [`ErrorKind::UnsupportedField`].
pub fn seal<C: BlockCipher128>(
    context: &SecurityContext,
    message: &mut [u8],
    body: usize,
    key: &PreparedKey<C>,
) -> Result<Option<Mac>, Error> {
    check_message_length(context, message.len())?;
    match context.configuration.mode() {
        SecurityMode::NONE => {}
        SecurityMode::AES_CBC_IV => mode5::seal(context, message, body, key)?,
        SecurityMode::AES_CBC_KDF => return mode7::seal(context, message, body, key).map(Some),
        SecurityMode::AES_CCM => return mode10::seal(context, message, body, key).map(|()| None),
        mode => return Err(ErrorKind::UnsupportedMode { mode }.at(body)),
    }
    mode7::sign_if_announced(context, message, key).map_err(|kind| kind.at(body))
}

/// ML, where the AFL has it, is the length of the message.
pub(crate) fn check_message_length(context: &SecurityContext, available: usize) -> Result<(), Error> {
    context.afl.unwrap_or_default().check_length(available)
}

/// What to ask the key provider for. Version: that of the AFL, else `version`.
pub(crate) fn request(context: &SecurityContext, version: Option<u8>) -> KeyRequest {
    let configuration = &context.configuration;
    let afl = context.afl.unwrap_or_default();
    KeyRequest {
        meter: context.meter,
        mode: configuration.mode(),
        key_id: afl.key_id().or(configuration.key_id()).unwrap_or_default(),
        key_version: afl.key_version().or(version),
    }
}

/// The keys to try, at most [`MAX_CANDIDATES`].
pub(crate) fn candidates<'k, P: KeyProvider + ?Sized>(
    keys: &'k P,
    request: &'k KeyRequest,
) -> impl Iterator<Item = &'k PreparedKey<P::Cipher>> {
    (0..MAX_CANDIDATES).map_while(move |n| keys.candidate(request, n))
}

/// Where the keys of one message come from, and the one among them that a MAC was made with, if there is a MAC: then it
/// is the only one to be tried.
pub(crate) type Keys<'k, P> = (&'k P, Option<&'k PreparedKey<<P as KeyProvider>::Cipher>>);

/// The keys to try, at most [`MAX_CANDIDATES`]; only the one that a MAC vouches for, if there is one.
pub(crate) fn to_try<'k, P: KeyProvider + ?Sized>(
    (keys, vouched): Keys<'k, P>,
    request: &'k KeyRequest,
) -> impl Iterator<Item = &'k PreparedKey<P::Cipher>> {
    (0..MAX_CANDIDATES).map_while(move |n| {
        // Asked in any case: a program without keys then carries nothing of what follows.
        let key = keys.candidate(request, n)?;
        match vouched {
            Some(vouched) => (n == 0).then_some(vouched),
            None => Some(key),
        }
    })
}

/// Refuses a KI that says another key, version or derivation than the header. To be asked where the header is
/// authenticated and KI is not: somebody put it there.
pub(crate) fn check_key_information(context: &SecurityContext) -> Result<(), ErrorKind> {
    let configuration = &context.configuration;
    let afl = context.afl.unwrap_or_default();
    let differ = |said: Option<u8>, header: Option<u8>| said.is_some() && header.is_some() && said != header;
    if differ(afl.key_id(), configuration.key_id())
        || differ(afl.key_derivation(), configuration.key_derivation())
        || differ(afl.key_version(), configuration.key_version)
    {
        return Err(ErrorKind::KeyInformation);
    }
    Ok(())
}

/// The error when none of `tried` keys fits: none there, or `wrong`.
pub(crate) const fn none_fits(tried: usize, wrong: ErrorKind) -> ErrorKind {
    if tried == 0 { ErrorKind::KeyMissing } else { wrong }
}

/// The MAC of the AFL, where it is a CMAC.
pub(crate) fn cmac_sent(context: &SecurityContext) -> Result<(AflMessage, Mac), ErrorKind> {
    let afl = context.afl.ok_or(ErrorKind::MacMissing)?;
    let sent = afl.mac.ok_or(ErrorKind::MacMissing)?;
    let control = afl.message_control.ok_or(ErrorKind::MacMissing)?;
    afl.known_layout()?;
    let announced = sent.octets().len();
    match control.mac_len() {
        Some(len) if control.is_cmac() && len == announced => Ok((afl, sent)),
        // The last fragment has the MAC, the first one says how long it is.
        Some(_) if control.is_cmac() => Err(ErrorKind::AflFields { announced }),
        _ => Err(ErrorKind::UnsupportedMac { authentication_type: control.authentication_type() }),
    }
}

/// One way to read the octets that announce how the keys of a message are made.
#[derive(Clone, Copy)]
pub(crate) struct Reading {
    pub(crate) counter: u32,
    pub(crate) version: Option<u8>,
    /// The keys are derived (KDF-A), or else the message key is used as it is.
    pub(crate) derived: bool,
}

/// The ways to read them, the likeliest first. There is more than one only where nothing published decides:
/// the order of a counter and a key version that are both in the header, and a KI that contradicts the
/// configuration. MAC or tag decides then. Mode 13 has no field for the derivation; its keys are derived.
pub(crate) fn readings(context: &SecurityContext) -> Result<[Option<Reading>; 4], ErrorKind> {
    let configuration = &context.configuration;
    let afl = context.afl.unwrap_or_default();
    let counter = configuration.counter.or(afl.message_counter).ok_or(ErrorKind::CounterMissing)?;
    let version = configuration.key_version;
    let in_order = Some((counter, version));
    let swapped = match (configuration.counter, version) {
        (Some(counter), Some(version)) => {
            let [c0, c1, c2, c3] = counter.to_le_bytes();
            Some((u32::from_le_bytes([c1, c2, c3, version]), Some(c0)))
        }
        _ => None,
    };
    let configured = configuration.key_derivation();
    let overridden = afl.key_derivation().filter(|_| afl.key_derivation() != configured);
    let configured = if configured.is_none() && overridden.is_none() { Some(1) } else { configured };
    let reading = |header: Option<(u32, Option<u8>)>, derivation: Option<u8>| match (header, derivation) {
        (Some((counter, version)), Some(derivation @ 0..=1)) => {
            Some(Reading { counter, version, derived: derivation == 1 })
        }
        _ => None,
    };
    let all = [
        reading(in_order, configured),
        reading(swapped, configured),
        reading(in_order, overridden),
        reading(swapped, overridden),
    ];
    if all.iter().all(Option::is_none) {
        return Err(ErrorKind::UnsupportedField { field: "the key derivation" });
    }
    Ok(all)
}

/// The count of a message whose MAC or tag fits: the derivation covers identification number and direction, the nonce of
/// mode 10 the number. A message key that is used as it is covers neither: a short header has no number.
fn proven_count<C: BlockCipher128>(
    context: &SecurityContext,
    key: &PreparedKey<C>,
    reading: &Reading,
) -> ProvenCount {
    let in_nonce = context.configuration.mode() == SecurityMode::AES_CCM;
    let number = context.meter.identification.octets();
    ProvenCount {
        key: key.identity(),
        identification: (reading.derived || in_nonce).then_some(number),
        direction: reading.derived.then_some(context.direction),
    }
}

impl Opening {
    /// A body in clear, as announced.
    pub(crate) const CLEAR: Self = Self {
        found: Found::Clear,
        authenticated: false,
        derived: false,
        enciphered: 0,
        trailer: 0,
        counter: None,
    };

    /// A body that a MAC or tag of some octets vouches for.
    pub(crate) fn verified<C: BlockCipher128>(
        context: &SecurityContext,
        key: &PreparedKey<C>,
        reading: Reading,
        mac: Mac,
        (enciphered, trailer): (usize, usize),
    ) -> Self {
        let authenticated = mac.octets().len() >= MIN_AUTHENTIC;
        let counter = authenticated.then(|| CounterUse {
            count: proven_count(context, key, &reading),
            counter: reading.counter,
            fingerprint: mac.fingerprint(),
        });
        Self {
            found: if enciphered > 0 { Found::Deciphered } else { Found::Clear },
            authenticated,
            derived: reading.derived,
            enciphered,
            trailer,
            counter,
        }
    }
}
