//! Every octet with its meaning: a ruler with the offset, the octets and what they say, layer by layer.

use super::printable;
use crate::decode::model::Span;
use owo_colors::OwoColorize;
use std::io::{self, Write};

/// Octets in a row of the ruler; the octet column is wide enough for them.
const ROW: usize = 8;

pub(super) fn write(spans: &[Span], out: &mut dyn Write) -> io::Result<()> {
    let mut layer = "";
    for span in spans {
        if span.layer != layer {
            layer = span.layer;
            writeln!(out, "  {}", layer.bold().underline())?;
        }
        let mut rows = span.octets.chunks(ROW);
        let first = rows.next().unwrap_or_default();
        let text = if span.meaning.is_empty() {
            span.name.clone()
        } else {
            format!("{}: {}", span.name, span.meaning)
        };
        writeln!(out, "  {:>4}  {:<24}{}", span.start.dimmed(), spaced(first).cyan(), printable(&text))?;
        for (row, n) in rows.zip(1..) {
            writeln!(out, "  {:>4}  {}", (span.start + n * ROW).dimmed(), spaced(row).cyan())?;
        }
    }
    Ok(())
}

fn spaced(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02X}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_count_on() {
        let span = |start, octets: usize, layer| Span {
            start,
            octets: vec![0xAB; octets],
            layer,
            name: "field".into(),
            meaning: "what it says".into(),
        };
        let mut out = Vec::new();
        write(
            &[span(0, 1, "link"), span(1, 10, "data"), span(11, 0, "data")],
            &mut anstream::StripStream::new(&mut out),
        )
        .unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 6);
        assert_eq!(lines[1], "     0  AB                      field: what it says");
        assert!(lines[4].starts_with("     9  AB AB"));
    }
}
