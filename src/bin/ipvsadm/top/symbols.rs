//! The characters that frames are drawn with, of Unicode or of ASCII alone.

/// The characters of frames. Each stands in one column.
#[derive(Debug)]
pub(crate) struct Symbols {
    /// From nothing to all, for sparklines.
    pub(crate) levels: [char; 9],
    /// A bar's full, half and empty part.
    pub(crate) full: char,
    pub(crate) half: char,
    pub(crate) empty: char,
    pub(crate) expanded: char,
    pub(crate) collapsed: char,
    pub(crate) descending: char,
    pub(crate) ascending: char,
    /// What cannot be known.
    pub(crate) unknown: &'static str,
    pub(crate) ellipsis: char,
    /// Horizontal line.
    pub(crate) line: char,
}

pub(crate) const UNICODE: Symbols = Symbols {
    levels: [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
    full: '█',
    half: '▌',
    empty: '·',
    expanded: '▾',
    collapsed: '▸',
    descending: '↓',
    ascending: '↑',
    unknown: "–",
    ellipsis: '…',
    line: '─',
};

pub(crate) const ASCII: Symbols = Symbols {
    levels: [' ', '_', '.', ',', '-', '=', '+', '*', '#'],
    full: '#',
    half: '-',
    empty: '.',
    expanded: '-',
    collapsed: '+',
    descending: 'v',
    ascending: '^',
    unknown: "-",
    ellipsis: '~',
    line: '-',
};

impl Symbols {
    pub(crate) fn of(unicode: bool) -> &'static Symbols {
        if unicode { &UNICODE } else { &ASCII }
    }

    /// Points over time in this many columns, the latest ones, relative to the highest of them. What is
    /// not known is blank, and whatever is above nothing shows.
    pub(crate) fn sparkline(
        &self,
        points: impl DoubleEndedIterator<Item = f32> + ExactSizeIterator,
        width: usize,
    ) -> String {
        let skipped = points.len().saturating_sub(width);
        let points: Vec<f32> = points.skip(skipped).collect();
        let highest = points.iter().copied().filter(|point| !point.is_nan()).fold(0.0, f32::max);
        let level = |point: &f32| match *point {
            point if point.is_nan() => self.levels[0],
            point if point <= 0.0 => self.levels[1],
            point => {
                let top = (self.levels.len() - 1) as f32;
                self.levels[(point / highest * top).ceil().clamp(2.0, top) as usize]
            }
        };
        points.iter().map(level).collect()
    }

    /// A bar that is so full, in this many columns.
    pub(crate) fn bar(&self, fullness: f64, width: usize) -> String {
        let halves = (fullness.clamp(0.0, 1.0) * width as f64 * 2.0).round() as usize;
        let part = |at: usize| match halves {
            halves if halves >= 2 * at + 2 => self.full,
            halves if halves == 2 * at + 1 => self.half,
            _ => self.empty,
        };
        (0..width).map(part).collect()
    }

    /// A text in this many columns, cut if it is longer.
    pub(crate) fn cut(&self, text: &str, width: usize) -> String {
        if text.chars().count() <= width {
            return text.to_owned();
        }
        let mut cut: String = text.chars().take(width.saturating_sub(1)).collect();
        if width > 0 {
            cut.push(self.ellipsis);
        }
        cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparklines_show_what_is_known() {
        let points = [f32::NAN, 0.0, 1.0, 50.0, 100.0];
        assert_eq!(UNICODE.sparkline(points.into_iter(), 5), " ▁▂▄█");
        assert_eq!(UNICODE.sparkline(points.into_iter(), 2), "▄█");
        assert_eq!(ASCII.sparkline([0.0, 0.0].into_iter(), 5), "__");
        assert!(ASCII.levels.iter().all(char::is_ascii));
    }

    #[test]
    fn bars_grow_by_halves() {
        assert_eq!(UNICODE.bar(0.0, 4), "····");
        assert_eq!(UNICODE.bar(0.4, 4), "█▌··");
        assert_eq!(ASCII.bar(2.0, 4), "####");
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(UNICODE.cut("abc", 3), "abc");
        assert_eq!(UNICODE.cut("abcd", 3), "ab…");
        assert_eq!(ASCII.cut("abcd", 1), "~");
        assert_eq!(ASCII.cut("abcd", 0), "");
    }
}
