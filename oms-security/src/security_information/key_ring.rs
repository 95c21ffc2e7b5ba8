//! The keys of one meter over their lives: brought, in force, replaced, destroyed. For the meter and for its gateway.
//!
//! ```text
//!            take            activate, at its time          deactivate, destroy
//! (nothing) ------> waiting ----------------------> in force ------------------> gone
//! ```
//!
//! OMS Vol. 2 Annex F names the functions; the rules are those that keep an attacker who repeats old blocks, and a gateway
//! that loses an answer, from doing harm. Invariants: versions of a purpose only grow: neither a key nor an activation comes
//! back that is older than what was there, also when the newer key is gone; only keys that are in force open telegrams
//! ([`KeyRing`] as [`KeyProvider`]); an activation is done whole or not at all; the last master key in force stays. Every
//! refusal leaves the ring as it was. Keys are held prepared, never printed, and wiped with their cipher.

use core::fmt;

use mbus_link::Address;
use zeroize::ZeroizeOnDrop;

use super::{KeyActivation, KeyPurpose, KeyTransfer, Status, TargetTime};
use crate::key::{BlockCipher128, KeyProvider, KeyRequest, KeySelector, PreparedKey};

/// Why a ring does not do what it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum KeyRingError {
    /// A key or an activation that is not newer than what was there: a block that was sent before, or a step back.
    #[error("version {version:X} is not above {newest:X}, the newest that was there: raise the version")]
    NotNewer {
        /// The version that was sent.
        version: u8,
        /// The newest of this purpose.
        newest: u8,
    },
    /// No such key: bring it first.
    #[error("there is no key of purpose {:02X}h and version {version:X}: send it first", purpose.0)]
    KeyUnknown {
        /// The purpose.
        purpose: KeyPurpose,
        /// The version.
        version: u8,
    },
    /// The time to act is none that can be compared.
    #[error("the target time is not valid, or of a form that is not published")]
    TargetTime,
    /// Without it nobody could speak to the meter any more.
    #[error("the last master key in force cannot go: activate another one first")]
    LastMasterKey,
    /// No room.
    #[error("the ring of {capacity} keys is full: destroy one that is not needed")]
    Full {
        /// Keys that fit.
        capacity: usize,
    },
}

impl KeyRingError {
    /// The error as one lower-case word, for logs and scripts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotNewer { .. } => "not_newer",
            Self::KeyUnknown { .. } => "key_unknown",
            Self::TargetTime => "target_time",
            Self::LastMasterKey => "last_master_key",
            Self::Full { .. } => "full",
        }
    }
    /// The status that tells the sender, where one is published for it.
    #[must_use]
    pub const fn status(self) -> Option<Status> {
        match self {
            Self::NotNewer { .. } | Self::KeyUnknown { .. } => Some(Status::KEY_UNKNOWN),
            Self::TargetTime => Some(Status::TARGET_TIME),
            Self::LastMasterKey | Self::Full { .. } => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    InForce,
    Gone,
}

struct Entry<C> {
    purpose: KeyPurpose,
    version: u8,
    not_before: TargetTime,
    state: State,
    /// None when it was destroyed: its version is remembered all the same.
    key: Option<PreparedKey<C>>,
}

/// The keys of one meter, at most `N`.
///
/// ```
/// use oms_security::key::{Aes, Key, KeyProvider, PreparedKey};
/// use oms_security::security_information::{KeyActivation, KeyPurpose, KeyRing, KeyTransfer, Status, TargetTime};
/// # let meter = mbus_link::Address::from_link_octets([0x93, 0x15, 0x78, 0x56, 0x34, 0x12, 0x33, 0x03]);
/// let mut ring = KeyRing::<Aes, 4>::new(meter);
/// ring.install(KeyPurpose::BREAKER, 1, PreparedKey::new(&Key::new([1; 16])))?;
/// // A new key comes, and waits.
/// let key = Key::new([2; 16]);
/// let new = KeyTransfer { key, target_time: TargetTime::NOW, purpose: KeyPurpose::BREAKER, version: 2 };
/// ring.take(&new, &PreparedKey::new(&Key::new([9; 16])))?;
/// assert_eq!(ring.version_in_force(KeyPurpose::BREAKER), Some(1));
/// let order = KeyActivation {
///     target_time: TargetTime::NOW,
///     activate: (KeyPurpose::BREAKER, 2),
///     deactivate: (KeyPurpose::BREAKER, 1),
///     option: 0,
/// };
/// assert_eq!(ring.activate(&order, TargetTime::of_seconds(0))?, Status::OK);
/// assert_eq!(ring.version_in_force(KeyPurpose::BREAKER), Some(2));
/// // Neither the key nor the order works a second time.
/// assert!(ring.take(&new, &PreparedKey::new(&Key::new([9; 16]))).is_err());
/// assert!(ring.activate(&order, TargetTime::of_seconds(0)).is_err());
/// # Ok::<(), oms_security::security_information::KeyRingError>(())
/// ```
pub struct KeyRing<C, const N: usize> {
    meter: Address,
    entries: [Option<Entry<C>>; N],
    scheduled: Option<KeyActivation>,
}

/// The keys are wiped, if the cipher does so.
impl<C: ZeroizeOnDrop, const N: usize> ZeroizeOnDrop for KeyRing<C, N> {}

/// Purposes, versions and states; never a key.
impl<C, const N: usize> fmt::Debug for KeyRing<C, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        for entry in self.entries.iter().flatten() {
            list.entry(&(entry.purpose, entry.version, entry.state));
        }
        list.finish()
    }
}

impl<C: BlockCipher128, const N: usize> KeyRing<C, N> {
    /// A ring without keys, of this meter.
    #[must_use]
    pub const fn new(meter: Address) -> Self {
        Self { meter, entries: [const { None }; N], scheduled: None }
    }
    /// Puts in a key that is in force, such as the one that the meter was made with.
    ///
    /// # Errors
    /// [`KeyRingError::NotNewer`]; [`KeyRingError::Full`].
    pub fn install(
        &mut self,
        purpose: KeyPurpose,
        version: u8,
        key: PreparedKey<C>,
    ) -> Result<(), KeyRingError> {
        self.put(Entry {
            purpose,
            version,
            not_before: TargetTime::NOW,
            state: State::InForce,
            key: Some(key),
        })
    }
    /// Takes a key that was transferred, and lets it wait for its activation. `wrapper`, under which it came, gives the
    /// cipher.
    ///
    /// # Errors
    /// [`KeyRingError::NotNewer`], also for a transfer that is repeated; [`KeyRingError::TargetTime`] when its time
    /// cannot be compared; [`KeyRingError::Full`].
    pub fn take(&mut self, transfer: &KeyTransfer, wrapper: &PreparedKey<C>) -> Result<(), KeyRingError> {
        let KeyTransfer { key, target_time: not_before, purpose, version } = transfer;
        if not_before.seconds().is_none() {
            return Err(KeyRingError::TargetTime);
        }
        self.put(Entry {
            purpose: *purpose,
            version: *version,
            not_before: *not_before,
            state: State::Waiting,
            key: Some(wrapper.rekeyed(key)),
        })
    }
    fn put(&mut self, entry: Entry<C>) -> Result<(), KeyRingError> {
        let version = entry.version;
        if let Some(newest) = self.newest(entry.purpose).filter(|newest| version <= *newest) {
            return Err(KeyRingError::NotNewer { version, newest });
        }
        // A key that is gone is remembered for its version, as long as it is the newest of its purpose.
        let is_free = |old: &Entry<C>| {
            let newest = self.newest(old.purpose);
            old.key.is_none() && (old.purpose == entry.purpose || newest > Some(old.version))
        };
        let free = self.entries.iter().position(|place| place.as_ref().is_none_or(is_free));
        let place = free.and_then(|free| self.entries.get_mut(free));
        *place.ok_or(KeyRingError::Full { capacity: N })? = Some(entry);
        Ok(())
    }

    /// Carries out an activation, or keeps it for its time: [`Status::OK`], or [`Status::SCHEDULED`] when its target time,
    /// or that of the key, is after `now`. A scheduled one takes the place of another that waits.
    ///
    /// # Errors
    /// [`KeyRingError::KeyUnknown`] for a key that was not brought, or went; [`KeyRingError::NotNewer`] when a newer one
    /// of the purpose is in force; [`KeyRingError::TargetTime`]; [`KeyRingError::LastMasterKey`].
    pub fn activate(&mut self, order: &KeyActivation, now: TargetTime) -> Result<Status, KeyRingError> {
        let now = now.seconds().ok_or(KeyRingError::TargetTime)?;
        let due = self.due(order)?;
        if due > now {
            self.scheduled = Some(KeyActivation { target_time: TargetTime::of_seconds(due), ..*order });
            return Ok(Status::SCHEDULED);
        }
        let (on, off) = (order.activate, order.deactivate);
        self.set(off, State::Gone);
        self.set(on, State::InForce);
        Ok(Status::OK)
    }
    /// The second from which on an activation can be done, after everything that stands against it.
    fn due(&self, order: &KeyActivation) -> Result<i32, KeyRingError> {
        let (purpose, version) = order.activate;
        let unknown = |(purpose, version)| KeyRingError::KeyUnknown { purpose, version };
        let on = self.entry(order.activate).filter(|entry| entry.state != State::Gone);
        let on = on.ok_or(unknown(order.activate))?;
        let off = self.entry(order.deactivate).filter(|entry| entry.state == State::InForce);
        let off = off.filter(|_| order.activate != order.deactivate).ok_or(unknown(order.deactivate))?;
        if let Some(newest) = self.version_in_force(purpose).filter(|newest| version < *newest) {
            return Err(KeyRingError::NotNewer { version, newest });
        }
        if purpose != KeyPurpose::MASTER && self.is_last_master(off) {
            return Err(KeyRingError::LastMasterKey);
        }
        let ordered = order.target_time.seconds().ok_or(KeyRingError::TargetTime)?;
        let not_before = on.not_before.seconds().ok_or(KeyRingError::TargetTime)?;
        Ok(ordered.max(not_before))
    }
    /// When [`KeyRing::handle_timeout`] is to be called; `None` when nothing waits.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<TargetTime> {
        self.scheduled.map(|order| order.target_time)
    }
    /// Carries out what waits for `now` and gives it back; what cannot be done any more is given up, with the reason.
    ///
    /// # Errors
    /// As [`KeyRing::activate`].
    pub fn handle_timeout(&mut self, now: TargetTime) -> Result<Option<KeyActivation>, KeyRingError> {
        let seconds = now.seconds().ok_or(KeyRingError::TargetTime)?;
        let due = |order: &KeyActivation| order.target_time.seconds().is_some_and(|due| due <= seconds);
        let Some(order) = self.scheduled.filter(due) else { return Ok(None) };
        self.scheduled = None;
        self.activate(&order, now).map(|_| Some(order))
    }
    /// Takes a key out of force: it opens nothing from now on, and cannot come back.
    ///
    /// # Errors
    /// [`KeyRingError::KeyUnknown`]; [`KeyRingError::LastMasterKey`].
    pub fn deactivate(&mut self, purpose: KeyPurpose, version: u8) -> Result<(), KeyRingError> {
        let entry = self.entry((purpose, version)).filter(|entry| entry.state != State::Gone);
        let entry = entry.ok_or(KeyRingError::KeyUnknown { purpose, version })?;
        if self.is_last_master(entry) {
            return Err(KeyRingError::LastMasterKey);
        }
        self.set((purpose, version), State::Gone);
        Ok(())
    }
    /// The newest version of a purpose that is in force.
    #[must_use]
    pub fn version_in_force(&self, purpose: KeyPurpose) -> Option<u8> {
        self.in_force(purpose).map(|entry| entry.version).max()
    }

    fn newest(&self, purpose: KeyPurpose) -> Option<u8> {
        let same = self.entries.iter().flatten().filter(|entry| entry.purpose == purpose);
        same.map(|entry| entry.version).max()
    }
    fn in_force(&self, purpose: KeyPurpose) -> impl Iterator<Item = &Entry<C>> {
        let entries = self.entries.iter().flatten();
        entries.filter(move |entry| entry.purpose == purpose && entry.state == State::InForce)
    }
    fn entry(&self, (purpose, version): (KeyPurpose, u8)) -> Option<&Entry<C>> {
        self.entries.iter().flatten().find(|entry| entry.purpose == purpose && entry.version == version)
    }
    fn is_last_master(&self, entry: &Entry<C>) -> bool {
        entry.purpose == KeyPurpose::MASTER
            && entry.state == State::InForce
            && self.in_force(KeyPurpose::MASTER).count() == 1
    }
    /// A key that goes is wiped.
    fn set(&mut self, (purpose, version): (KeyPurpose, u8), state: State) {
        let mut entries = self.entries.iter_mut().flatten();
        if let Some(entry) = entries.find(|entry| entry.purpose == purpose && entry.version == version) {
            entry.state = state;
            if state == State::Gone {
                entry.key = None;
            }
        }
    }
    /// Candidate `n` among the keys that are in force and, with `ahead`, behind them those that wait; newest first.
    fn nth(&self, request: &KeyRequest, n: usize, ahead: bool) -> Option<&PreparedKey<C>> {
        let Address { manufacturer, identification, version, device_type } = self.meter;
        let is_ours = KeySelector {
            manufacturer: Some(manufacturer),
            identification: Some(identification),
            version: Some(version),
            device_type: Some(device_type),
            key_id: None,
        };
        if !is_ours.fits(request) {
            return None;
        }
        let fits = |entry: &&Entry<C>| {
            entry.purpose.0 == request.key_id
                && request.key_version.is_none_or(|version| version == entry.version)
                && entry.key.is_some()
                && (ahead || entry.state == State::InForce)
        };
        let rank = |entry: &Entry<C>| (entry.state == State::InForce, entry.version);
        let candidates = || self.entries.iter().flatten().filter(fits);
        let place = |entry: &Entry<C>| candidates().filter(|other| rank(other) > rank(entry)).count();
        candidates().find(|entry| place(entry) == n).and_then(|entry| entry.key.as_ref())
    }
    /// The same keys, and behind them those that wait: for a gateway whose meter may be a step ahead, since its answer to
    /// an activation was lost. When a telegram opens with a key that waits, the activation was done.
    #[must_use]
    pub const fn ahead(&self) -> Ahead<'_, C, N> {
        Ahead(self)
    }
}

/// The keys that are in force, newest first; those of other meters are not asked for here.
impl<C: BlockCipher128, const N: usize> KeyProvider for KeyRing<C, N> {
    type Cipher = C;

    fn candidate(&self, request: &KeyRequest, n: usize) -> Option<&PreparedKey<C>> {
        self.nth(request, n, false)
    }
}

/// See [`KeyRing::ahead`].
#[derive(Debug)]
pub struct Ahead<'a, C, const N: usize>(&'a KeyRing<C, N>);

impl<C: BlockCipher128, const N: usize> KeyProvider for Ahead<'_, C, N> {
    type Cipher = C;

    fn candidate(&self, request: &KeyRequest, n: usize) -> Option<&PreparedKey<C>> {
        self.0.nth(request, n, true)
    }
}

#[cfg(test)]
#[cfg(feature = "aes")]
mod tests {
    use super::*;
    use crate::key::{Aes, Key, MAX_CANDIDATES};
    use crate::mode::SecurityMode;
    use std::format;
    use std::vec::Vec;

    const NOW: TargetTime = TargetTime::of_seconds(1000);

    fn meter() -> Address {
        Address::from_link_octets([0x93, 0x15, 0x78, 0x56, 0x34, 0x12, 0x33, 0x03])
    }
    fn key(octet: u8) -> PreparedKey<Aes> {
        PreparedKey::new(&Key::new([octet; 16]))
    }
    fn transfer(purpose: KeyPurpose, version: u8) -> KeyTransfer {
        KeyTransfer { key: Key::new([version; 16]), target_time: TargetTime::NOW, purpose, version }
    }
    fn order(purpose: KeyPurpose, on: u8, off: u8) -> KeyActivation {
        let (activate, deactivate) = ((purpose, on), (purpose, off));
        KeyActivation { target_time: TargetTime::NOW, activate, deactivate, option: 0 }
    }
    /// Version 1 of the master key in force, and version 2 waiting.
    fn ring() -> KeyRing<Aes, 4> {
        let mut ring = KeyRing::new(meter());
        ring.install(KeyPurpose::MASTER, 1, key(1)).unwrap();
        ring.take(&transfer(KeyPurpose::MASTER, 2), &key(9)).unwrap();
        ring
    }
    fn states<const N: usize>(ring: &KeyRing<Aes, N>) -> Vec<(u8, u8, State)> {
        ring.entries.iter().flatten().map(|e| (e.purpose.0, e.version, e.state)).collect()
    }
    /// What the candidates of a provider make of one block: tells the keys apart.
    fn candidates<P: KeyProvider<Cipher = Aes>>(provider: &P, key_version: Option<u8>) -> Vec<[u8; 16]> {
        let request = KeyRequest { meter: meter(), mode: SecurityMode::NONE, key_id: 0, key_version };
        let keys = (0..MAX_CANDIDATES).map_while(|n| provider.candidate(&request, n));
        keys.map(|key| *crate::kdf::cmac(key, &[])).collect()
    }
    fn mark(octet: u8) -> [u8; 16] {
        *crate::kdf::cmac(&key(octet), &[])
    }

    #[test]
    fn a_key_that_waits_opens_nothing_until_it_is_activated() {
        let mut ring = ring();
        assert_eq!(candidates(&ring, None), [mark(1)]);
        assert_eq!(candidates(&ring, Some(2)), [[0; 16]; 0]);
        assert_eq!(candidates(&ring.ahead(), None), [mark(1), mark(2)]);
        assert_eq!(ring.activate(&order(KeyPurpose::MASTER, 2, 1), NOW), Ok(Status::OK));
        assert_eq!(candidates(&ring, None), [mark(2)]);
        assert_eq!(candidates(&ring, Some(1)), [[0; 16]; 0]);
        let mut other = KeyRequest {
            meter: Address { version: mbus_link::Version(9), ..meter() },
            mode: SecurityMode::NONE,
            key_id: 0,
            key_version: None,
        };
        assert!(ring.candidate(&other, 0).is_none(), "the key of another meter");
        other.meter = meter();
        assert!(ring.candidate(&other, 0).is_some());
        other.key_id = 0x20;
        assert!(ring.candidate(&other, 0).is_none(), "a key for another purpose");
    }

    #[test]
    fn nothing_comes_twice_and_nothing_goes_back() {
        let mut ring = ring();
        let not_newer = |version, newest| Err(KeyRingError::NotNewer { version, newest });
        for version in [0, 1, 2] {
            assert_eq!(ring.take(&transfer(KeyPurpose::MASTER, version), &key(9)), not_newer(version, 2));
            assert_eq!(ring.install(KeyPurpose::MASTER, version, key(3)), not_newer(version, 2));
        }
        ring.activate(&order(KeyPurpose::MASTER, 2, 1), NOW).unwrap();
        let before = states(&ring);
        for (on, off) in [(1, 2), (2, 1), (2, 2), (3, 2), (1, 1)] {
            let refusal = ring.activate(&order(KeyPurpose::MASTER, on, off), NOW).unwrap_err();
            assert_eq!((refusal.name(), refusal.status()), ("key_unknown", Some(Status::KEY_UNKNOWN)));
        }
        assert_eq!(states(&ring), before);
        // An older key that still waits is not set above the newer one either.
        let mut ring = KeyRing::<Aes, 4>::new(meter());
        ring.install(KeyPurpose::MASTER, 1, key(1)).unwrap();
        ring.take(&transfer(KeyPurpose::MASTER, 2), &key(9)).unwrap();
        ring.take(&transfer(KeyPurpose::MASTER, 3), &key(9)).unwrap();
        ring.activate(&order(KeyPurpose::MASTER, 3, 1), NOW).unwrap();
        assert_eq!(ring.activate(&order(KeyPurpose::MASTER, 2, 3), NOW).map(|_| ()), not_newer(2, 3));
        assert_eq!(ring.version_in_force(KeyPurpose::MASTER), Some(3));
    }

    #[test]
    fn destroyed_versions_are_remembered() {
        let mut ring = KeyRing::<Aes, 2>::new(meter());
        ring.install(KeyPurpose::BREAKER, 7, key(7)).unwrap();
        ring.deactivate(KeyPurpose::BREAKER, 7).unwrap();
        assert!(ring.entries.iter().flatten().all(|entry| entry.key.is_none()), "a key that went was kept");
        let again = ring.take(&transfer(KeyPurpose::BREAKER, 7), &key(9));
        assert_eq!(again, Err(KeyRingError::NotNewer { version: 7, newest: 7 }));
        assert_eq!(ring.deactivate(KeyPurpose::BREAKER, 7).unwrap_err().name(), "key_unknown");
        // Places of versions that need no remembering are used again.
        for version in 8..100 {
            ring.take(&transfer(KeyPurpose::BREAKER, version), &key(9)).unwrap();
            ring.deactivate(KeyPurpose::BREAKER, version).unwrap();
        }
        ring.install(KeyPurpose::CLOCK_SET, 0, key(1)).unwrap();
        let full = ring.install(KeyPurpose::CLOCK_ADJUST, 0, key(1));
        assert_eq!(full, Err(KeyRingError::Full { capacity: 2 }));
        assert_eq!(full.unwrap_err().status(), None);
    }

    #[test]
    fn the_last_master_key_stays() {
        let mut ring = ring();
        ring.install(KeyPurpose::BREAKER, 1, key(5)).unwrap();
        assert_eq!(ring.deactivate(KeyPurpose::MASTER, 1), Err(KeyRingError::LastMasterKey));
        let mut steal = order(KeyPurpose::BREAKER, 1, 1);
        steal.deactivate = (KeyPurpose::MASTER, 1);
        assert_eq!(ring.activate(&steal, NOW), Err(KeyRingError::LastMasterKey));
        assert_eq!(ring.version_in_force(KeyPurpose::MASTER), Some(1));
        // The one that waits may go, and one of two.
        ring.deactivate(KeyPurpose::MASTER, 2).unwrap();
        ring.install(KeyPurpose::MASTER, 3, key(3)).unwrap();
        ring.deactivate(KeyPurpose::MASTER, 1).unwrap();
    }

    #[test]
    fn times() {
        let at = |seconds, on| KeyActivation {
            target_time: TargetTime::of_seconds(seconds),
            ..order(KeyPurpose::MASTER, on, 1)
        };
        let mut ring = ring();
        for bad in [TargetTime::INVALID, TargetTime([0, 0, 0, 0, 0x31])] {
            let order = KeyActivation { target_time: bad, ..at(0, 2) };
            let refusal = ring.activate(&order, NOW).unwrap_err();
            assert_eq!(refusal.status(), Some(Status::TARGET_TIME));
            assert_eq!(ring.activate(&at(0, 2), bad), Err(KeyRingError::TargetTime));
            assert_eq!(ring.handle_timeout(bad), Err(KeyRingError::TargetTime));
            let transfer = KeyTransfer { target_time: bad, ..transfer(KeyPurpose::MASTER, 3) };
            assert_eq!(ring.take(&transfer, &key(9)), Err(KeyRingError::TargetTime));
        }
        // Later, and then a later order in its place.
        assert_eq!(ring.activate(&at(1001, 2), NOW), Ok(Status::SCHEDULED));
        let later =
            KeyTransfer { target_time: TargetTime::of_seconds(3000), ..transfer(KeyPurpose::MASTER, 3) };
        ring.take(&later, &key(9)).unwrap();
        assert_eq!(ring.activate(&at(2000, 3), NOW), Ok(Status::SCHEDULED));
        assert_eq!(ring.poll_timeout(), Some(TargetTime::of_seconds(3000)), "the time of the key counts too");
        assert_eq!(ring.handle_timeout(TargetTime::of_seconds(2999)), Ok(None));
        assert_eq!(ring.version_in_force(KeyPurpose::MASTER), Some(1));
        let done = ring.handle_timeout(TargetTime::of_seconds(3000)).unwrap().unwrap();
        assert_eq!((done.activate, ring.poll_timeout()), ((KeyPurpose::MASTER, 3), None));
        assert_eq!(ring.version_in_force(KeyPurpose::MASTER), Some(3));
        // What cannot be done any more is given up, with the reason.
        ring.take(&transfer(KeyPurpose::MASTER, 4), &key(9)).unwrap();
        let order = KeyActivation { deactivate: (KeyPurpose::MASTER, 3), ..at(4000, 4) };
        assert_eq!(ring.activate(&order, NOW), Ok(Status::SCHEDULED));
        ring.deactivate(KeyPurpose::MASTER, 4).unwrap();
        assert_eq!(ring.handle_timeout(TargetTime::of_seconds(4000)).unwrap_err().name(), "key_unknown");
        assert_eq!((ring.poll_timeout(), ring.handle_timeout(NOW)), (None, Ok(None)));
    }

    #[test]
    fn no_key_is_printed() {
        let text = format!("{:?} {:#?} {:?}", ring(), ring(), ring().ahead());
        assert!(text.contains("KeyPurpose(0), 2, Waiting"), "{text}");
        assert!(!text.contains("[1, 1") && !text.contains("0101"), "{text}");
    }
}
