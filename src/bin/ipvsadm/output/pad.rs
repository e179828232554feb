//! Text in columns.

const BLANKS: &[u8; 40] = b"                                        ";

/// Adds blanks after what was written from `start` on, to fill a column.
pub(super) fn pad_right(text: &mut Vec<u8>, start: usize, width: usize) {
    let missing = width.saturating_sub(text.len() - start).min(BLANKS.len());
    if missing > 0 {
        let end = text.len() + missing;
        // A copy of a fixed length, cut afterwards, is cheaper than one of `missing` bytes.
        text.extend_from_slice(BLANKS);
        text.truncate(end);
    }
}

/// Puts blanks before what was written from `start` on, to fill a column.
pub(super) fn pad_left(text: &mut Vec<u8>, start: usize, width: usize) {
    let written = text.len() - start;
    let missing = width.saturating_sub(written).min(BLANKS.len());
    text.extend_from_slice(&BLANKS[..missing]);
    text[start..].rotate_right(missing);
}
