//! Runs files of vectors that are no part of the project through the library.
//!
//! `vectors security vectors.json` takes the JSON of secured telegrams. Each row must give what it expects, or stand in
//! a list of exemptions with its reason; an exemption that no row needs is an error too. `vectors link vectors.md` does the
//! same with the frames, chips and lines of both links, there and back.

mod link;
mod security;

// The library's own source refers to its error by this path.
use oms_security::ErrorKind;

fn main() -> std::process::ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let check: fn(&str) -> Result<String, String> = match words[..] {
        ["security", _] => security::check,
        ["link", _] => link::check,
        _ => {
            eprintln!("usage: vectors security|link PATH");
            return std::process::ExitCode::from(2);
        }
    };
    match std::fs::read_to_string(words[1]).map_err(|error| error.to_string()).and_then(|text| check(&text)) {
        Ok(summary) => {
            println!("{summary}");
            std::process::ExitCode::SUCCESS
        }
        Err(report) => {
            eprintln!("{report}");
            std::process::ExitCode::FAILURE
        }
    }
}

/// Octets from hex digits; anything else is an error.
fn hex(text: &str) -> Result<Vec<u8>, String> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0).ok_or_else(|| format!("no hex: {text}"))?;
    Ok(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}
