//! A QR code as one path of an SVG, without a style attribute.

use qrcode::{Color, EcLevel, QrCode};
use std::fmt::Write;

/// What the page needs to draw a code: how many modules wide it is, and the dark ones as a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QrPath {
    pub(crate) width: usize,
    pub(crate) path: String,
}

/// The code of a text; none if the text is too long for one. The secret can be typed then.
pub(crate) fn qr_path(text: &str) -> Option<QrPath> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let width = code.width();
    let colors = code.to_colors();
    let mut path = String::new();
    for (y, row) in colors.chunks(width.max(1)).enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|left, right| left == right) {
            if run.first() == Some(&Color::Dark) {
                // Writing to a String cannot fail.
                let _ = write!(path, "M{x} {y}h{n}v1h-{n}z", n = run.len());
            }
            x += run.len();
        }
    }
    Some(QrPath { width, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dark_module_is_drawn_once() {
        let text = "otpauth://totp/Duku:ada%40example.org?secret=JBSWY3DPEHPK3PXP&issuer=Duku";
        let drawn = qr_path(text).unwrap();
        let code = QrCode::with_error_correction_level(text, EcLevel::M).unwrap();
        let dark = code.to_colors().iter().filter(|color| **color == Color::Dark).count();
        let length =
            |run: &str| run.split('h').nth(1).unwrap().split('v').next().unwrap().parse::<usize>().unwrap();
        assert_eq!(drawn.path.split('M').skip(1).map(length).sum::<usize>(), dark);
        assert!(drawn.path.starts_with("M0 0h7v1h-7z"), "the first finder pattern: {}", &drawn.path[..40]);
        assert_eq!(drawn.width, code.width());
    }

    #[test]
    fn a_text_that_is_too_long_has_no_code() {
        assert_eq!(qr_path(&"x".repeat(10_000)), None);
    }
}
