//! Lines out of a stream, however long, in whatever encoding.
//!
//! A line longer than [`LONGEST`] is read to its end but not kept, so that a stream without line ends needs
//! no more memory than one that has them.

use std::io::{self, BufRead};

/// The longest line kept, in octets. The longest telegram is 256 octets, its chips some 800.
pub const LONGEST: usize = 64 * 1024;

/// One line.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// Text, with its line end.
    Text(String),
    /// Not UTF-8: the first octet that is none, counted from 0.
    NotText(usize),
    /// Too long: its octets.
    TooLong(usize),
}

impl Line {
    /// The text, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::NotText(_) | Self::TooLong(_) => None,
        }
    }
}

/// The next line and its octets with the line end, `None` at the end.
///
/// # Errors
/// Those of the reader.
pub fn next(reader: &mut dyn BufRead) -> io::Result<Option<(Line, usize)>> {
    let mut kept = Vec::new();
    let mut length = 0;
    loop {
        let available = match reader.fill_buf() {
            Ok(available) => available,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if available.is_empty() {
            break;
        }
        let (part, ended) = match available.iter().position(|octet| *octet == b'\n') {
            Some(end) => (available.get(..=end).unwrap_or(available), true),
            None => (available, false),
        };
        let used = part.len();
        length += used;
        if length <= LONGEST {
            kept.extend_from_slice(part);
        }
        reader.consume(used);
        if ended {
            break;
        }
    }
    if length == 0 {
        return Ok(None);
    }
    let line = if length > LONGEST {
        Line::TooLong(length)
    } else {
        String::from_utf8(kept)
            .map_or_else(|error| Line::NotText(error.utf8_error().valid_up_to()), Line::Text)
    };
    Ok(Some((line, length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(octets: &[u8], buffer: usize) -> Vec<Line> {
        let mut reader = io::BufReader::with_capacity(buffer, octets);
        let mut lines = Vec::new();
        while let Some((line, _)) = next(&mut reader).unwrap() {
            lines.push(line);
        }
        lines
    }

    #[test]
    fn lines_end_where_they_should() {
        for buffer in [1, 2, 3, 100] {
            assert_eq!(all(b"", buffer), []);
            assert_eq!(
                all(b"a\r\n\nbc", buffer),
                [Line::Text("a\r\n".into()), Line::Text("\n".into()), Line::Text("bc".into())]
            );
        }
    }

    #[test]
    fn other_encodings_are_told() {
        assert_eq!(all(b"ab\xFFc\nd", 7), [Line::NotText(2), Line::Text("d".into())]);
    }

    #[test]
    fn endless_lines_are_cut() {
        let mut octets = vec![b'1'; LONGEST];
        assert!(matches!(all(&octets, 4096).as_slice(), [Line::Text(_)]));
        octets.extend_from_slice(b"1\nE5");
        assert_eq!(all(&octets, 4096), [Line::TooLong(LONGEST + 2), Line::Text("E5".into())]);
    }
}
