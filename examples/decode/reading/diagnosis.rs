//! Why a telegram does not open, in words for the person who has the key.

use super::Candidates;
use crate::decode::model::Reading;
use mbus_app::diagnosis::{Check, diagnose};
use mbus_app::telegram::Input;

/// Adds what was found by trying to a reading that failed: causes to the hint, the octets of the check as a note.
pub(super) fn add(
    reading: &mut Reading,
    octets: &[u8],
    input: Input,
    keys: &Candidates,
    reversed: &Candidates,
) {
    let Some(problem) = &mut reading.error else { return };
    let mut scratch = vec![0; octets.len()];
    let Some(found) = diagnose(octets, input, keys, Some(reversed), &mut scratch) else { return };
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
