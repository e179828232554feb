//! Screens as pictures: from what a terminal is sent to SVG.

use std::fmt::Write;

/// The width of a character and the height of a line.
const WIDTH: f64 = 8.4;
const HEIGHT: f64 = 18.0;
/// The space around the screen.
const MARGIN: f64 = 12.0;

const PAPER: &str = "#16181d";
const INK: &str = "#d7dae0";

/// The colours of a terminal: the usual eight, and their bright ones.
const COLOURS: [&str; 16] = [
    "#3b4048", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d7dae0",
    "#7f848e", "#ff7b86", "#b5e890", "#ffd68a", "#7cc4ff", "#e08dff", "#6fe0ee", "#ffffff",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Style {
    colour: Option<usize>,
    bold: bool,
    underlined: bool,
    reversed: bool,
}

/// Characters of one style, from a column on.
type Run = (usize, String, Style);

/// The runs of a line, from text with colours as a terminal is sent it. The style goes on in the next
/// line.
fn runs(line: &str, style: &mut Style) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut column = 0;
    let mut rest = line;
    while let Some(letter) = rest.chars().next() {
        if let Some(sequence) = rest.strip_prefix("\x1b[") {
            let end = sequence.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(0);
            if sequence.as_bytes().get(end) == Some(&b'm') {
                change(style, &sequence[..end]);
            }
            rest = &sequence[(end + 1).min(sequence.len())..];
            continue;
        }
        match runs.last_mut() {
            Some((_, text, known)) if known == style => text.push(letter),
            _ => runs.push((column, letter.to_string(), *style)),
        }
        column += 1;
        rest = &rest[letter.len_utf8()..];
    }
    runs
}

fn change(style: &mut Style, codes: &str) {
    let mut codes = codes.split(';').map(|code| code.parse::<usize>().unwrap_or(0));
    while let Some(code) = codes.next() {
        match code {
            0 => *style = Style::default(),
            1 => style.bold = true,
            4 => style.underlined = true,
            7 => style.reversed = true,
            22 => style.bold = false,
            24 => style.underlined = false,
            27 => style.reversed = false,
            30..=37 => style.colour = Some(code - 30),
            90..=97 => style.colour = Some(code - 90 + 8),
            38 => {
                // 38;5;N
                style.colour = codes.nth(1).filter(|colour| *colour < COLOURS.len());
            }
            39 => style.colour = None,
            _ => {}
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The lines of a screen.
fn screen(svg: &mut String, text: &str) {
    let mut style = Style::default();
    for (row, line) in text.lines().enumerate() {
        for (column, text, style) in runs(line, &mut style) {
            let x = MARGIN + column as f64 * WIDTH;
            let y = MARGIN + row as f64 * HEIGHT;
            let length = text.chars().count() as f64 * WIDTH;
            let ink = style.colour.map_or(INK, |colour| COLOURS[colour]);
            let (ink, paper) = if style.reversed { (PAPER, Some(ink)) } else { (ink, None) };
            if let Some(paper) = paper {
                let _ = writeln!(
                    svg,
                    "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{length:.1}\" height=\"{HEIGHT}\" \
                     fill=\"{paper}\"/>"
                );
            }
            if text.trim().is_empty() && !style.underlined {
                continue;
            }
            let weight = if style.bold { " font-weight=\"bold\"" } else { "" };
            let line = if style.underlined { " text-decoration=\"underline\"" } else { "" };
            let _ = writeln!(
                svg,
                "<text x=\"{x:.1}\" y=\"{:.1}\" textLength=\"{length:.1}\" fill=\"{ink}\"{weight}{line}>{}</text>",
                y + HEIGHT * 0.75,
                escaped(&text)
            );
        }
    }
}

fn head((columns, rows): (u16, u16)) -> String {
    let width = f64::from(columns) * WIDTH + 2.0 * MARGIN;
    let height = f64::from(rows) * HEIGHT + 2.0 * MARGIN;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         width=\"{width:.0}\" height=\"{height:.0}\" xml:space=\"preserve\" font-size=\"14\" \
         font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{PAPER}\"/>\n"
    )
}

/// A picture of a screen.
pub(super) fn still(text: &str, size: (u16, u16)) -> String {
    let mut svg = head(size);
    screen(&mut svg, text);
    svg + "</svg>\n"
}

/// Screens one after the other, each for so many seconds, again and again.
pub(super) fn moving(screens: &[(String, f64)], size: (u16, u16)) -> String {
    let all: f64 = screens.iter().map(|(_, seconds)| seconds).sum();
    let mut svg = head(size);
    let mut begin = 0.0;
    for (text, seconds) in screens {
        let end = begin + seconds;
        let (from, to) = (begin / all, (end / all).min(1.0));
        let (values, times) = match begin == 0.0 {
            true => ("visible;hidden".to_owned(), format!("0;{to:.4}")),
            false => ("hidden;visible;hidden".to_owned(), format!("0;{from:.4};{to:.4}")),
        };
        let _ = writeln!(
            svg,
            "<g visibility=\"hidden\"><animate attributeName=\"visibility\" dur=\"{all}s\" \
             repeatCount=\"indefinite\" calcMode=\"discrete\" values=\"{values}\" \
             keyTimes=\"{times}\"/>"
        );
        screen(&mut svg, text);
        svg.push_str("</g>\n");
        begin = end;
    }
    svg + "</svg>\n"
}
