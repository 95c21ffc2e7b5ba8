//! Octets written as hex digits, with everything people put between them.
//!
//! Spaces, tabs, colons, dashes, `|`, `_` and `0x` before an octet are skipped. The number of digits must be
//! even: a half octet means that something was lost, and nobody knows where.

use std::fmt::Write;

/// Why a text is no octets, and at which character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HexError {
    /// The character to blame, counted from 0.
    pub column: usize,
    /// What is wrong with it.
    pub kind: HexErrorKind,
}

/// What is wrong with a text that should be octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HexErrorKind {
    /// There is no digit at all.
    Empty,
    /// This character is no hex digit and no separator.
    NotHex(char),
    /// The number of digits is odd.
    Odd(usize),
}

impl HexErrorKind {
    /// The kind as one lower-case word.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::NotHex(_) => "not_hex",
            Self::Odd(_) => "odd_digits",
        }
    }
    /// What to try next.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Empty => "give the telegram as hex digits",
            Self::NotHex(_) => {
                "only 0-9, A-F, spaces, colons, dashes, 0x, | and _ may stand in a telegram; \
                 if this is the line of a receiver, name its format with --input"
            }
            Self::Odd(_) => {
                "a digit is missing or one too many was copied; some receivers cut long telegrams"
            }
        }
    }
}

impl std::fmt::Display for HexErrorKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => write!(f, "there are no hex digits"),
            Self::NotHex(c) => write!(f, "'{}' is not a hex digit", c.escape_default()),
            Self::Odd(digits) => write!(f, "{digits} hex digits do not make whole octets"),
        }
    }
}

/// The octets of a text.
///
/// # Errors
/// The first character that is no digit and no separator, an odd number of digits, or no digit at all.
pub fn parse(text: &str) -> Result<Vec<u8>, HexError> {
    let mut octets = Vec::with_capacity(text.len() / 2);
    let mut high = None;
    let mut last = 0;
    let mut characters = text.chars().enumerate().peekable();
    while let Some((column, c)) = characters.next() {
        if matches!(c, ' ' | '\t' | '\r' | '\n' | ':' | '-' | '|' | '_') {
            continue;
        }
        if c == '0' && high.is_none() && characters.next_if(|(_, next)| matches!(next, 'x' | 'X')).is_some() {
            continue;
        }
        let Some(digit) = c.to_digit(16).and_then(|d| u8::try_from(d).ok()) else {
            return Err(HexError { column, kind: HexErrorKind::NotHex(c) });
        };
        last = column;
        high = match high {
            None => Some(digit),
            Some(first) => {
                octets.push(first << 4 | digit);
                None
            }
        };
    }
    if high.is_some() {
        return Err(HexError { column: last, kind: HexErrorKind::Odd(octets.len() * 2 + 1) });
    }
    if octets.is_empty() {
        return Err(HexError { column: 0, kind: HexErrorKind::Empty });
    }
    Ok(octets)
}

/// Upper-case hex digits without separators.
#[must_use]
pub fn upper(octets: &[u8]) -> String {
    octets.iter().fold(String::with_capacity(octets.len() * 2), |mut text, octet| {
        let _ = write!(text, "{octet:02X}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_and_prefixes_are_skipped() {
        for text in [
            "2E4493",
            "2e 44 93",
            "2E:44:93",
            "2E-44-93",
            "0x2E 0x44 0X93",
            "|2E_44|93|",
            "\t2E44 93\r\n",
            "0x2e4493",
        ] {
            assert_eq!(parse(text), Ok(vec![0x2E, 0x44, 0x93]), "{text}");
        }
    }

    #[test]
    fn digits_that_look_like_a_prefix_stay() {
        assert_eq!(parse("10 0x00 00"), Ok(vec![0x10, 0, 0]));
        // The second 0 stands at the beginning of an octet, so `0x` is a prefix and nothing is lost.
        assert_eq!(parse("100x"), Ok(vec![0x10]));
        assert_eq!(parse("10x0"), Err(HexError { column: 2, kind: HexErrorKind::NotHex('x') }));
    }

    #[test]
    fn errors_name_the_character() {
        assert_eq!(parse(""), Err(HexError { column: 0, kind: HexErrorKind::Empty }));
        assert_eq!(parse(" 0x "), Err(HexError { column: 0, kind: HexErrorKind::Empty }));
        assert_eq!(parse("12 3G"), Err(HexError { column: 4, kind: HexErrorKind::NotHex('G') }));
        assert_eq!(parse("12 3"), Err(HexError { column: 3, kind: HexErrorKind::Odd(3) }));
        assert_eq!(parse("12\u{0}"), Err(HexError { column: 2, kind: HexErrorKind::NotHex('\0') }));
        assert_eq!(parse("1\u{FF11}"), Err(HexError { column: 1, kind: HexErrorKind::NotHex('\u{FF11}') }));
    }

    #[test]
    fn what_is_written_is_read() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(parse(&upper(&all)), Ok(all));
    }
}
