//! A sealed message in its frames: one, or one for each fragment.
//!
//! ```text
//! wireless   L C M A | [ELL] | [AFL] | message or fragment | CRCs
//! wired      68 L L 68 C A | [AFL] | message or fragment | CS 16
//! ```
//!
//! Invariants: MAC and tag are there before anything is cut; a session of the extended link layer is taken from the
//! state for each frame anew.

use mbus_link::octets::Writer;
use mbus_link::{Ell, wired, wireless};
use oms_security::afl::{Afl, AflMessage};
use oms_security::count::Count;
use oms_security::ell_cipher;
use oms_security::key::{BlockCipher128, PreparedKey};
use oms_security::reassembly::Fragments;
use oms_security::sender::{SenderError, SenderState};
use wmbus_phy::{FrameFormat, format_a, format_b};

use super::{NewLink, SealedTelegram};
use crate::{Error, ErrorKind, Layer};

impl<'b> SealedTelegram<'b> {
    /// The message from its transport CI on.
    #[must_use]
    pub const fn message(&self) -> &'b [u8] {
        self.message
    }
    /// What the AFL says, if there is one.
    #[must_use]
    pub const fn afl(&self) -> Option<AflMessage> {
        self.afl
    }
    /// Writes the frame to the front of `out`: wireless with the CRCs of `crc` or without CRCs, wired as it is.
    ///
    /// # Errors
    /// [`ErrorKind::Fragment`] when the message was sealed for fragments; [`ErrorKind::SessionMissing`] when the
    /// extended link layer has a session; those of [`wireless::FrameBuilder`], [`wired::Frame`] and of the CRCs,
    /// [`ErrorKind::BufferTooSmall`] among them.
    pub fn frame_into<'o>(&self, crc: Option<FrameFormat>, out: &'o mut [u8]) -> Result<&'o mut [u8], Error> {
        finish(self.link, self.whole_into(out, None)?.len, crc, out)
    }
    /// The same with an extended link layer that has a session: takes one of `state` in the minute `minutes`, and
    /// seals it with `key`. ENC is that of the session number given. `state` is that of the sender's own count: the
    /// sender as the meter, not to the meter, key 0 in version 0, whoever the sender is.
    ///
    /// # Errors
    /// As [`SealedTelegram::frame_into`]; [`ErrorKind::Security`] with [`oms_security::ErrorKind::Sender`].
    pub fn frame_enciphered_into<'o, C: BlockCipher128>(
        &self,
        crc: Option<FrameFormat>,
        key: &PreparedKey<C>,
        state: &mut SenderState,
        minutes: u32,
        out: &'o mut [u8],
    ) -> Result<&'o mut [u8], Error> {
        let assembled = self.whole_into(out, Some((&mut *state, minutes)))?;
        assembled.seal(key, out)?;
        finish(self.link, assembled.len, crc, out)
    }
    /// The frames of the message: its fragments, or the only one there is.
    ///
    /// # Errors
    /// [`oms_security::ErrorKind::MessageLength`] for a message without octets; `limit` see [`Frames::next_into`].
    pub fn frames(&self, limit: usize) -> Result<Frames<'b>, Error> {
        let parts = if self.fragmented {
            let afl = self.afl.unwrap_or_default();
            let fragments = Fragments::new(afl, self.message, limit);
            Parts::Fragments(fragments.map_err(|error| Error::from_security(error).in_layer(Layer::Afl))?)
        } else {
            Parts::Whole(Some(*self))
        };
        Ok(Frames { link: self.link, parts })
    }

    fn whole_into(
        &self,
        out: &mut [u8],
        session: Option<(&mut SenderState, u32)>,
    ) -> Result<Assembled, Error> {
        if self.fragmented {
            let kind = ErrorKind::Fragment { number: 1, more: true };
            return Err(kind.at(0).in_layer(Layer::Afl));
        }
        let afl = self.afl.map(|afl| Afl {
            message_control: afl.message_control,
            key_information: afl.key_information,
            message_counter: afl.message_counter,
            mac: afl.mac,
            ..Afl::default()
        });
        assemble(self.link, afl, self.message, out, session)
    }
}

/// The frames of one sealed message, one after the other.
#[derive(Clone, Debug)]
pub struct Frames<'b> {
    link: NewLink,
    parts: Parts<'b>,
}

#[derive(Clone, Debug)]
enum Parts<'b> {
    Whole(Option<SealedTelegram<'b>>),
    Fragments(Fragments<'b>),
}

impl Frames<'_> {
    /// Writes the next frame to the front of `out`, with at most `limit` octets of the message when it is a fragment;
    /// `None` when all were written.
    ///
    /// # Errors
    /// As [`SealedTelegram::frame_into`]. The frame is not lost: the next call builds it again.
    pub fn next_into<'o>(
        &mut self,
        limit: usize,
        crc: Option<FrameFormat>,
        out: &'o mut [u8],
    ) -> Result<Option<&'o mut [u8]>, Error> {
        let mut after = self.clone();
        let Some(assembled) = after.assemble_next(limit, out, None)? else { return Ok(None) };
        let frame = finish(self.link, assembled.len, crc, out)?;
        *self = after;
        Ok(Some(frame))
    }
    /// The same with an extended link layer that has a session, see [`SealedTelegram::frame_enciphered_into`].
    ///
    /// # Errors
    /// As [`SealedTelegram::frame_enciphered_into`].
    pub fn next_enciphered_into<'o, C: BlockCipher128>(
        &mut self,
        limit: usize,
        crc: Option<FrameFormat>,
        key: &PreparedKey<C>,
        state: &mut SenderState,
        minutes: u32,
        out: &'o mut [u8],
    ) -> Result<Option<&'o mut [u8]>, Error> {
        let mut after = self.clone();
        let Some(assembled) = after.assemble_next(limit, out, Some((state, minutes)))? else {
            return Ok(None);
        };
        assembled.seal(key, out)?;
        let frame = finish(self.link, assembled.len, crc, out)?;
        *self = after;
        Ok(Some(frame))
    }

    fn assemble_next(
        &mut self,
        limit: usize,
        out: &mut [u8],
        session: Option<(&mut SenderState, u32)>,
    ) -> Result<Option<Assembled>, Error> {
        let assembled = match &mut self.parts {
            Parts::Whole(whole) => {
                let Some(whole) = whole.take() else { return Ok(None) };
                whole.whole_into(out, session)?
            }
            Parts::Fragments(fragments) => {
                let Some((afl, octets)) = fragments.next_of(limit) else { return Ok(None) };
                assemble(self.link, Some(afl), octets, out, session)?
            }
        };
        // Each frame has an access number of its own on the link.
        if let NewLink::Wireless { ell: Some(ell), .. } = &mut self.link {
            ell.access_number = ell.access_number.wrapping_add(1);
        }
        Ok(Some(assembled))
    }
}

/// A frame without CRCs in the buffer.
#[derive(Clone, Copy, Debug)]
struct Assembled {
    len: usize,
    link: NewLink,
    ell: Option<Ell>,
}

impl Assembled {
    fn seal<C: BlockCipher128>(&self, key: &PreparedKey<C>, out: &mut [u8]) -> Result<(), Error> {
        let (Some(ell), Some(sender)) = (self.ell, self.link.sender()) else { return Ok(()) };
        let octets = out.get_mut(wireless::frame::HEADER_LEN..self.len).unwrap_or_default();
        ell_cipher::seal_in_place(&ell, sender, octets, key).map_err(|error| {
            Error::from_security(error).shifted(wireless::frame::HEADER_LEN).in_layer(Layer::Ell)
        })
    }
}

/// Writes a frame without CRCs to the front of `out`; a session number is taken only when all of it fits.
fn assemble(
    link: NewLink,
    afl: Option<Afl>,
    octets: &[u8],
    out: &mut [u8],
    session: Option<(&mut SenderState, u32)>,
) -> Result<Assembled, Error> {
    let afl_len = afl.map_or(0, |afl| afl.encoded_len());
    let payload_len = afl_len.saturating_add(octets.len());
    let (head_len, ell_len) = match link {
        NewLink::Wired { .. } => (WIRED_HEAD, 0),
        NewLink::Wireless { ell, .. } => {
            (wireless::frame::HEADER_LEN, ell.map_or(0, |ell| ell.encoded_len()))
        }
    };
    let payload_at = head_len.saturating_add(ell_len);
    let (len, available) = (payload_at.saturating_add(payload_len), out.len());
    if available < len {
        let kind = ErrorKind::BufferTooSmall { needed: len, available };
        return Err(kind.at(available).in_layer(Layer::Link));
    }
    let mut ell = None;
    if let NewLink::Wireless { c_field, sender, ell: wanted } = link {
        let header = wireless::frame::encode_header(c_field, sender, len.saturating_sub(head_len))
            .map_err(Error::from_link)?;
        ell = wanted.map(|ell| with_session(ell, &link, session)).transpose()?;
        let mut writer = Writer::new(out);
        writer.put(&header);
        if let Some(ell) = ell {
            let mut octets = [0; 17];
            writer.put(ell.encode_into(&mut octets).map_err(Error::from_link)?);
        }
    }
    let mut writer = Writer::new(out.get_mut(payload_at..).unwrap_or_default());
    if let Some(afl) = afl {
        let mut header = [0; 32];
        let header = afl.encode_into(&mut header);
        writer.put(header.map_err(|error| Error::from_security(error).in_layer(Layer::Afl))?);
    }
    writer.put(octets);
    writer.finish()?;
    Ok(Assembled { len, link, ell })
}

/// `68 L L 68 C A`.
const WIRED_HEAD: usize = 6;

fn with_session(mut ell: Ell, link: &NewLink, state: Option<(&mut SenderState, u32)>) -> Result<Ell, Error> {
    let in_ell = |kind: ErrorKind| kind.at(wireless::frame::HEADER_LEN).in_layer(Layer::Ell);
    let refusal = |refusal| in_ell(ErrorKind::Security(oms_security::ErrorKind::Sender(refusal)));
    match (&mut ell.session, state) {
        (None, _) => {}
        (Some(_), None) => return Err(in_ell(ErrorKind::SessionMissing)),
        (Some(session), Some((state, minutes))) => {
            // The key stream depends on sender, time and session alone: they have one state, that of the sender's
            // own count of key 0. A second one would give the same session again.
            let of_sender =
                link.sender().map(|meter| Count { meter, to_meter: false, key_id: 0, key_version: 0 });
            if Some(*state.count()) != of_sender {
                return Err(refusal(SenderError::OtherSender));
            }
            let encryption = session.number.encryption();
            session.number = state.take_session(encryption, minutes).map_err(refusal)?;
        }
    }
    Ok(ell)
}

/// Puts the CRCs in, or the frame of the wired bus around its payload.
fn finish(link: NewLink, len: usize, crc: Option<FrameFormat>, out: &mut [u8]) -> Result<&mut [u8], Error> {
    match (link, crc) {
        (NewLink::Wired { c_field, address }, _) => {
            let mut copy = [0; wired::frame::MAX_LEN];
            let payload = out.get(WIRED_HEAD..len).unwrap_or_default();
            let Some(copied) = copy.get_mut(..payload.len()) else {
                let limit = wired::frame::MAX_DATA.saturating_add(1);
                let kind = ErrorKind::TooLong { length: payload.len(), limit };
                return Err(kind.at(0).in_layer(Layer::Link));
            };
            copied.iter_mut().zip(payload).for_each(|(place, octet)| *place = *octet);
            wired::Frame::Long { c_field, address, payload: copied }
                .encode_into(out)
                .map_err(Error::from_link)
        }
        (NewLink::Wireless { .. }, None) => Ok(out.get_mut(..len).unwrap_or_default()),
        (NewLink::Wireless { .. }, Some(FrameFormat::A)) => {
            format_a::insert_in_place(out, len).map_err(Error::from_phy)
        }
        (NewLink::Wireless { .. }, Some(FrameFormat::B)) => {
            format_b::insert_in_place(out, len).map_err(Error::from_phy)
        }
    }
}
