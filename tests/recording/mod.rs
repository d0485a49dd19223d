//! What a terminal shows while commands run, and the same as a picture that moves: SVG with nothing but CSS.

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "columns and rows of a terminal"
)]

use std::fmt::Write as _;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use avt::{Color, Line, Pen, Terminal};

/// Characters in a row, and rows, of the recorded terminal.
const EXTENT: (usize, usize) = (84, 22);
/// Pixels of a character, and of its row.
const CHARACTER: (f64, f64) = (8.4, 19.0);
const MARGIN: f64 = 16.0;
/// Frames follow each other no faster than this.
const FRAME: Duration = Duration::from_millis(120);
/// How long a finished command stays to be read.
const READING: Duration = Duration::from_millis(3_500);
/// How long a typed command stands alone.
const TYPED: Duration = Duration::from_millis(900);

/// One row of characters that look alike in pieces.
type Row = Vec<(Pen, String)>;

/// What the terminal showed from one moment on.
struct Frame {
    at: Duration,
    rows: Vec<Row>,
}

/// Commands, one after the other, each on an empty screen.
pub(crate) struct Recording {
    frames: Vec<Frame>,
    end: Duration,
    /// The text of the last frame of each command.
    pub(crate) screens: Vec<String>,
}

impl Recording {
    pub(crate) fn new() -> Self {
        Self { frames: Vec::new(), end: Duration::ZERO, screens: Vec::new() }
    }

    /// Runs a command whose standard error is a terminal's, after the line that was typed. In what it prints
    /// `namespace` becomes `acme`.
    pub(crate) fn run(&mut self, typed: &str, command: &mut Command, namespace: &str) {
        let mut terminal = Terminal::with_scrollback(EXTENT.0, EXTENT.1, None).expect("an extent");
        terminal.feed(format!("\x1b[32m$\x1b[0m \x1b[1m{typed}\x1b[0m\r\n").as_str());
        self.frames.push(Frame { at: self.end, rows: rows(&terminal) });
        self.end += TYPED;
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
        let (begin, mut last) = (Instant::now(), Duration::ZERO);
        let mut output = child.stderr.take().expect("a pipe");
        let mut bytes = [0; 8_192];
        let mut kept = String::new();
        loop {
            let count = output.read(&mut bytes).expect("readable");
            kept.push_str(&String::from_utf8_lossy(&bytes[..count]));
            // What stands in the middle of a line may be half of a name.
            let whole = if count == 0 { kept.len() } else { kept.rfind('\n').map_or(0, |at| at + 1) };
            let text: String = kept.drain(..whole).collect();
            terminal.feed(text.replace(namespace, "acme").replace('\n', "\r\n").as_str());
            let now = begin.elapsed();
            if count == 0 {
                break;
            }
            if now >= last + FRAME {
                self.frames.push(Frame { at: self.end + now, rows: rows(&terminal) });
                last = now;
            }
        }
        let mut standard = String::new();
        child.stdout.take().expect("a pipe").read_to_string(&mut standard).expect("text");
        assert!(child.wait().expect("it ends").success(), "{typed}");
        terminal.feed(standard.replace(namespace, "acme").replace('\n', "\r\n").as_str());
        self.end += begin.elapsed();
        self.frames.push(Frame { at: self.end, rows: rows(&terminal) });
        self.end += READING;
        let lines: Vec<String> = terminal.screen().all_lines().map(Line::text).collect();
        self.screens.push(lines.join("\n").trim_end().to_owned());
    }

    /// The picture. The last frame of each command has the class `screen`, for [`screens`].
    pub(crate) fn svg(&self) -> String {
        let width = CHARACTER.0 * EXTENT.0 as f64 + 2.0 * MARGIN;
        let height = CHARACTER.1 * EXTENT.1 as f64 + 2.0 * MARGIN;
        let seconds = self.end.as_secs_f64();
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\">\n\
             <style>\n{STYLE}.f {{ animation: {seconds:.2}s step-end infinite; visibility: hidden }}\n"
        );
        for (number, frame) in self.frames.iter().enumerate() {
            let share = |time: Duration| 100.0 * time.as_secs_f64() / seconds;
            let from = share(frame.at);
            let to = self.frames.get(number + 1).map_or(100.0, |next| share(next.at));
            let _ = writeln!(
                svg,
                ".f{number} {{ animation-name: f{number} }} @keyframes f{number} {{ 0% {{ visibility: hidden }} \
                 {from:.3}% {{ visibility: visible }} {to:.3}% {{ visibility: hidden }} }}"
            );
        }
        let _ = write!(svg, "</style>\n<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#14171c\"/>\n");
        for (number, frame) in self.frames.iter().enumerate() {
            let _ = writeln!(svg, "<g class=\"f f{number}\">");
            for (row, pieces) in frame.rows.iter().enumerate() {
                let y = MARGIN + CHARACTER.1 * (row as f64 + 0.75);
                let _ = write!(svg, "<text y=\"{y:.1}\">");
                for (column, pen, text) in words(pieces) {
                    let x = MARGIN + CHARACTER.0 * column as f64;
                    let _ = write!(svg, "<tspan x=\"{x:.1}\"{}>{}</tspan>", class(pen), escaped(&text));
                }
                svg.push_str("</text>\n");
            }
            svg.push_str("</g>\n");
        }
        svg + "</svg>\n"
    }
}

const STYLE: &str = "text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: #d6dae0 }\n\
    .b { font-weight: bold } .d { opacity: 0.6 }\n\
    .c1 { fill: #f07178 } .c2 { fill: #a5d572 } .c3 { fill: #f2c55c } .c4 { fill: #78a9ff } .c5 { fill: #c792ea } .c6 { fill: #62d3d9 }\n";

fn rows(terminal: &Terminal) -> Vec<Row> {
    let row = |line: &Line| {
        let mut row: Row = Vec::new();
        for cell in line.cells().iter().filter(|cell| cell.width() > 0) {
            match row.last_mut().filter(|(pen, _)| pen == cell.pen()) {
                Some((_, text)) => text.push(cell.char()),
                None => row.push((*cell.pen(), cell.char().to_string())),
            }
        }
        if let Some((_, text)) = row.last_mut() {
            text.truncate(text.trim_end().len());
        }
        row
    };
    let mut rows: Vec<Row> = terminal.screen().visible_lines().map(row).collect();
    while rows.last().is_some_and(|row| row.iter().all(|(_, text)| text.trim().is_empty())) {
        rows.pop();
    }
    rows
}

/// The pieces of a row without its blanks, each with its column: not every viewer keeps blanks, nor has every one a font
/// of this width.
fn words(row: &Row) -> Vec<(usize, &Pen, String)> {
    let mut words: Vec<(usize, &Pen, String)> = Vec::new();
    let mut column = 0;
    for (pen, text) in row {
        let mut is_new = true;
        for character in text.chars() {
            if character == ' ' {
                is_new = true;
            } else if is_new {
                words.push((column, pen, character.to_string()));
                is_new = false;
            } else if let Some((_, _, word)) = words.last_mut() {
                word.push(character);
            }
            column += 1;
        }
    }
    words
}

fn class(pen: &Pen) -> String {
    let mut classes = Vec::new();
    match pen.foreground() {
        Some(Color::Indexed(color @ 1..=6)) => classes.push(format!("c{color}")),
        Some(Color::Indexed(color @ 9..=14)) => classes.push(format!("c{}", color - 8)),
        _ => {}
    }
    if pen.is_bold() {
        classes.push("b".to_owned());
    }
    if pen.is_faint() {
        classes.push("d".to_owned());
    }
    if classes.is_empty() { String::new() } else { format!(" class=\"{}\"", classes.join(" ")) }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The text of each frame of a picture.
pub(crate) fn frames(svg: &str) -> Vec<String> {
    let text = |line: &str| {
        let mut text = String::new();
        for piece in line.split("<tspan x=\"").skip(1) {
            let (x, rest) = piece.split_once('"').expect("a place");
            let column = (x.parse::<f64>().expect("a number") - MARGIN) / CHARACTER.0;
            let word =
                rest.split_once('>').and_then(|(_, word)| word.split_once("</tspan>")).expect("a word").0;
            let blanks = (column.round() as usize).saturating_sub(text.chars().count());
            text.push_str(&" ".repeat(blanks));
            text.push_str(&word.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"));
        }
        text
    };
    let groups = svg.split("<g ").skip(1);
    groups
        .map(|group| {
            let lines = group.lines().filter(|line| line.starts_with("<text"));
            lines.map(text).collect::<Vec<_>>().join("\n")
        })
        .collect()
}
