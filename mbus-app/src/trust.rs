//! Whether a telegram that was read is to be believed: policy and replay guard, apart from reading.
//!
//! ```text
//! Telegram::decode --> opened or clear, authenticated or not --> judge(policies, guard) --> readings to be used
//! ```
//!
//! Invariants: a telegram is judged by what opening found out and never by what it announces; the guard's
//! counter moves only for a telegram that the policy accepts and whose MAC or tag was verified. A refused telegram
//! leaves no trace, so nobody locks a meter out by sending in its name. The operator is told the reason; whoever asks
//! over the air gets one and the same answer for all of them.

use oms_security::ell_cipher::EllOpening;
use oms_security::mode13::HandedOn;
use oms_security::profile::{Observed, Policies, PolicyError};
use oms_security::replay::{CounterUse, Freshness, ReplayError, ReplayGuard};
use oms_security::sealed::{Found, Opening};

use crate::application_error::ErrorCode;
use crate::ci::Content;
use crate::record::Direction;
use crate::telegram::{BodyState, Link, Telegram};
use crate::{Error, ErrorKind};

/// The answer to every telegram that security refuses, whatever the reason: an attacker learns nothing from it.
pub const ANSWER: ErrorCode = ErrorCode::DECRYPTION_FAILED;

/// Why a telegram is not to be believed. For the operator and for logs; over the air only [`ANSWER`] goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TrustError {
    /// It was not opened, so nothing is known of it.
    #[error("the telegram was not opened")]
    NotOpened,
    /// It has less security than the meter must have.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// Its counter was used before.
    #[error(transparent)]
    Replay(#[from] ReplayError),
}

impl TrustError {
    /// The error as one lower-case word, for logs and scripts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotOpened => "not_opened",
            Self::Policy(refusal) => refusal.name(),
            Self::Replay(refusal) => refusal.name(),
        }
    }
}

impl Telegram<'_> {
    /// What opening the telegram found out, for a policy.
    #[must_use]
    pub fn observed(&self) -> Observed {
        let by_link = matches!(self.ell_opening(), Some(EllOpening { found: Found::Deciphered, .. }));
        let without_data = self.is_without_data();
        let mode = self.request().mode.0;
        let body = self.body().len();
        match self.state() {
            // TLS opens the records, or refuses them; without a session of the caller only a MAC speaks for them.
            BodyState::HandedOn(HandedOn { authenticated, derived, in_session, .. }) => Observed {
                mode,
                authenticated: authenticated || in_session,
                derived: derived || in_session,
                deciphered: true,
                without_data,
                clear_octets: 0,
            },
            BodyState::Opened(Opening { found, authenticated, derived, enciphered, .. }) => Observed {
                mode,
                authenticated,
                derived,
                deciphered: by_link || found == Found::Deciphered,
                without_data,
                clear_octets: if by_link || authenticated { 0 } else { body.saturating_sub(enciphered) },
            },
            _ => Observed {
                mode,
                authenticated: false,
                derived: false,
                deciphered: by_link,
                without_data,
                clear_octets: 0,
            },
        }
    }
    /// True when the telegram says nothing: no application, or a device's records of which there are none. What goes to a
    /// device and has an application is a command, even if its CI says it all, as that of a reset does.
    fn is_without_data(&self) -> bool {
        let may_be_empty = match self.content() {
            None | Some(Content::NoApplication) => true,
            Some(Content::FullFrame) => self.direction() == Direction::FromDevice,
            _ => false,
        };
        let is_handed_on = matches!(self.state(), BodyState::HandedOn(_));
        may_be_empty && !is_handed_on && self.body().iter().all(|octet| *octet == 0x2F)
    }
    /// The counter that the telegram used; only where it was authenticated.
    #[must_use]
    pub const fn counter(&self) -> Option<CounterUse> {
        match self.state() {
            BodyState::Opened(Opening { counter, .. }) | BodyState::HandedOn(HandedOn { counter, .. }) => {
                counter
            }
            _ => None,
        }
    }
    /// True when there is something inside that was not read or not opened.
    fn is_locked(&self) -> bool {
        let payload = match self.link() {
            Some(Link::Wireless(frame)) => frame.payload(),
            Some(Link::Wired(frame)) => frame.payload(),
            None => self.octets(),
        };
        let inside = payload.len() > self.ell().map_or(0, |ell| ell.encoded_len());
        inside && matches!(self.state(), BodyState::Closed)
    }
    /// Judges the telegram by the policy of its meter and by the guard, which remembers its counter. `None`: it has no
    /// counter, and nothing tells a repetition (mode 5, the cipher of the link layer, clear data).
    ///
    /// ```
    /// use mbus_app::Telegram;
    /// use mbus_app::trust::TrustError;
    /// use oms_security::key::{Aes, Key, PreparedKey};
    /// use oms_security::profile::{Policy, PolicyError, Profile};
    /// use oms_security::replay::ReplayGuard;
    ///
    /// // A gas meter that was set to profile D, and a telegram in its name with mode 0.
    /// let mut octets = *b"\x14\x44\x93\x15\x78\x56\x34\x12\x33\x03\x7A\x2A\0\0\0\x0C\x14\x27\x04\x85\x02";
    /// let key = PreparedKey::<Aes>::new(&Key::new([7; 16]));
    /// let telegram = Telegram::decode_stripped(&mut octets, &key)?;
    /// let mut guard = ReplayGuard::<8>::new();
    /// let refusal = telegram.judge(&Policy::require(Profile::D), &mut guard).unwrap_err();
    /// assert_eq!(refusal, TrustError::Policy(PolicyError::Downgrade { required: Profile::D, mode: 0 }));
    /// # Ok::<(), mbus_app::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`TrustError`]; the guard remembers nothing then.
    pub fn judge<P: Policies + ?Sized, const N: usize>(
        &self,
        policies: &P,
        guard: &mut ReplayGuard<N>,
    ) -> Result<Option<Freshness>, TrustError> {
        if self.is_locked() {
            return Err(TrustError::NotOpened);
        }
        policies.policy(&self.request()).check(&self.observed())?;
        Ok(self.counter().map(|used| guard.accept(&used)).transpose()?)
    }
}

/// The answer over the air to a telegram that could not be read: [`ANSWER`] for everything that has to do with keys and
/// security, whichever check failed; `None` when it was malformed below that, which is not answered at all.
#[must_use]
pub fn answer(error: &Error) -> Option<ErrorCode> {
    match error.kind {
        ErrorKind::Security(_) => Some(ANSWER),
        _ => None,
    }
}
