//! Lines over the number of builders, as SVG: whole numbers, so that every machine draws the same.

use std::fmt::Write as _;

const WIDTH: u64 = 640;
const HEIGHT: u64 = 320;
/// Around the lines, for words.
const MARGIN: u64 = 48;
const COLOURS: [&str; 4] = ["#2563eb", "#d97706", "#059669", "#db2777"];

pub(super) struct Chart {
    pub(super) title: &'static str,
    pub(super) lines: Vec<Line>,
}

pub(super) struct Line {
    pub(super) name: &'static str,
    /// By number of builders, all lines at the same ones.
    pub(super) points: Vec<(usize, u64)>,
}

impl Chart {
    /// The numbers of builders stand at equal distances; the other axis begins at 0.
    pub(super) fn svg(&self) -> String {
        let most = self
            .lines
            .iter()
            .flat_map(|line| &line.points)
            .map(|(_, value)| *value)
            .max()
            .unwrap_or(1)
            .max(1);
        let x = |at: usize| {
            MARGIN + at as u64 * (WIDTH - 2 * MARGIN) / (self.lines[0].points.len() as u64 - 1).max(1)
        };
        let y = |value: u64| HEIGHT - MARGIN - value * (HEIGHT - 2 * MARGIN) / most;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
             font-size=\"12\">\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n\
             <text x=\"{MARGIN}\" y=\"20\" font-size=\"14\">{}</text>\n",
            self.title
        );
        for value in [0, most / 2, most] {
            let (left, right, at) = (MARGIN, WIDTH - MARGIN, y(value));
            let _ = writeln!(svg, "<path d=\"M{left} {at}H{right}\" stroke=\"#d4d4d4\"/>");
            let _ =
                writeln!(svg, "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{value}</text>", left - 6, at + 4);
        }
        for (at, (builders, _)) in self.lines[0].points.iter().enumerate() {
            let place = HEIGHT - MARGIN + 18;
            let _ =
                writeln!(svg, "<text x=\"{}\" y=\"{place}\" text-anchor=\"middle\">{builders}</text>", x(at));
        }
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">builders</text>",
            WIDTH / 2,
            HEIGHT - 10
        );
        for (line, (drawn, colour)) in self.lines.iter().zip(COLOURS).enumerate() {
            let points: Vec<String> = drawn
                .points
                .iter()
                .enumerate()
                .map(|(at, (_, value))| format!("{},{}", x(at), y(*value)))
                .collect();
            let _ = writeln!(
                svg,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
                points.join(" ")
            );
            let place = 40 + 16 * line;
            let _ = writeln!(
                svg,
                "<text x=\"{}\" y=\"{place}\" text-anchor=\"end\" fill=\"{colour}\">{}</text>",
                WIDTH - MARGIN,
                drawn.name
            );
        }
        svg.push_str("</svg>\n");
        svg
    }
}
