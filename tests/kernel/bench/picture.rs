//! A picture of times against the number of rules: one panel for each kind of work, with
//! logarithmic axes.

use std::fmt::{self, Write as _};

use super::record::Records;
use super::work::{Program, Size, Work};

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 430.0;
/// The ends of a panel's axes.
const TOP: f64 = 84.0;
const BOTTOM: f64 = 370.0;
const PANEL: f64 = 350.0;
const PANELS: [(f64, Work, &str); 2] = [
    (80.0, Work::Restore, "ipvsadm -R: carry out rules"),
    (520.0, Work::List, "ipvsadm -L -n: list the table"),
];
/// From 80 to 80,000 rules.
const LEAST_RULES: f64 = 80.0;
const DECADES_OF_RULES: f64 = 3.0;

/// Colours that are readable on light and dark pages.
const STYLE: &str = "\
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-size: 15px; font-weight: 600 }
.quiet { fill: #57606a }
.axis { stroke: #57606a }
.grid { stroke: #d0d7de }
path, .key { fill: none; stroke-width: 2.5; stroke-linejoin: round }
.ours { stroke: #0969da; fill: #0969da }
.reference { stroke: #cf222e; fill: #cf222e }
.floor { stroke: #6e7781; fill: #6e7781 }
path.ours, path.reference, path.floor { fill: none }
path.floor, line.floor { stroke-dasharray: 6 4 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.quiet { fill: #9198a1 }
.axis { stroke: #9198a1 }
.grid { stroke: #3d444d }
.ours { stroke: #4493f8; fill: #4493f8 }
.reference { stroke: #f85149; fill: #f85149 }
.floor { stroke: #9198a1; fill: #9198a1 }
}
";

/// The whole picture.
pub(crate) fn svg(kernel: &str, records: &Records) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = draw(&mut text, kernel, records);
    text
}

fn draw(text: &mut String, kernel: &str, records: &Records) -> fmt::Result {
    writeln!(
        text,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         role=\"img\" aria-label=\"Time against the number of rules\">"
    )?;
    writeln!(text, "<style>\n{STYLE}</style>")?;
    legend(text, kernel, records)?;
    for (left, work, title) in PANELS {
        writeln!(text, "<text class=\"title\" x=\"{left}\" y=\"66\">{title}</text>")?;
        let points = |program| {
            Size::CURVE.into_iter().filter_map(move |size| {
                Some((f64::from(size.rules()), records.seconds(program, work, size)?))
            })
        };
        let times: Vec<f64> =
            Program::ALL.into_iter().flat_map(points).map(|(_, time)| time).collect();
        let least = times.iter().copied().fold(f64::INFINITY, f64::min);
        let most = times.iter().copied().fold(0.0, f64::max);
        if times.is_empty() {
            continue;
        }
        let scale = Scale::new(left, least, most);
        axes(text, &scale)?;
        for program in Program::ALL {
            curve(text, &scale, program, points(program))?;
        }
    }
    writeln!(text, "</svg>")
}

/// The mapping from rules and seconds to coordinates.
struct Scale {
    left: f64,
    /// The powers of ten at the ends of the vertical axis.
    least: i32,
    most: i32,
}

impl Scale {
    fn new(left: f64, least: f64, most: f64) -> Scale {
        // Times are between a microsecond and a day.
        let (least, most) = (least.log10().floor() as i32, most.log10().ceil() as i32);
        Scale { left, least, most: most.max(least + 1) }
    }

    fn x(&self, rules: f64) -> f64 {
        self.left + (rules / LEAST_RULES).log10() / DECADES_OF_RULES * PANEL
    }

    fn y(&self, seconds: f64) -> f64 {
        let share = (seconds.log10() - f64::from(self.least)) / f64::from(self.most - self.least);
        BOTTOM - share * (BOTTOM - TOP)
    }
}

fn legend(text: &mut String, kernel: &str, records: &Records) -> fmt::Result {
    let entries = [
        (Program::Ours, "ours"),
        (Program::Reference, "ipvsadm 1.31"),
        (Program::Floor, "floor: the same requests, nothing else"),
    ];
    let mut x = PANELS[0].0;
    for (program, label) in entries {
        if !records.0.iter().any(|record| record.program == program) {
            continue;
        }
        let end = x + 28.0;
        writeln!(
            text,
            "<line class=\"key {program}\" x1=\"{x}\" y1=\"24\" x2=\"{end}\" y2=\"24\"/>\
             <text x=\"{}\" y=\"28\">{label}</text>",
            end + 8.0
        )?;
        x = end + 40.0 + 7.0 * label.len() as f64;
    }
    writeln!(
        text,
        "<text class=\"quiet\" x=\"{}\" y=\"28\" text-anchor=\"end\">Linux {kernel}</text>",
        PANELS[1].0 + PANEL
    )
}

fn axes(text: &mut String, scale: &Scale) -> fmt::Result {
    let (left, right) = (scale.left, scale.left + PANEL);
    for power in scale.least..=scale.most {
        let y = scale.y(10_f64.powi(power));
        let label = match power {
            ..-3 => format!("{} µs", 10_f64.powi(power + 6)),
            -3..0 => format!("{} ms", 10_f64.powi(power + 3)),
            _ => format!("{} s", 10_f64.powi(power)),
        };
        writeln!(
            text,
            "<line class=\"grid\" x1=\"{left}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\"/>\
             <text class=\"quiet\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
            left - 8.0,
            y + 4.0
        )?;
    }
    for (rules, label) in [(100.0, "100"), (1e3, "1,000"), (1e4, "10,000"), (6e4, "60,000")] {
        let x = scale.x(rules);
        writeln!(
            text,
            "<line class=\"grid\" x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{BOTTOM}\"/>\
             <text class=\"quiet\" x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>",
            BOTTOM + 18.0
        )?;
    }
    writeln!(
        text,
        "<line class=\"axis\" x1=\"{left}\" y1=\"{BOTTOM}\" x2=\"{right}\" y2=\"{BOTTOM}\"/>\
         <line class=\"axis\" x1=\"{left}\" y1=\"{TOP}\" x2=\"{left}\" y2=\"{BOTTOM}\"/>\
         <text class=\"quiet\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">rules</text>",
        left + PANEL / 2.0,
        BOTTOM + 40.0
    )
}

fn curve(
    text: &mut String,
    scale: &Scale,
    program: Program,
    points: impl Iterator<Item = (f64, f64)>,
) -> fmt::Result {
    let mut line = String::new();
    let mut dots = String::new();
    for (rules, seconds) in points {
        let (x, y) = (scale.x(rules), scale.y(seconds));
        write!(line, "{}{x:.1} {y:.1}", if line.is_empty() { "M" } else { " L" })?;
        write!(dots, "<circle class=\"{program}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>")?;
    }
    writeln!(text, "<path class=\"{program}\" d=\"{line}\"/>{dots}")
}
