//! How far a file is read, on standard error, while somebody looks on.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar that counts octets; hidden unless `visible`.
pub(super) fn bar(octets: u64, visible: bool) -> ProgressBar {
    if !visible {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(octets);
    let template = "{wide_bar} {bytes}/{total_bytes} {elapsed}";
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn nobody_looks_on() {
        assert!(super::bar(10, false).is_hidden());
    }
}
