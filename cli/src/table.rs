//! Columns as wide as what is in them, as a terminal shows it: wide letters take two places, styles none.

use unicode_width::UnicodeWidthStr as _;

/// Lines of aligned cells, two blanks between columns. The last cell of a line is followed by nothing.
pub(crate) fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let widest = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| width(cell)).max();
    let widths: Vec<usize> = (0..columns).filter_map(widest).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, widest)| cell.clone() + &" ".repeat(widest - width(cell)));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// A head and rows below it, indented.
pub(crate) fn columns(head: &[&str], rows: Vec<Vec<String>>) -> String {
    if rows.is_empty() {
        return "  nothing\n".to_owned();
    }
    let mut lines = vec![head.iter().map(|it| (*it).to_owned()).collect()];
    lines.extend(rows);
    aligned(&lines).iter().map(|line| format!("  {line}\n")).collect()
}

fn width(cell: &str) -> usize {
    anstream::adapter::strip_str(cell).map(|visible| visible.width()).sum()
}

#[cfg(test)]
mod tests {
    use owo_colors::OwoColorize as _;

    use super::*;

    #[test]
    fn what_a_terminal_shows_is_aligned() {
        let open = "open".green().to_string();
        let rows = [
            vec!["PROJECT".into(), "GPU".into(), "FOR".into()],
            vec!["学習".into(), open.clone(), "8h".into()],
            vec!["e\u{301}t\u{e9}".into(), String::new(), String::new()],
        ];
        let expected = ["PROJECT  GPU   FOR".into(), format!("学習     {open}  8h"), "e\u{301}t\u{e9}".into()];
        assert_eq!(aligned(&rows), expected);
        assert_eq!(aligned(&[]), [] as [&str; 0]);
    }
}
