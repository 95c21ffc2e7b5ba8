//! The vectors of both links: frames with their CRCs, extended link layers, chips, wired frames, lines of receivers.
//!
//! Every row of the sheet is read by the library and built again from what was read, octet for octet or chip for chip.
//! A row without a check is an error, so is a check that finds no row. What cannot go both ways stands in [`EXEMPT`] with
//! its reason; an exemption of a row that goes both ways is an error too.

mod chips;
mod edges;
mod frames;
mod receivers;
mod sheet;
mod wired;

use sheet::{Row, Sheet};

/// How far a row went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ways {
    /// Read, and built from what was read.
    Both,
    /// Read; of the way back only what the exemption says.
    Read,
    /// There is nothing to run.
    Neither,
}

/// How far a row went, or what is wrong with it.
type Outcome = Result<Ways, String>;
type Check = fn(&Sheet, &Row) -> Outcome;

/// Each row by its name, those of the list at the end of the sheet by their number.
const CHECKS: &[(&str, Check)] = &[
    ("CRC", edges::crc_values),
    ("A1", frames::format_a),
    ("A2", frames::format_a),
    ("A3", frames::format_a),
    ("A3b", frames::format_a),
    ("A4", frames::format_a),
    ("A5", frames::format_a),
    ("A6", frames::format_a),
    ("A7", frames::format_a),
    ("A8", frames::format_a),
    ("A9", frames::format_a),
    ("B1", frames::format_b),
    ("B2", frames::format_b),
    ("B3", frames::format_b),
    ("E1", frames::relayed_and_enciphered),
    ("E2", frames::deciphered_before),
    ("E3", frames::deciphered_before),
    ("E4", frames::deciphered_before),
    ("E5", frames::enciphered_twin),
    ("E6", frames::receiver_in_ell),
    ("E7", frames::network_layer),
    ("E8", frames::installation_request),
    ("L1", chips::three_of_six),
    ("L2", chips::manchester),
    ("L3", chips::frame_and_chips),
    ("L4", chips::off_air),
    ("L5", chips::off_air),
    ("L6", chips::modes_c_and_n),
    ("W1", wired::meaning),
    ("W2", wired::meaning),
    ("W3", wired::meaning),
    ("W4", wired::meaning),
    ("W5", wired::meaning),
    ("W6", wired::meaning),
    ("W7", wired::meaning),
    ("W8", wired::meaning),
    ("W9", wired::meaning),
    ("W10", wired::meaning),
    ("W11", wired::meaning),
    ("W12", wired::meaning),
    ("W13", wired::meaning),
    ("W14", wired::meaning),
    ("W15", wired::answer),
    ("W16", wired::answer),
    ("W17", wired::meaning),
    ("R1", receivers::iu891a),
    ("R2", receivers::im871a),
    ("R3", receivers::amber),
    ("R4", receivers::rtl_wmbus),
    ("R5", receivers::stick),
    ("R6", receivers::stick),
    ("N1", edges::impossible_lengths),
    ("N2", edges::lengths),
    ("N3", edges::payload_crc_the_other_way_round),
    ("N4", edges::single_bits),
    ("N5", edges::not_found),
];

/// Rows that do not go both ways, and why.
const EXEMPT: &[(&str, Ways, &str)] = &[
    (
        "E7",
        Ways::Read,
        "the layout of the network layer is not published, so it is not built: the frame around it is; the octets \
         behind the frame belong to no frame",
    ),
    (
        "R1",
        Ways::Read,
        "seven octets of the receiver have no known meaning and are not kept; all others but the CRC over them are \
         built",
    ),
    ("N5", Ways::Neither, "a list of what nobody has published: there are no octets"),
];

/// Runs every row.
pub fn check(text: &str) -> Result<String, String> {
    let sheet = Sheet::parse(text)?;
    let mut faults = Vec::new();
    let mut both = 0;
    for row in sheet.rows() {
        let Some((_, check)) = CHECKS.iter().find(|(name, _)| *name == row.name) else {
            faults.push(format!("{}: no check knows this row", row.name));
            continue;
        };
        let exempt = EXEMPT.iter().find(|(name, ..)| *name == row.name).map(|(_, ways, _)| *ways);
        match check(&sheet, row) {
            Ok(Ways::Both) if exempt.is_none() => both += 1,
            Ok(ways) if exempt == Some(ways) => {}
            Ok(ways) => faults.push(format!("{}: went {ways:?} ways, exempt is {exempt:?}", row.name)),
            Err(fault) => faults.push(format!("{} {}: {fault}", row.name, row.title)),
        }
    }
    for name in CHECKS.iter().map(|(name, _)| name).chain(EXEMPT.iter().map(|(name, ..)| name)) {
        if sheet.row(name).is_err() {
            faults.push(format!("{name}: there is no such row"));
        }
    }
    if !faults.is_empty() {
        return Err(faults.join("\n"));
    }
    let exempt: Vec<String> =
        EXEMPT.iter().map(|(name, _, reason)| format!("\n  {name}: {reason}")).collect();
    let rows = sheet.rows().len();
    Ok(format!("link: {rows} rows, {both} of them both ways, {} exempt:{}", EXEMPT.len(), exempt.concat()))
}

/// An error unless both are the same octets.
fn same(what: &str, found: &[u8], expected: &[u8]) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    let hex = |octets: &[u8]| octets.iter().map(|octet| format!("{octet:02X}")).collect::<String>();
    Err(format!("{what}: {} instead of {}", hex(found), hex(expected)))
}

/// An error unless it holds.
fn holds(is_so: bool, what: &str) -> Result<(), String> {
    if is_so { Ok(()) } else { Err(what.to_owned()) }
}

/// The error of a library as a text.
fn told<T>(result: Result<T, impl std::fmt::Display>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of EN 13757-4.
    const A1: &str =
        "## A. Frames\n### A1 example\n```\n0F44AE0C785634120107 [4447]\n780B13436587 [1E6D]\n```\n";

    #[test]
    fn every_changed_digit_is_a_fault() {
        let run = |text: &str| {
            let sheet = Sheet::parse(text)?;
            frames::format_a(&sheet, sheet.row("A1")?)
        };
        assert_eq!(run(A1), Ok(Ways::Both));
        let from = A1.find("0F44").unwrap();
        for at in (from..A1.len()).filter(|at| A1.as_bytes()[*at].is_ascii_hexdigit()) {
            for digit in "0123456789ABCDEF".chars().filter(|digit| !A1[at..].starts_with(*digit)) {
                let changed = format!("{}{digit}{}", &A1[..at], &A1[at + 1..]);
                assert!(run(&changed).is_err(), "{changed}");
            }
        }
    }

    #[test]
    fn unknown_rows_and_missing_ones_are_faults() {
        let faults = check(&A1.replace("A1", "A10")).unwrap_err();
        assert!(faults.contains("A10: no check knows this row"), "{faults}");
        assert!(faults.contains("A1: there is no such row") && faults.contains("E7: there is no such row"));
    }
}
