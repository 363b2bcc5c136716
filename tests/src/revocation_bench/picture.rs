//! The histogram: as a picture, and in text. Times are on a logarithmic axis.

use std::fmt::Write as _;

use super::figures::Measured;
use super::series::LEASE;

/// The axis: from a tenth of a millisecond, in decades.
const FIRST_MS: f64 = 0.1;
const DECADES: u32 = 5;
const BINS_PER_DECADE: u32 = 12;

/// The picture, in its own units.
const WIDTH: f64 = 900.0;
const PANEL: f64 = 300.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 30.0;
const ABOVE: f64 = 92.0;
const BELOW: f64 = 44.0;

/// How many times fell between two places of the axis.
struct Bin {
    from_ms: f64,
    to_ms: f64,
    count: u32,
}

/// All bins of the axis. What is beyond an end is in the bin there.
fn bins(times: impl Iterator<Item = f64>) -> Vec<Bin> {
    let count = DECADES * BINS_PER_DECADE;
    let edge = |at: u32| FIRST_MS * 10_f64.powf(f64::from(at) / f64::from(BINS_PER_DECADE));
    let mut bins: Vec<_> = (0..count)
        .map(|at| Bin {
            from_ms: edge(at),
            to_ms: edge(at + 1),
            count: 0,
        })
        .collect();
    for time in times {
        let at = bins.iter().position(|bin| time < bin.to_ms);
        let last = bins.len().saturating_sub(1);
        if let Some(bin) = bins.get_mut(at.unwrap_or(last)) {
            bin.count += 1;
        }
    }
    bins
}

/// Milliseconds as people read them.
fn readable(ms: f64) -> String {
    if ms >= 1000.0 {
        format!("{} s", ms / 1000.0)
    } else {
        format!("{ms} ms")
    }
}

/// Where a time is on the axis.
fn across(ms: f64) -> f64 {
    let share = (ms.max(FIRST_MS) / FIRST_MS).log10() / f64::from(DECADES);
    LEFT + share.min(1.0) * (WIDTH - LEFT - RIGHT)
}

/// An SVG with one histogram below the other.
pub(super) fn svg(all: &[Measured]) -> String {
    let panels = u32::try_from(all.len()).unwrap_or(1);
    let height = PANEL * f64::from(panels);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"13\" fill=\"#222\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    for (at, measured) in (0_u32..).zip(all) {
        panel(&mut svg, PANEL * f64::from(at), measured);
    }
    svg.push_str("</svg>\n");
    svg
}

fn panel(svg: &mut String, top: f64, measured: &Measured) {
    let bins = bins(measured.covered());
    let most = bins.iter().map(|bin| bin.count).max().unwrap_or(0).max(1);
    let (above, below) = (top + ABOVE, top + PANEL - BELOW);
    let up = |count: u32| (below - above) * f64::from(count) / f64::from(most);
    let mut line = |text: std::fmt::Arguments<'_>| {
        // Writing to a string does not fail.
        let _ = writeln!(svg, "{text}");
    };
    line(format_args!(
        "<text x=\"{LEFT}\" y=\"{:.0}\" font-size=\"15\" font-weight=\"bold\">From the commit of a revocation to the \
         last acknowledgement</text>",
        top + 24.0
    ));
    line(format_args!(
        "<text x=\"{LEFT}\" y=\"{:.0}\" fill=\"#555\">{} enforcement points beside two Envoys under load, {} on each \
         connection; {} revocations</text>",
        top + 43.0,
        measured.points,
        measured.per_connection,
        measured.revocations.len()
    ));
    for decade in 0..=DECADES {
        let ms = FIRST_MS * 10_f64.powf(f64::from(decade));
        let x = across(ms);
        line(format_args!(
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{above:.1}\" y2=\"{:.1}\" stroke=\"#ddd\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            below + 5.0,
            below + 20.0,
            readable((ms * 10.0).round() / 10.0)
        ));
    }
    for bin in bins.iter().filter(|bin| bin.count > 0) {
        let (from, to) = (across(bin.from_ms), across(bin.to_ms));
        line(format_args!(
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"#4477aa\"><title>{:.2} to {:.2} ms: \
             {}</title></rect>",
            from + 0.5,
            below - up(bin.count),
            to - from - 1.0,
            up(bin.count),
            bin.from_ms,
            bin.to_ms,
            bin.count
        ));
    }
    line(format_args!(
        "<line x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{below:.1}\" y2=\"{below:.1}\" stroke=\"#222\"/>\
         <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{most}</text>\
         <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">0</text>",
        WIDTH - RIGHT,
        LEFT - 6.0,
        above + 5.0,
        LEFT - 6.0,
        below
    ));
    let lease_ms = LEASE.as_secs_f64() * 1000.0;
    let marks = [
        ("p50", measured.quantile(0.5), "#117733", "end", 0.0),
        ("p99", measured.quantile(0.99), "#aa5500", "end", 15.0),
        ("max", measured.quantile(1.0), "#882255", "start", 0.0),
        ("bound L:", lease_ms, "#cc0000", "end", 15.0),
    ];
    for (name, ms, color, anchor, down) in marks {
        let x = across(ms);
        let dash = if name == "bound L:" {
            " stroke-dasharray=\"6 3\""
        } else {
            ""
        };
        let (y, gap) = (
            above - 22.0 + down,
            if anchor == "end" { -4.0 } else { 4.0 },
        );
        line(format_args!(
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{below:.1}\" stroke=\"{color}\" stroke-width=\"1.5\"{dash}/>\
             <text x=\"{:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{color}\" stroke=\"#fff\" \
             stroke-width=\"4\" paint-order=\"stroke\">{name} {}</text>",
            y - 9.0,
            x + gap,
            readable((ms * 100.0).round() / 100.0)
        ));
    }
}

/// The same for a terminal: the part of the axis that is not empty.
pub(super) fn text(measured: &Measured) -> String {
    const LONGEST: u32 = 60;
    let bins = bins(measured.covered());
    let filled = |bin: &Bin| bin.count > 0;
    let first = bins.iter().position(filled).unwrap_or(0);
    let last = bins.iter().rposition(filled).unwrap_or(0);
    let most = bins.iter().map(|bin| bin.count).max().unwrap_or(0).max(1);
    let mut text = String::new();
    for bin in bins.get(first..=last).unwrap_or_default() {
        let length = (bin.count * LONGEST).div_ceil(most);
        let stars = "#".repeat(usize::try_from(length).unwrap_or(0));
        let (from, to) = (bin.from_ms, bin.to_ms);
        let _ = writeln!(text, "{from:>9.2} to {to:>8.2} ms {:>5} {stars}", bin.count);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_is_in_one_bin_and_those_beyond_the_axis_are_at_its_ends() {
        let bins = bins([0.0, 0.1, 3.0, 3.0, 1e9].into_iter());
        assert_eq!(bins.iter().map(|bin| bin.count).sum::<u32>(), 5);
        assert_eq!(bins.first().map(|bin| bin.count), Some(2));
        assert_eq!(bins.last().map(|bin| bin.count), Some(1));
        let threes = bins
            .iter()
            .find(|bin| bin.from_ms <= 3.0 && 3.0 < bin.to_ms);
        assert_eq!(threes.map(|bin| bin.count), Some(2));
    }

    #[test]
    fn a_tenfold_time_is_a_fifth_of_the_axis_further() {
        let step = across(10.0) - across(1.0);
        assert!((across(1000.0) - across(100.0) - step).abs() < 1e-9);
        assert!((across(1e9) - (WIDTH - RIGHT)).abs() < 1e-9);
    }
}
