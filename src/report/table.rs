use unicode_width::UnicodeWidthStr;

use super::log_text::cut;
use super::style::Look;
use anstyle::Style;

/// A row of cells, each with its style; the last one takes what is left of the line.
pub(super) type Row = Vec<(String, Style)>;

/// Rows with aligned columns, two blanks apart and two in front. Where the line is too narrow, the last
/// cell is cut, then the ones before it.
pub(super) fn table(rows: &[Row], look: Look) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut widths: Vec<usize> = (0..columns)
        .map(|at| rows.iter().filter_map(|row| row.get(at)).map(|(text, _)| text.width()).max().unwrap_or(0))
        .collect();
    if let Some(width) = look.width {
        fit(&mut widths, width);
    }
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (at, (cell, style)) in row.iter().enumerate() {
            let cell = cut(cell, widths[at]);
            line.push_str("  ");
            line.push_str(&look.paint(*style, &cell));
            if at + 1 < row.len() {
                line.extend(std::iter::repeat_n(' ', widths[at] - cell.width()));
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Takes columns away from the right until the line fits; none gets smaller than a word's beginning.
fn fit(widths: &mut [usize], line: usize) {
    const LEAST: usize = 6;
    let mut over = (widths.iter().sum::<usize>() + 2 * widths.len()).saturating_sub(line);
    for least in [24, LEAST] {
        for width in widths.iter_mut().rev() {
            let spare = width.saturating_sub(least).min(over);
            *width -= spare;
            over -= spare;
        }
    }
}
