//! Whether a telegram that was opened is to be believed: the profile of its meter's line in the key file, and for a
//! gateway the counters that were used before.
//!
//! Invariants: whoever has a key of a meter is shown no clear readings in its name, unless the profile `none` stands
//! behind the key. `decode` remembers no counter, since files are read again, and shows a manufacturer's own data as
//! octets, whoever sent them; a gateway takes no counter twice. A message of DLMS has a protection of its own, inside: it
//! is judged where it is opened.

use crate::decode::keys::Keys;
use crate::decode::model::{Place, Problem};
use mbus_app::ci::Content;
use mbus_app::telegram::{Link, Telegram};
use mbus_app::trust::TrustError;
use oms_security::key::KeyRequest;
use oms_security::profile::{Policies, Policy, PolicyError};
use oms_security::replay::{Freshness, ReplayError, ReplayGuard};

/// Meters whose counters a gateway remembers.
pub const METERS: usize = 4096;

/// What a gateway remembers of the counters.
pub type Counters = ReplayGuard<METERS>;

/// What is asked of telegrams beyond that they open.
#[derive(Debug, Default)]
pub enum Trust {
    /// That a meter with a key enciphers, and what the key file states.
    #[default]
    Stated,
    /// Also that no counter comes twice.
    Guarded(Box<Counters>),
}

/// The policy of each meter.
struct Required<'a> {
    keys: &'a Keys,
    /// Every meter has a key.
    key_for_all: bool,
    /// Clear to this layer: a manufacturer's own octets that nobody here reads, or a message that protects itself.
    judged_elsewhere: bool,
    /// For a gateway, which believes no clear records behind enciphered ones unless a MAC covers them. Whoever reads
    /// files sees them with a remark, since real meters of profile A send some.
    guarded: bool,
}

impl Policies for Required<'_> {
    fn policy(&self, request: &KeyRequest) -> Policy {
        let meter = (request.meter.manufacturer.to_string(), request.meter.identification.to_string());
        let has_key = || self.key_for_all || self.keys.of(&meter.0, &meter.1).next().is_some();
        let policy = match self.keys.profile_of(&meter.0, &meter.1) {
            Some(profile) => Policy::require(profile),
            None if has_key() && !self.judged_elsewhere => Policy::KEYED,
            None => Policy::OPEN,
        };
        Policy { allow_clear_trailer: policy.allow_clear_trailer || !self.guarded, ..policy }
    }
}

impl Trust {
    /// Judges a telegram; what has no counter is neither new nor old.
    pub(super) fn judge(
        &mut self,
        telegram: &Telegram<'_>,
        keys: &Keys,
        key_for_all: bool,
    ) -> Result<Option<Freshness>, TrustError> {
        let judged_elsewhere = match telegram.content() {
            Some(Content::ManufacturerSpecific) => matches!(self, Self::Stated),
            Some(Content::Cosem) => true,
            Some(Content::DlmsCarrier) => matches!(telegram.link(), Some(Link::Wired(_))),
            _ => false,
        };
        let guarded = matches!(self, Self::Guarded(_));
        let required = Required { keys, key_for_all, judged_elsewhere, guarded };
        match self {
            Self::Stated => telegram.judge(&required, &mut ReplayGuard::<1>::new()),
            Self::Guarded(counters) => telegram.judge(&required, counters),
        }
    }
}

/// The refusal as a problem, with what to try next.
pub(super) fn problem(refusal: TrustError, offset: usize) -> Problem {
    Problem {
        layer: "security",
        kind: refusal.name().to_owned(),
        offset,
        place: Place::Octet,
        message: refusal.to_string(),
        hint: hint(refusal).to_owned(),
    }
}

/// Clear data in the name of a meter that has a key.
pub(super) fn clear_data(offset: usize) -> Problem {
    problem(TrustError::Policy(PolicyError::ClearData), offset)
}

const fn hint(refusal: TrustError) -> &'static str {
    match refusal {
        TrustError::NotOpened => "give the key of this meter with --key or --keys",
        TrustError::Policy(PolicyError::ClearData) => {
            "if this meter rightly sends in clear, write the profile none behind its key in the file of --keys, or leave the key out; else somebody sends in its name"
        }
        TrustError::Policy(_) => {
            "if the meter was set to another profile, write that behind its key; else somebody sends in its name"
        }
        TrustError::Replay(ReplayError::StoreFull { .. }) => {
            "share the meters among several gateways, or take those that are gone out of the state file"
        }
        TrustError::Replay(_) => {
            "somebody sent an old telegram again; if the meter lost its counter, take its line out of the state file"
        }
        _ => "ask whoever set the meter up",
    }
}
