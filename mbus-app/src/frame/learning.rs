//! Formats out of telegrams, and telegrams out of formats: what a gateway does with every telegram it hears.
//!
//! EN 13757-3:2018, Annex G. Invariants: a format is learned for the meter that the telegram is about, which is the
//! address of the long transport header or else that of the link layer; a telegram without either (wired, CI 69h, 78h,
//! 79h) teaches nothing, and its own format is looked for under the address [`mbus_link::Address::default`]. A telegram that was
//! not opened teaches nothing.

use crate::ci::Content;
use crate::telegram::{BodyState, Telegram};
use crate::{Error, ErrorKind};

use super::compact::{CompactFrame, Expanded, headers_into, signature};
use super::format::FormatFrame;
use super::store::{FormatKey, FormatStore, MAX_CANDIDATES};

/// The longest header list that a full frame can have: its octets count among those of a frame.
const LONGEST_LIST: usize = 255;

/// Keeps the format of a full frame (its headers) or of a format frame (what it tells), and says under which key;
/// `None` for all other telegrams, and for full frames without records.
///
/// A store is bounded, and a stranger that sends enough formats pushes those of the known meters out. Who may teach is
/// for the caller to say, before the call: a telegram that [`Telegram::judge`] believed, an authenticated one, one that
/// a key opened, or one of a meter on a list of the caller's. Only a MAC or tag keeps strangers out for sure: a
/// telegram of mode 5 or of the link layer's cipher that was heard can be sent again with changed octets, and a part of
/// it that is clear ([`oms_security::profile::Observed::clear_octets`]) with any octets at all.
///
/// Signature and full-frame CRC are sums and no proof: a list can be made that has both of another one and other units.
/// So a telegram that is not authenticated never stands against a format that the store has, be it learned, given by the
/// user or known beforehand: the first one is kept and the conflict is told. One that is authenticated is tried before it.
///
/// ```
/// use mbus_app::Telegram;
/// use mbus_app::frame::{BoundedFormats, learn};
/// use oms_security::key::NoKeys;
/// let mut octets = *b"\x1A\x44\x93\x15\x78\x56\x34\x12\x01\x07\x7A\x01\0\0\0\x02\x02\xD2\x04\x02\x15\x2E\x16\x02\x2A\x34\x23";
/// let telegram = Telegram::decode(&mut octets, &NoKeys)?;
/// let mut formats = BoundedFormats::<8, 64>::new();
/// // In clear: anybody may have sent it.
/// if telegram.is_authenticated() {
///     learn(&telegram, &mut formats)?;
/// }
/// assert_eq!(formats.export().count(), 0);
/// # Ok::<(), mbus_app::Error>(())
/// ```
///
/// # Errors
/// Those of the format frame, of the records, and of the store; [`ErrorKind::FormatConflict`].
pub fn learn<S: FormatStore + ?Sized>(
    telegram: &Telegram<'_>,
    store: &mut S,
) -> Result<Option<FormatKey>, Error> {
    let (Some(meter), false) = (telegram.meter(), telegram.state() == BodyState::Closed) else {
        return Ok(None);
    };
    let mut buffer = [0; LONGEST_LIST];
    let (key, headers) = match telegram.content() {
        Some(Content::FullFrame) => match headers_into(telegram.body(), &mut buffer) {
            Ok([]) | Err(Error { kind: ErrorKind::NotCompactable, .. }) => return Ok(None),
            Ok(headers) => (FormatKey::new(meter, signature(headers)), &*headers),
            // Only a message of several fragments is that long; the buffer is not the caller's.
            Err(Error { kind: ErrorKind::BufferTooSmall { needed, available }, .. }) => {
                let too_long = ErrorKind::TooLong { length: needed, limit: available };
                return Err(too_long.at(telegram.body_offset()));
            }
            Err(error) => return Err(error.shifted(telegram.body_offset())),
        },
        Some(Content::FormatFrame) => {
            let (body, at) = without_check(telegram);
            let (format, _) = FormatFrame::parse_prefix(body).map_err(|error| error.shifted(at))?;
            (FormatKey::new(meter, format.signature()), format.headers)
        }
        _ => return Ok(None),
    };
    if !telegram.is_authenticated() {
        let mut known = (0..MAX_CANDIDATES).map_while(|n| store.candidate(&key, n)).peekable();
        if known.peek().is_some() && !known.any(|known| known == headers) {
            return Err(ErrorKind::FormatConflict { signature: key.signature }.at(telegram.body_offset()));
        }
    }
    store.learn(&key, headers)?;
    Ok(Some(key))
}

/// The compact frame that a telegram is, and the meter whose formats are meant; `None` for all others. CI 73h in front
/// of 16 octets of a wired frame is the fixed data structure and no compact frame.
///
/// # Errors
/// [`ErrorKind::Truncated`].
pub fn compact_frame<'a>(telegram: &Telegram<'a>) -> Result<Option<(CompactFrame<'a>, FormatKey)>, Error> {
    let is_compact = telegram.content() == Some(Content::CompactFrame)
        && telegram.state() != BodyState::Closed
        && telegram.fixed_data().is_none();
    if !is_compact {
        return Ok(None);
    }
    let (body, at) = without_check(telegram);
    let frame = CompactFrame::parse(body).map_err(|error| error.shifted(at))?;
    let meter = telegram.meter().unwrap_or_default();
    Ok(Some((frame, FormatKey::new(meter, frame.signature))))
}

/// The records of a compact telegram, rebuilt in `buffer` with a format of the store and checked with the
/// full-frame CRC; `None` for all other telegrams.
///
/// # Errors
/// [`ErrorKind::Truncated`]; those of [`CompactFrame::expand_with`].
///
/// ```
/// use mbus_app::Telegram;
/// use mbus_app::frame::{BoundedFormats, expand, learn};
/// use oms_security::key::NoKeys;
/// // The three records of EN 13757-3, Annex G from a made-up meter: once in full, once compact.
/// let mut full = *b"\x1A\x44\x93\x15\x78\x56\x34\x12\x01\x07\x7A\x01\0\0\0\x02\x02\xD2\x04\x02\x15\x2E\x16\x02\x2A\x34\x23";
/// let mut compact = *b"\x18\x44\x93\x15\x78\x56\x34\x12\x01\x07\x7B\x02\0\0\0\x31\x3B\x42\xA6\xD2\x04\x2E\x16\x34\x23";
/// let mut formats = BoundedFormats::<8, 64>::new();
/// let mut buffer = [0; 256];
/// learn(&Telegram::decode(&mut full, &NoKeys)?, &mut formats)?;
/// let telegram = Telegram::decode(&mut compact, &NoKeys)?;
/// let expanded = expand(&telegram, &mut formats, &mut buffer)?.ok_or("no compact frame")?;
/// assert_eq!(expanded.records, b"\x02\x02\xD2\x04\x02\x15\x2E\x16\x02\x2A\x34\x23");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn expand<'b, S: FormatStore + ?Sized>(
    telegram: &Telegram<'_>,
    store: &mut S,
    buffer: &'b mut [u8],
) -> Result<Option<Expanded<'b>>, Error> {
    let Some((frame, key)) = compact_frame(telegram)? else { return Ok(None) };
    let (_, at) = without_check(telegram);
    frame.expand_with(store, &key, buffer).map(Some).map_err(|error| error.shifted(at))
}

/// The body behind the check octets 2Fh 2Fh of a deciphered one, and where it begins.
fn without_check<'a>(telegram: &Telegram<'a>) -> (&'a [u8], usize) {
    match telegram.body() {
        [0x2F, 0x2F, rest @ ..] => (rest, telegram.body_offset().saturating_add(2)),
        body => (body, telegram.body_offset()),
    }
}
