//! A sealed message in its frames: one, or one for each fragment.
//!
//! ```text
//! wireless   L C M A | [ELL] | [AFL] | message or fragment | CRCs
//! wired      68 L L 68 C A | [AFL] | message or fragment | CS 16
//! ```
//!
//! Invariants: MAC and tag are there before anything is cut; a session of the extended link layer is taken from the
//! state for each frame anew, and only when all of the frame fits its buffer.

use mbus_link::{Ell, wireless};
use oms_security::afl::{Afl, AflMessage};
use oms_security::count::Count;
use oms_security::key::{BlockCipher128, PreparedKey};
use oms_security::reassembly::Fragments;
use oms_security::sender::{SenderError, SenderState};

use super::envelope::{Envelope, NewFrame};
use crate::{Error, ErrorKind, Layer};

/// A message that is sealed, and what is needed to put it into frames.
#[derive(Clone, Copy, Debug)]
pub struct SealedTelegram<'b> {
    pub(super) frame: NewFrame,
    pub(super) ell: Option<Ell>,
    pub(super) afl: Option<AflMessage>,
    pub(super) fragmented: bool,
    pub(super) message: &'b [u8],
}

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
    /// Writes the frame to the front of `out`.
    ///
    /// # Errors
    /// [`ErrorKind::Fragment`] when the message was sealed for fragments; [`ErrorKind::SessionMissing`] when the
    /// extended link layer has a session; those of the link layer and of the CRCs, [`ErrorKind::BufferTooSmall`].
    pub fn frame_into<'o>(&self, out: &'o mut [u8]) -> Result<&'o mut [u8], Error> {
        self.whole()?.frame_into(self.message, out)
    }
    /// The same with an extended link layer that has a session: takes one of `state` in the minute `minutes`, and
    /// seals it with `key`. ENC is that of the session number given. `state` is that of the sender's own count: the
    /// sender as the meter, not to the meter, key 0 in version 0, whoever the sender is.
    ///
    /// # Errors
    /// As [`SealedTelegram::frame_into`]; [`ErrorKind::Security`] with [`oms_security::ErrorKind::Sender`].
    pub fn frame_enciphered_into<'o, C: BlockCipher128>(
        &self,
        key: &PreparedKey<C>,
        state: &mut SenderState,
        minutes: u32,
        out: &'o mut [u8],
    ) -> Result<&'o mut [u8], Error> {
        self.whole()?.frame_enciphered_into(self.message, key, (state, minutes), out)
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
            Parts::Whole(Some(self.message))
        };
        Ok(Frames { sealed: *self, parts })
    }

    /// The layers around all of the message.
    fn whole(&self) -> Result<Envelope, Error> {
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
        Ok(Envelope { frame: self.frame, ell: self.ell, afl })
    }
}

/// The frames of one sealed message, one after the other.
#[derive(Clone, Debug)]
pub struct Frames<'b> {
    sealed: SealedTelegram<'b>,
    parts: Parts<'b>,
}

#[derive(Clone, Debug)]
enum Parts<'b> {
    Whole(Option<&'b [u8]>),
    Fragments(Fragments<'b>),
}

impl<'b> Frames<'b> {
    /// Writes the next frame to the front of `out`, with at most `limit` octets of the message when it is a fragment;
    /// `None` when all were written.
    ///
    /// # Errors
    /// As [`SealedTelegram::frame_into`]. The frame is not lost: the next call builds it again.
    pub fn next_into<'o>(&mut self, limit: usize, out: &'o mut [u8]) -> Result<Option<&'o mut [u8]>, Error> {
        let mut after = self.clone();
        let Some((envelope, octets)) = after.take(limit)? else { return Ok(None) };
        let frame = envelope.frame_into(octets, out)?;
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
        key: &PreparedKey<C>,
        state: &mut SenderState,
        minutes: u32,
        out: &'o mut [u8],
    ) -> Result<Option<&'o mut [u8]>, Error> {
        let mut after = self.clone();
        let Some((envelope, octets)) = after.take(limit)? else { return Ok(None) };
        let frame = envelope.frame_enciphered_into(octets, key, (state, minutes), out)?;
        *self = after;
        Ok(Some(frame))
    }

    fn take(&mut self, limit: usize) -> Result<Option<(Envelope, &'b [u8])>, Error> {
        let part = match &mut self.parts {
            Parts::Whole(whole) => match whole.take() {
                Some(octets) => Some((self.sealed.whole()?, octets)),
                None => None,
            },
            Parts::Fragments(fragments) => fragments.next_of(limit).map(|(afl, octets)| {
                (Envelope { frame: self.sealed.frame, ell: self.sealed.ell, afl: Some(afl) }, octets)
            }),
        };
        // Each frame has an access number of its own on the link.
        if let Some(ell) = &mut self.sealed.ell {
            ell.access_number = ell.access_number.wrapping_add(1);
        }
        Ok(part)
    }
}

impl Envelope {
    /// The frame around a message or fragment that has no session.
    fn frame_into<'o>(&self, octets: &[u8], out: &'o mut [u8]) -> Result<&'o mut [u8], Error> {
        if self.ell.is_some_and(|ell| ell.session.is_some()) {
            return Err(in_ell(ErrorKind::SessionMissing));
        }
        let out = self.copy(octets, out)?;
        self.close(octets.len(), out)
    }
    /// The frame around a message or fragment, with the next session of the state if it has one.
    fn frame_enciphered_into<'o, C: BlockCipher128>(
        mut self,
        octets: &[u8],
        key: &PreparedKey<C>,
        (state, minutes): (&mut SenderState, u32),
        out: &'o mut [u8],
    ) -> Result<&'o mut [u8], Error> {
        let out = self.copy(octets, out)?;
        let refusal = |refusal| in_ell(ErrorKind::Security(oms_security::ErrorKind::Sender(refusal)));
        if let Some(session) = self.ell.as_mut().and_then(|ell| ell.session.as_mut()) {
            // The key stream depends on sender, time and session alone: they have one state, that of the sender's
            // own count of key 0. A second one would give the same session again.
            let of_sender =
                self.frame.sender().map(|meter| Count { meter, to_meter: false, key_id: 0, key_version: 0 });
            if Some(*state.count()) != of_sender {
                return Err(refusal(SenderError::OtherSender));
            }
            let encryption = session.number.encryption();
            session.number = state.take_session(encryption, minutes).map_err(refusal)?;
        }
        self.seal(octets.len(), key, out)
    }
    /// The octets in their place.
    fn copy<'o>(&self, octets: &[u8], out: &'o mut [u8]) -> Result<&'o mut [u8], Error> {
        self.check()?;
        let out = self.room(octets.len(), out)?;
        let place = out.get_mut(self.message_at()..).unwrap_or_default();
        place.iter_mut().zip(octets).for_each(|(place, octet)| *place = *octet);
        Ok(out)
    }
}

fn in_ell(kind: ErrorKind) -> Error {
    kind.at(wireless::frame::HEADER_LEN).in_layer(Layer::Ell)
}
