//! Why a telegram does not open, in words for the person who has the key.

use super::Candidates;
use crate::decode::model::Reading;
use mbus_app::diagnosis::{Check, Diagnosis, diagnose, diagnose_message};
use mbus_app::telegram::Input;
use mbus_link::{Address, CField};
use oms_security::afl::AflMessage;

/// Adds what was found by trying to a reading that failed: causes to the hint, the octets of the check as a note.
pub(super) fn add(
    reading: &mut Reading,
    octets: &[u8],
    input: Input,
    keys: &Candidates,
    reversed: &Candidates,
) {
    let mut scratch = vec![0; octets.len()];
    if let Some(found) = diagnose(octets, input, keys, Some(reversed), &mut scratch) {
        tell(reading, &found);
    }
}

/// The same for a message that was put together from fragments.
pub(super) fn add_of_message(
    reading: &mut Reading,
    message: &[u8],
    link: (Option<Address>, Option<CField>),
    afl: AflMessage,
    keys: &Candidates,
    reversed: &Candidates,
) {
    let mut scratch = vec![0; message.len()];
    if let Some(found) = diagnose_message(message, link, afl, keys, Some(reversed), &mut scratch) {
        tell(reading, &found);
    }
}

fn tell(reading: &mut Reading, found: &Diagnosis) {
    let Some(problem) = &mut reading.error else { return };
    if found.check() == Check::Key {
        return;
    }
    let causes: Vec<&str> = found.causes().map(|cause| cause.advice()).collect();
    if !causes.is_empty() {
        problem.hint = causes.join("; ");
    }
    let parts: Vec<String> = found.parts().map(|part| part.to_string()).collect();
    if !parts.is_empty() {
        let check = found.check().name().replace('_', " ");
        reading.notes.push(format!("the check that failed ({check}) covers: {}", parts.join(", ")));
    }
}
