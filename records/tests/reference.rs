//! The pages of `docs/reference` about the records: what their definitions say, for people.

use std::fmt::Write as _;
use std::path::Path;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use manual::{Page, sentence, table};
use records::text;

#[test]
fn reference_of_the_records() {
    let crds = records::crds();
    let mut pages: Vec<_> = crds.iter().map(page).collect();
    pages.push(index(&crds));
    manual::assert_made(Some("docs/reference/records"), &pages);
}

#[test]
fn definitions_of_the_records() {
    let files = records::crds_yaml().expect("YAML");
    let files: Vec<_> = files.into_iter().map(|(name, text)| Page::plain(format!("{CHART}/{name}"), text)).collect();
    manual::assert_made(Some(CHART), &files);
}

/// Where Helm looks for CRDs.
const CHART: &str = "manifests/sluice/crds";

fn index(crds: &[CustomResourceDefinition]) -> Page {
    let rows = crds.iter().map(|crd| {
        let names = &crd.spec.names;
        let short = names.short_names.iter().flatten().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        [format!("[{0}]({1}.md)", names.kind, names.plural), short, sentence(description(root(crd)))]
    });
    let text = format!("{INTRODUCTION}\n\n{}", table(["record", "short name", "what it is"], rows));
    Page::new("records/README.md", &text, &["records/src/lib.rs"])
}

const INTRODUCTION: &str = "\
# The records

What platform Admins write: Kubernetes objects of the group `sluice.dev`, all of them cluster-scoped. \
`kubectl explain <record> --recursive` prints the same. Sluice refuses records that contradict one another. One that names a \
record which does not exist is accepted with a warning, and says so in its conditions; the part that needs the other record \
grants nothing until it exists. `sluice check DIR` finds the same in files.\n\n\
A PlatformReview is no record: it is a question that anybody may ask, and nothing is stored of it.";

fn page(crd: &CustomResourceDefinition) -> Page {
    let names = &crd.spec.names;
    let version = crd.spec.versions.first().expect("a version");
    let mut text = format!("# {}\n\n{}\n", names.kind, sentence(description(root(crd))));
    let called = [vec![names.plural.clone()], names.short_names.clone().unwrap_or_default()].concat();
    let called = called.iter().map(|name| format!("`kubectl get {name}`")).collect::<Vec<_>>().join(", ");
    let scope = crd.spec.scope.to_lowercase();
    let _infallible = write!(text, "\n`{}/{}`, {scope}-scoped: {called}.\n", crd.spec.group, version.name);
    let (example, source) = example(&names.kind);
    let _infallible = write!(text, "\n## An example\n\n```yaml\n{example}\n```\n");
    for part in ["spec", "status"] {
        let Some(schema) = root(crd).properties.as_ref().and_then(|parts| parts.get(part)) else { continue };
        let _infallible = write!(text, "\n## {part}\n\n{}\n\n", sentence(description(schema)));
        fields(schema, 0, &mut text);
        text += &conditions(schema, "\n");
    }
    text += &conditions(root(crd), "\n## The record as a whole\n\n");
    if let Some(columns) = &version.additional_printer_columns {
        let rows = columns.iter().map(|it| [it.name.clone(), it.type_.clone(), format!("`{}`", it.json_path)]);
        let _infallible = write!(text, "\n## What `kubectl get` shows\n\n{}", table(["column", "type", "field"], rows));
    }
    let definition = format!("manifests/sluice/crds/{}.yaml", names.plural);
    Page::new(format!("records/{}.md", names.plural), &text, &[&definition, &source])
}

fn root(crd: &CustomResourceDefinition) -> &JSONSchemaProps {
    let schema = crd.spec.versions.first().and_then(|version| version.schema.as_ref()?.open_api_v3_schema.as_ref());
    schema.expect("a schema")
}

fn description(schema: &JSONSchemaProps) -> &str {
    schema.description.as_deref().expect("a description")
}

/// The longest example of a kind: it shows the most.
fn example(kind: &str) -> (String, String) {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let organisation = std::fs::read_dir(project.join("examples/org")).expect("the sample organisation").flatten();
    let mut sources: Vec<_> = organisation.map(|file| format!("examples/org/{}", file.file_name().display())).collect();
    sources.extend(
        ["manifests/rendered/sluice.yaml", "examples/reviews/me.yaml", "examples/workspaces/study.yaml"]
            .map(str::to_owned),
    );
    let mut found = Vec::new();
    for source in sources {
        let text = std::fs::read_to_string(project.join(&source)).expect("an example");
        for document in text.split("---\n").filter(|it| it.lines().any(|line| line == format!("kind: {kind}"))) {
            if document.contains("apiVersion: sluice.dev/") {
                let shown: Vec<_> = document.trim().lines().filter(|line| !line.starts_with("# Source")).collect();
                found.push((shown.join("\n"), source.clone()));
            }
        }
    }
    found.sort_by_key(|(document, source)| (document.len(), source.clone()));
    found.pop().expect("an example of each kind in examples/org or in the chart")
}

/// Fields as nested lists.
fn fields(schema: &JSONSchemaProps, depth: usize, text: &mut String) {
    let required = schema.required.as_deref().unwrap_or_default();
    for (name, field) in schema.properties.iter().flatten() {
        let indent = "  ".repeat(depth);
        let mut traits = vec![kind(field)];
        traits.extend(required.contains(name).then(|| "required".to_owned()));
        traits.extend(limits(field));
        traits.extend(field.default.as_ref().map(|default| format!("default `{}`", default.0)));
        let said = field.description.as_deref().map(sentence).unwrap_or_default();
        let _infallible = writeln!(text, "{indent}* `{name}` ({}): {said}", traits.join(", "));
        // Every Kubernetes object has the same conditions.
        if name == "conditions" {
            continue;
        }
        let inner = inner(field);
        for rule in rules(inner) {
            let _infallible = writeln!(text, "{indent}  * *{rule}*");
        }
        fields(inner, depth + 1, text);
    }
}

/// What a list or map holds, or the thing itself.
fn inner(field: &JSONSchemaProps) -> &JSONSchemaProps {
    match (&field.items, &field.additional_properties) {
        (Some(JSONSchemaPropsOrArray::Schema(item)), _) => inner(item),
        (_, Some(JSONSchemaPropsOrBool::Schema(value))) => inner(value),
        (_, _) => field,
    }
}

fn kind(field: &JSONSchemaProps) -> String {
    match (&field.items, &field.additional_properties) {
        (Some(JSONSchemaPropsOrArray::Schema(item)), _) => many("list", field.max_items, item),
        (_, Some(JSONSchemaPropsOrBool::Schema(value))) => many("map", field.max_properties, value),
        (_, _) if field.enum_.is_some() => {
            let words = field.enum_.iter().flatten().map(|word| format!("`{}`", word.0.as_str().unwrap_or_default()));
            words.collect::<Vec<_>>().join(" or ")
        }
        (_, _) if field.x_kubernetes_int_or_string == Some(true) => "quantity".into(),
        (_, _) => match field.type_.as_deref().unwrap_or("anything") {
            "string" => match &field.pattern {
                Some(pattern) => spelling(pattern, field.max_length),
                None => "text".into(),
            },
            other => other.to_owned(),
        },
    }
}

fn many(what: &str, most: Option<i64>, each: &JSONSchemaProps) -> String {
    let most = most.map_or_else(String::new, |most| format!(" of at most {most}"));
    match (kind(each).as_str(), most.is_empty()) {
        ("object", true) => format!("{what} of objects"),
        ("object", false) => format!("{what}{most} objects"),
        (each, _) => format!("{what}{most}, each {each}"),
    }
}

/// A pattern in the words in which violations of it are told.
fn spelling(pattern: &str, most: Option<i64>) -> String {
    const NAME: i64 = 63;
    let form = text::form(pattern).and_then(|form| form.split(": ").next());
    match (pattern, form) {
        // A path on a node, or a JSON Pointer.
        ("^/", _) => "text that begins with `/`".into(),
        (_, Some("the name of a record")) if most > Some(NAME) => "a name of Kubernetes'".into(),
        (_, Some(form)) => form.trim_end_matches(", at most 63").to_owned(),
        (_, None) => format!("text that matches `{pattern}`"),
    }
}

/// Bounds of a field and of what it holds, in words.
fn limits(field: &JSONSchemaProps) -> Vec<String> {
    let mut limits = Vec::new();
    limits.extend(field.min_items.filter(|least| *least > 0).map(|least| format!("at least {least}")));
    let inner = inner(field);
    limits.extend(match (inner.minimum, inner.maximum) {
        (Some(least), Some(most)) => Some(format!("{least} to {most}")),
        (Some(least), None) => Some(format!("at least {least}")),
        (None, Some(most)) => Some(format!("at most {most}")),
        (None, None) => None,
    });
    if inner.x_kubernetes_int_or_string != Some(true) {
        limits.extend(inner.max_length.map(|most| format!("at most {most} characters")));
    }
    limits
}

/// What is refused otherwise, as sentences: the messages of the validations.
fn rules(schema: &JSONSchemaProps) -> Vec<String> {
    let validations = schema.x_kubernetes_validations.iter().flatten();
    validations.map(|it| sentence(it.message.as_deref().unwrap_or(&it.rule))).collect()
}

fn conditions(schema: &JSONSchemaProps, heading: &str) -> String {
    match rules(schema).as_slice() {
        [] => String::new(),
        rules => {
            let rules: String = rules.iter().map(|rule| format!("* {rule}\n")).collect();
            format!("{heading}What else must be true:\n\n{rules}")
        }
    }
}
