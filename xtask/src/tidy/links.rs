//! Links between the pages of this repository, and to headings in them, lead somewhere.

use super::tree::{File, Finding, Tree};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use std::collections::BTreeSet;

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let pages = tree.files.iter().filter(|file| file.path.ends_with(".md"));
    pages
        .flat_map(|page| {
            links(page).into_iter().filter_map(|(line, link)| {
                Some(page.finding(line, format!("`{link}` {}", nowhere(tree, page, &link)?)))
            })
        })
        .collect()
}

/// Why a link leads nowhere.
fn nowhere(tree: &Tree, page: &File, link: &str) -> Option<&'static str> {
    // Other hosts are other people's.
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (path, heading) = link.split_once('#').map_or((link, None), |(path, heading)| (path, Some(heading)));
    let target = if path.is_empty() { Some(page.path.clone()) } else { resolve(&page.path, path) };
    let Some(target) = target else { return Some("leads out of the repository") };
    let Some(file) = tree.get(&target) else {
        let directory = format!("{target}/");
        let is_directory = target.is_empty() || tree.files.iter().any(|file| file.path.starts_with(&directory));
        return (!is_directory).then_some("is not in the repository");
    };
    let known = heading.is_none_or(|heading| headings(&file.text).contains(heading));
    (!known).then_some("is no heading of that page")
}

/// A relative path as seen from a page.
fn resolve(page: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Line and destination of every link.
fn links(page: &File) -> Vec<(usize, String)> {
    let line = |at: usize| page.text[..at].matches('\n').count() + 1;
    let events = Parser::new_ext(&page.text, Options::ENABLE_TABLES).into_offset_iter();
    events
        .filter_map(|(event, range)| match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                Some((line(range.start), dest_url.into_string()))
            }
            _ => None,
        })
        .collect()
}

/// What headings are called in links: in lower case, words joined by `-`, other punctuation left out.
fn headings(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut heading: Option<String> = None;
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match (event, &mut heading) {
            (Event::Start(Tag::Heading { .. }), _) => heading = Some(String::new()),
            (Event::Text(part) | Event::Code(part), Some(heading)) => heading.push_str(&part),
            (Event::End(TagEnd::Heading(_)), Some(words)) => {
                let kept = words.to_lowercase().replace(' ', "-");
                let name: String = kept.chars().filter(|it| it.is_alphanumeric() || matches!(it, '-' | '_')).collect();
                let again = (1..).map(|count| format!("{name}-{count}"));
                let free = std::iter::once(name.clone()).chain(again).find(|name| !found.contains(name));
                found.extend(free);
                heading = None;
            }
            (_, _) => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tree::tree;

    fn says(link: &str) -> Vec<String> {
        let page = format!("# A page\n\nsee [it]({link})\n");
        let files = [("docs/a.md", page.as_str()), ("docs/b.md", "## `sluice run`: it runs\n"), ("README.md", "")];
        check(&tree(&files)).into_iter().map(|finding| finding.to_string()).collect()
    }

    #[test]
    fn a_link_to_what_is_there_is_none_of_our_business() {
        for link in
            ["b.md", "../README.md", "..", "../docs", "#a-page", "b.md#sluice-run-it-runs", "https://example.com/x"]
        {
            assert_eq!(says(link), Vec::<String>::new(), "{link}");
        }
    }

    #[test]
    fn a_dead_link_is_found_with_its_line() {
        assert_eq!(says("c.md"), ["docs/a.md:3: `c.md` is not in the repository"]);
        assert_eq!(says("b.md#sluice"), ["docs/a.md:3: `b.md#sluice` is no heading of that page"]);
        assert_eq!(says("../../x"), ["docs/a.md:3: `../../x` leads out of the repository"]);
    }
}
