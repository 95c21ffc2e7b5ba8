//! Security profiles of OMS, and the policy of what a meter's telegrams must at least have.
//!
//! Invariants: reading a telegram and judging it are two things. Nothing in here parses or deciphers; a
//! [`Policy`] looks at what opening a telegram found out ([`Observed`]) and says yes or no. It has no
//! memory, so one refused telegram never locks a meter out.
//!
//! OMS Vol. 2, 9.1 (profiles); EN 13757-7, 7.6 (modes).

use core::fmt;

use mbus_link::Address;

use crate::key::{KeyProvider, KeyRequest, KeySelector};

/// A security profile of OMS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Profile {
    /// No security: mode 0.
    None,
    /// Encryption without authentication: mode 5.
    A,
    /// Encryption and CMAC in the AFL, derived keys: mode 7.
    B,
    /// TLS: mode 13, handshakes with CMAC in the AFL.
    C,
    /// Authenticated encryption (CCM), derived keys: mode 10.
    D,
}

/// One row of the table of profiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProfileRow {
    /// The profile.
    pub profile: Profile,
    /// Its letter, or `none`.
    pub name: &'static str,
    /// The number of its security mode.
    pub mode: u8,
    /// True when others cannot read the data.
    pub encrypted: bool,
    /// True when others cannot change the data unseen.
    pub authenticated: bool,
}

impl Profile {
    /// All profiles, one row each.
    pub const TABLE: &'static [ProfileRow] = &[
        ProfileRow { profile: Self::None, name: "none", mode: 0, encrypted: false, authenticated: false },
        ProfileRow { profile: Self::A, name: "A", mode: 5, encrypted: true, authenticated: false },
        ProfileRow { profile: Self::B, name: "B", mode: 7, encrypted: true, authenticated: true },
        ProfileRow { profile: Self::C, name: "C", mode: 13, encrypted: true, authenticated: true },
        ProfileRow { profile: Self::D, name: "D", mode: 10, encrypted: true, authenticated: true },
    ];

    /// The profile that a security mode belongs to; `None` for a mode outside OMS.
    #[must_use]
    pub fn of_mode(mode: u8) -> Option<Self> {
        Self::TABLE.iter().find(|row| row.mode == mode).map(|row| row.profile)
    }
    /// Its row in the table.
    #[must_use]
    pub const fn row(self) -> &'static ProfileRow {
        const fn row(n: usize) -> &'static ProfileRow {
            match Profile::TABLE.split_at_checked(n) {
                Some((_, [row, ..])) => row,
                _ => &ProfileRow {
                    profile: Profile::None,
                    name: "none",
                    mode: 0,
                    encrypted: false,
                    authenticated: false,
                },
            }
        }
        match self {
            Self::None => row(0),
            Self::A => row(1),
            Self::B => row(2),
            Self::C => row(3),
            Self::D => row(4),
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.row().name)
    }
}

/// What opening a telegram found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Observed {
    /// The security mode that the configuration field announces.
    pub mode: u8,
    /// True when a MAC or tag was there and right, or when the records of TLS go to a session that checks them.
    pub authenticated: bool,
    /// True when the key of that MAC or tag was derived for this message alone, or is that of a session.
    pub derived: bool,
    /// True when data were deciphered, or are records of TLS; false when they were found in clear, whatever was
    /// announced.
    pub deciphered: bool,
    /// True when the telegram carries nothing (ACC-NR, ACK, an empty request): OMS sends those without security, and
    /// they are always welcome. A command to a device is something, with or without octets behind its CI.
    pub without_data: bool,
    /// Octets of user data that were in clear although others were enciphered (partial encryption), and that no MAC
    /// covers.
    pub clear_octets: usize,
}

/// Why a policy refuses a telegram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum PolicyError {
    /// The telegram has less than the meter's profile: somebody may have stripped it.
    #[error("downgrade: the meter is to use profile {}, the telegram has security mode {mode}", required.row().name)]
    Downgrade {
        /// What the meter must use.
        required: Profile,
        /// The mode that the telegram announces.
        mode: u8,
    },
    /// The mode is that of the profile, but no MAC or tag was verified.
    #[error("not authenticated: profile {} needs a verified MAC or tag", required.row().name)]
    NotAuthenticated {
        /// What the meter must use.
        required: Profile,
    },
    /// A MAC or tag fits, but it was made with the message key itself: it does not cover the meter, and any message of
    /// another one with the same key would fit as well.
    #[error("the key was not derived: profile {} needs a key derived for each message", required.row().name)]
    KeyNotDerived {
        /// What the meter must use.
        required: Profile,
    },
    /// The meter has a key, the telegram is in clear.
    #[error("clear data of a meter that has a key")]
    ClearData,
    /// The enciphered data are followed by clear ones, which nobody vouches for.
    #[error("{octets} octets of clear data behind the enciphered ones")]
    ClearTrailer {
        /// How many.
        octets: usize,
    },
}

impl PolicyError {
    /// The error as one lower-case word, for logs and scripts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Downgrade { .. } => "downgrade",
            Self::NotAuthenticated { .. } => "not_authenticated",
            Self::KeyNotDerived { .. } => "key_not_derived",
            Self::ClearData => "clear_data",
            Self::ClearTrailer { .. } => "clear_trailer",
        }
    }
}

/// What the telegrams of one meter must at least have.
///
/// ```
/// use oms_security::profile::{Observed, Policy, PolicyError, Profile};
///
/// let policy = Policy::require(Profile::B);
/// let stripped = Observed {
///     mode: 0,
///     authenticated: false,
///     derived: false,
///     deciphered: false,
///     without_data: false,
///     clear_octets: 0,
/// };
/// assert_eq!(policy.check(&stripped), Err(PolicyError::Downgrade { required: Profile::B, mode: 0 }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Policy {
    /// The profile that the meter was set to. A device never changes its profile by itself.
    pub required: Profile,
    /// Accept user data in clear all the same: for meters that send both.
    pub allow_clear: bool,
    /// Accept clear records behind enciphered ones (partial encryption) that no MAC covers: for meters that send them.
    /// Anybody can put his own there.
    pub allow_clear_trailer: bool,
}

impl Policy {
    /// Accepts everything: for a meter without a key.
    pub const OPEN: Self = Self { required: Profile::None, allow_clear: true, allow_clear_trailer: true };

    /// For a meter that has a key and no known profile: any mode that enciphers, no data in clear.
    pub const KEYED: Self = Self { required: Profile::None, allow_clear: false, allow_clear_trailer: false };

    /// The policy for a meter set to `profile`: nothing below it, and no data in clear, all or in part.
    #[must_use]
    pub const fn require(profile: Profile) -> Self {
        let open = matches!(profile, Profile::None);
        Self { required: profile, allow_clear: open, allow_clear_trailer: open }
    }

    /// Judges a telegram.
    ///
    /// # Errors
    /// A [`PolicyError`] with the reason. The telegram's readings are not to be used then.
    pub fn check(&self, observed: &Observed) -> Result<(), PolicyError> {
        let required = self.required.row();
        let any_profile = matches!(self.required, Profile::None);
        if observed.without_data || (!observed.deciphered && self.allow_clear) {
            return Ok(());
        }
        if !observed.deciphered {
            return Err(if any_profile || observed.mode == required.mode {
                PolicyError::ClearData
            } else {
                PolicyError::Downgrade { required: self.required, mode: observed.mode }
            });
        }
        let found = Profile::of_mode(observed.mode).map(Profile::row);
        let strong_enough = match found {
            _ if any_profile => true,
            Some(found) => found.mode == required.mode || (found.authenticated && !required.authenticated),
            None => false,
        };
        if !strong_enough {
            return Err(PolicyError::Downgrade { required: self.required, mode: observed.mode });
        }
        if required.authenticated && !observed.authenticated {
            return Err(PolicyError::NotAuthenticated { required: self.required });
        }
        if required.authenticated && !observed.derived {
            return Err(PolicyError::KeyNotDerived { required: self.required });
        }
        if observed.clear_octets > 0 && !self.allow_clear_trailer {
            return Err(PolicyError::ClearTrailer { octets: observed.clear_octets });
        }
        Ok(())
    }
}

/// The policies of many meters.
pub trait Policies {
    /// The policy for the telegrams of a meter, for the key of this number.
    fn policy(&self, meter: &KeyRequest) -> Policy;
}

/// The same policy for every meter.
impl Policies for Policy {
    fn policy(&self, _: &KeyRequest) -> Policy {
        *self
    }
}

/// A table of policies, looked through from the front. Of a meter without a row nobody said that it may send in clear:
/// [`Policy::KEYED`]. Put a row that fits all at the end where that is not so, or see [`PolicyTable`].
impl Policies for [(KeySelector, Policy)] {
    fn policy(&self, meter: &KeyRequest) -> Policy {
        row(self, meter).unwrap_or(Policy::KEYED)
    }
}

fn row(table: &[(KeySelector, Policy)], meter: &KeyRequest) -> Option<Policy> {
    table.iter().find(|(selector, _)| selector.fits(meter)).map(|(_, policy)| *policy)
}

/// A table of policies for the meters of which more is known than that there is a key; for all others those that the
/// keys make ([`KeyedMeters`]).
///
/// ```
/// use oms_security::key::{Aes, Key, KeySelector, PreparedKey};
/// use oms_security::profile::{Policy, PolicyTable, Profile};
/// let selector = KeySelector { identification: "12345678".parse().ok(), ..KeySelector::default() };
/// let keys = [(selector, PreparedKey::<Aes>::new(&Key::new([7; 16])))];
/// let rows = [(selector, Policy::require(Profile::B))];
/// let policies = PolicyTable { keys: &keys[..], rows: &rows };
/// # let _ = policies;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct PolicyTable<'k, P: ?Sized> {
    /// The keys.
    pub keys: &'k P,
    /// The policies, looked through from the front.
    pub rows: &'k [(KeySelector, Policy)],
}

impl<P: KeyProvider + ?Sized> Policies for PolicyTable<'_, P> {
    fn policy(&self, meter: &KeyRequest) -> Policy {
        row(self.rows, meter).unwrap_or_else(|| KeyedMeters(self.keys).policy(meter))
    }
}

/// The policies that keys make by themselves: [`Policy::KEYED`] for a meter that there is a key for and for a message that
/// names no meter (all its octets are zero then), [`Policy::OPEN`] for all others. What to judge with where nothing else is known of the meters.
#[derive(Clone, Copy, Debug)]
pub struct KeyedMeters<'k, P: ?Sized>(
    /// The keys.
    pub &'k P,
);

impl<P: KeyProvider + ?Sized> Policies for KeyedMeters<'_, P> {
    fn policy(&self, meter: &KeyRequest) -> Policy {
        let is_nameless = meter.meter == Address::default();
        if is_nameless || self.0.candidate(meter, 0).is_some() { Policy::KEYED } else { Policy::OPEN }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    const fn observed(mode: u8) -> Observed {
        Observed {
            mode,
            authenticated: matches!(mode, 7 | 10 | 13),
            derived: matches!(mode, 7 | 10 | 13),
            deciphered: mode != 0,
            without_data: false,
            clear_octets: 0,
        }
    }

    #[test]
    fn every_row_is_its_own() {
        for row in Profile::TABLE {
            assert_eq!(row.profile.row(), row);
            assert_eq!(Profile::of_mode(row.mode), Some(row.profile));
            assert_eq!(row.profile.to_string(), row.name);
        }
        assert_eq!(Profile::of_mode(9), None);
    }

    #[test]
    fn every_profile_against_every_mode() {
        // Required profile, then the verdict on modes 0, 5, 7, 13, 10, 9: accepted or refused as a downgrade.
        let table = [
            (Profile::None, [true, true, true, true, true, true]),
            (Profile::A, [false, true, true, true, true, false]),
            (Profile::B, [false, false, true, false, false, false]),
            (Profile::C, [false, false, false, true, false, false]),
            (Profile::D, [false, false, false, false, true, false]),
        ];
        for (required, verdicts) in table {
            for (mode, accepted) in [0, 5, 7, 13, 10, 9].into_iter().zip(verdicts) {
                let expected = if accepted { Ok(()) } else { Err(PolicyError::Downgrade { required, mode }) };
                assert_eq!(Policy::require(required).check(&observed(mode)), expected, "{required} {mode}");
                assert_eq!(Policy::OPEN.check(&observed(mode)), Ok(()));
            }
        }
    }

    #[test]
    fn clear_data_of_a_keyed_meter() {
        // Mode 5 announced, found in clear: anybody can send that.
        let plain = Observed { deciphered: false, ..observed(5) };
        let policy = Policy::require(Profile::A);
        assert_eq!(policy.check(&plain), Err(PolicyError::ClearData));
        assert_eq!(Policy { allow_clear: true, ..policy }.check(&plain), Ok(()));
        assert_eq!(policy.check(&Observed { without_data: true, ..observed(0) }), Ok(()));
    }

    #[test]
    fn a_meter_with_a_key_and_no_profile() {
        for mode in [5, 7, 9, 10, 13] {
            assert_eq!(Policy::KEYED.check(&observed(mode)), Ok(()));
            let plain = Observed { deciphered: false, ..observed(mode) };
            assert_eq!(Policy::KEYED.check(&plain), Err(PolicyError::ClearData));
            assert_eq!(Policy::OPEN.check(&plain), Ok(()));
        }
        assert_eq!(Policy::KEYED.check(&observed(0)), Err(PolicyError::ClearData));
        assert_eq!(Policy::KEYED.check(&Observed { without_data: true, ..observed(0) }), Ok(()));
        // Deciphered by the cipher of the extended link layer alone: no mode of its own.
        let link = Observed { deciphered: true, ..observed(0) };
        assert_eq!(Policy::KEYED.check(&link), Ok(()));
        assert_eq!(
            Policy::require(Profile::A).check(&link),
            Err(PolicyError::Downgrade { required: Profile::A, mode: 0 })
        );
    }

    #[test]
    fn each_meter_has_its_own_policy() {
        let selector =
            |text: &str| KeySelector { identification: text.parse().ok(), ..KeySelector::default() };
        let table = [
            (selector("12345678"), Policy::require(Profile::B)),
            (selector("1234FFFF"), Policy::require(Profile::D)),
            (selector("9FFFFFFF"), Policy::KEYED),
        ];
        let policy = |text: &str| {
            let identification = text.parse().unwrap();
            let meter = Address { identification, ..Address::default() };
            let request =
                KeyRequest { meter, mode: crate::mode::SecurityMode::NONE, key_id: 0, key_version: None };
            table[..].policy(&request)
        };
        assert_eq!(policy("12345678").required, Profile::B);
        assert_eq!(policy("12340000").required, Profile::D);
        assert_eq!(policy("90000000"), Policy::KEYED);
        assert_eq!(policy("80000000"), Policy::KEYED, "no row: nobody said that it may send in clear");
    }

    #[cfg(feature = "aes")]
    #[test]
    fn keys_make_policies() {
        use crate::key::{Aes, Key, NoKeys, PreparedKey};
        let selector = KeySelector { identification: "12345678".parse().ok(), ..KeySelector::default() };
        let keys = [(selector, PreparedKey::<Aes>::new(&Key::new([1; 16])))];
        let policy = |policies: &dyn Policies, text: &str| {
            let identification = text.parse().unwrap();
            let meter = Address { identification, ..Address::default() };
            policies.policy(&KeyRequest {
                meter,
                mode: crate::mode::SecurityMode::NONE,
                key_id: 0,
                key_version: None,
            })
        };
        assert_eq!(policy(&KeyedMeters(&keys[..]), "12345678"), Policy::KEYED);
        assert_eq!(policy(&KeyedMeters(&keys[..]), "12345679"), Policy::OPEN);
        assert_eq!(policy(&KeyedMeters(&NoKeys), "12345678"), Policy::OPEN);
        assert_eq!(policy(&KeyedMeters(&NoKeys), "00000000"), Policy::KEYED, "nobody's");
        // A row says more; without one a key does.
        let row = KeySelector { identification: "12345679".parse().ok(), ..KeySelector::default() };
        let rows = [(row, Policy::require(Profile::B))];
        let table = PolicyTable { keys: &keys[..], rows: &rows };
        assert_eq!(policy(&table, "12345678"), Policy::KEYED);
        assert_eq!(policy(&table, "12345679"), Policy::require(Profile::B));
        assert_eq!(policy(&table, "12345677"), Policy::OPEN);
    }

    #[test]
    fn a_mode_with_mac_needs_the_mac() {
        let unverified = Observed { authenticated: false, ..observed(7) };
        let error = PolicyError::NotAuthenticated { required: Profile::B };
        assert_eq!(Policy::require(Profile::B).check(&unverified), Err(error));
    }

    #[test]
    fn a_profile_with_derivation_needs_it() {
        for (required, mode) in [(Profile::B, 7), (Profile::C, 13), (Profile::D, 10)] {
            let not_derived = Observed { derived: false, ..observed(mode) };
            let refusal = Policy::require(required).check(&not_derived).unwrap_err();
            assert_eq!(
                (refusal, refusal.name()),
                (PolicyError::KeyNotDerived { required }, "key_not_derived")
            );
            assert_eq!(Policy::require(Profile::A).check(&not_derived), Ok(()));
            assert_eq!(Policy::KEYED.check(&not_derived), Ok(()));
        }
    }

    #[test]
    fn clear_trailers() {
        let partly = Observed { clear_octets: 5, ..observed(5) };
        for policy in [Policy::require(Profile::A), Policy::KEYED] {
            assert_eq!(policy.check(&partly), Err(PolicyError::ClearTrailer { octets: 5 }));
            assert_eq!(policy.check(&partly).map_err(PolicyError::name), Err("clear_trailer"));
            assert_eq!(Policy { allow_clear_trailer: true, ..policy }.check(&partly), Ok(()));
        }
        for policy in [Policy::OPEN, Policy::require(Profile::None)] {
            assert_eq!(policy.check(&partly), Ok(()));
        }
    }
}
