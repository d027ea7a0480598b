//! Objects from files, directories and standard input. Everything that is wrong is said at once.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Error, anyhow, ensure};
use records::files::documents;
use serde_json::Value;

use super::object::Submitted;

const MAX_FILE_BYTES: u64 = 8 << 20;
const MAX_OBJECTS: usize = 10_000;
const STANDARD_INPUT: &str = "-";

/// Reads all objects, in the order of the flags; of a directory's files, in the order of their names.
pub(super) fn read(paths: &[PathBuf], problems: &mut Vec<Error>) -> Vec<Submitted> {
    let mut objects = Vec::new();
    let files = paths.iter().flat_map(|path| {
        files_of(path).unwrap_or_else(|error| {
            problems.push(error);
            Vec::new()
        })
    });
    for file in files.collect::<Vec<_>>() {
        let origin =
            if file.as_os_str() == STANDARD_INPUT { "standard input".into() } else { file.display().to_string() };
        match content(&file).with_context(|| origin.clone()) {
            Ok(text) => parse(&text, &origin, &mut objects, problems),
            Err(error) => problems.push(error),
        }
        if objects.len() > MAX_OBJECTS {
            problems.push(anyhow!("there are more than {MAX_OBJECTS} objects; submit them in parts"));
            break;
        }
    }
    if objects.is_empty() && problems.is_empty() {
        problems.push(anyhow!("there is no object in what was given"));
    }
    objects
}

fn files_of(path: &Path) -> Result<Vec<PathBuf>, Error> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let named = || format!("{}", path.display());
    let entries = fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>).with_context(named)?;
    let wanted = |path: &PathBuf| path.extension().is_some_and(|it| it == "yaml" || it == "yml" || it == "json");
    let mut files: Vec<_> =
        entries.iter().map(fs::DirEntry::path).filter(|path| wanted(path) && path.is_file()).collect();
    ensure!(!files.is_empty(), "{}: the directory holds no .yaml, .yml or .json file", path.display());
    files.sort();
    Ok(files)
}

fn content(file: &Path) -> Result<String, Error> {
    let mut bytes = Vec::new();
    let source: Box<dyn Read> =
        if file.as_os_str() == STANDARD_INPUT { Box::new(io::stdin().lock()) } else { Box::new(File::open(file)?) };
    source.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    ensure!(bytes.len() as u64 <= MAX_FILE_BYTES, "it is larger than {} MiB; submit it in parts", MAX_FILE_BYTES >> 20);
    String::from_utf8(bytes).context("it is not UTF-8 text")
}

/// Every document of a file, and every item of every list in it.
fn parse(text: &str, origin: &str, objects: &mut Vec<Submitted>, problems: &mut Vec<Error>) {
    if let Some(documents) = json(text) {
        for (index, document) in documents.into_iter().enumerate() {
            expand(document, format!("{origin}, document {}", index + 1), objects, problems);
        }
        return;
    }
    for (index, document) in documents::all(text).take(MAX_OBJECTS + 1).enumerate() {
        let origin = format!("{origin}, document {}", index + 1);
        match document.map(|object| (documents::bare_boolean(&object, text), object)) {
            Ok((None, object)) => expand(object, origin, objects, problems),
            Ok((Some(word), _)) => {
                problems.push(anyhow!(
                    "{origin}: kubectl takes a bare {word} for a boolean; write \"{word}\", or true or false"
                ));
            }
            Err(error) => problems.push(Error::new(error).context(origin)),
        }
    }
}

/// Objects one after another, as programs print them; what is not JSON may be YAML that begins with a brace.
fn json(text: &str) -> Option<Vec<Value>> {
    text.trim_start()
        .starts_with('{')
        .then(|| serde_json::Deserializer::from_str(text).into_iter().collect::<Result<_, _>>())?
        .ok()
}

fn expand(object: Value, origin: String, objects: &mut Vec<Submitted>, problems: &mut Vec<Error>) {
    if objects.len() > MAX_OBJECTS {
        return;
    }
    let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
    let Some((of, Value::Array(items))) = kind.strip_suffix("List").zip(object.get("items")) else {
        match Submitted::read(object, origin) {
            Ok(submitted) => objects.push(submitted),
            Err(error) => problems.push(error),
        }
        return;
    };
    for (index, item) in items.iter().enumerate() {
        let mut item = item.clone();
        // A typed list says once what its items are.
        if let (false, Some(fields)) = (of.is_empty(), item.as_object_mut()) {
            fields.entry("kind").or_insert_with(|| of.into());
            if let Some(api_version) = object.get("apiVersion") {
                fields.entry("apiVersion").or_insert_with(|| api_version.clone());
            }
        }
        expand(item, format!("{origin}, item {}", index + 1), objects, problems);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (Vec<String>, Vec<String>) {
        let (mut objects, mut problems) = (Vec::new(), Vec::new());
        parse(text, "a.yaml", &mut objects, &mut problems);
        let objects = objects.iter().map(|it| format!("{}: {} {}", it.origin, it.kind, it.name())).collect();
        (objects, problems.iter().map(|error| format!("{error:#}")).collect())
    }

    #[test]
    fn documents_and_lists_are_taken_apart() {
        let (objects, problems) = parsed(
            "# nothing\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: b}}\n- apiVersion: v1\n  kind: PodList\n  items: [{metadata: {name: c}}]\n",
        );
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(
            objects,
            [
                "a.yaml, document 1: Pod a",
                "a.yaml, document 2, item 1: Pod b",
                "a.yaml, document 2, item 2, item 1: Pod c"
            ]
        );
    }

    #[test]
    fn json_may_be_one_after_another_and_yaml_may_begin_with_a_brace() {
        let json = r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}"#;
        assert_eq!(parsed(&format!("{json}\n{json}")).0.len(), 2);
        assert_eq!(parsed("{apiVersion: v1, kind: Pod, metadata: {name: a}}").0, ["a.yaml, document 1: Pod a"]);
    }

    #[test]
    fn every_problem_is_said() {
        let (objects, problems) =
            parsed("kind: Pod\n---\napiVersion: v1\n---\napiVersion: v1\nkind: Pod\n---\n- 1\n---\na: [\n");
        assert!(objects.is_empty());
        assert_eq!(problems.len(), 5, "{problems:?}");
        assert_eq!(problems[0], "a.yaml, document 1: it has no apiVersion; write for example apiVersion: v1");
        assert_eq!(problems[1], "a.yaml, document 2: it has no kind; write for example kind: Pod");
        assert!(problems[4].starts_with("a.yaml, document 5: "), "{}", problems[4]);
    }

    #[test]
    fn what_kubectl_would_not_read_is_refused() {
        let problem = |text: &str| parsed(text).1.join("|");
        let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n";
        assert_eq!(
            problem(&format!("{pod}spec: {{hostPID: yes}}")),
            "a.yaml, document 1: kubectl takes a bare yes for a boolean; write \"yes\", or true or false"
        );
        assert_eq!(problem(&format!("{pod}spec: {{hostname: \"yes\"}}")), "");
        assert!(problem(&format!("{pod}kind: Job")).contains("duplicate"), "{}", problem(&format!("{pod}kind: Job")));
    }

    #[test]
    fn too_many_objects_are_refused() {
        let many = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\n".repeat(MAX_OBJECTS + 5);
        assert_eq!(parsed(&many).0.len(), MAX_OBJECTS + 1, "one more than may be, for the caller to refuse");
    }
}
