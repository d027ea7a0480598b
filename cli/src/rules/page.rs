//! Markdown as it is read in a terminal: headings are bold, code keeps its quotes, lines stay as they were broken.

use owo_colors::OwoColorize as _;

pub(super) fn render(page: &str) -> String {
    let mut text = page.lines().map(line).collect::<Vec<_>>().join("\n");
    text.push('\n');
    text
}

fn line(line: &str) -> String {
    match line.trim_start_matches('#').strip_prefix(' ') {
        Some(heading) if line.starts_with('#') => heading.bold().to_string(),
        Some(_) | None => code(line),
    }
}

/// Text between backticks stands out. An odd backtick is text.
fn code(line: &str) -> String {
    let parts: Vec<_> = line.split('`').collect();
    let last = parts.len() - 1;
    let paint = |(index, part): (usize, &&str)| match index {
        odd if odd % 2 == 1 && odd < last => format!("`{}`", part.cyan()),
        odd if odd % 2 == 1 => format!("`{part}"),
        _ => (*part).to_owned(),
    };
    parts.iter().enumerate().map(paint).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(page: &str) -> String {
        anstream::adapter::strip_str(&render(page)).to_string()
    }

    #[test]
    fn a_heading_loses_its_mark_and_code_keeps_its_own() {
        assert_eq!(plain("# image: only `a`\n\nText `b` and\n#1 `odd"), "image: only `a`\n\nText `b` and\n#1 `odd\n");
        assert!(render("# title").contains("\u{1b}[1m"), "headings are bold");
    }
}
