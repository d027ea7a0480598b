//! What the API server and its webhooks warn of, in the headers of an answer.

use http::HeaderMap;
use http::header::WARNING;

/// The texts of `Warning: 299 - "…"` headers, which quote by backslash.
pub(super) fn read(headers: &HeaderMap) -> Vec<String> {
    let texts = headers.get_all(WARNING).iter().filter_map(|value| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        let (_, quoted) = value.split_once('"')?;
        let mut text = String::new();
        let mut chars = quoted.chars();
        while let Some(char) = chars.next() {
            match char {
                '"' => return Some(text),
                '\\' => text.extend(chars.next()),
                char => text.push(char),
            }
        }
        None
    });
    texts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_unquoted() {
        let mut headers = HeaderMap::new();
        for value in [r#"299 - "sluice: asked \"a\\b\", set to 1""#, r#"299 - "é""#, "299 - unquoted", r#"299 - "cut"#]
        {
            headers.append(WARNING, value.parse().expect("a header value"));
        }
        assert_eq!(read(&headers), [r#"sluice: asked "a\b", set to 1"#, "é"]);
    }
}
