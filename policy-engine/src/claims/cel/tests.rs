//! What selectors say, and what hostile ones cannot do.

use super::*;

const H100: &str = "NVIDIA H100 80GB HBM3";
const RTX: &str = "NVIDIA GeForce RTX 5090";

fn product(product: &str) -> Known<'_> {
    Known { product: Some(product), ..Known::default() }
}

fn of(expression: &str) -> [Answer; 2] {
    let answers = ask(expression, &[product(H100), product(RTX)]);
    answers.to_vec().try_into().expect("an answer for each product")
}

/// Selectors as people write them, which are true of an H100 and of nothing else.
#[test]
fn asks_for_a_model_in_every_way_in_which_people_write_it() {
    for expression in [
        "device.attributes['gpu.nvidia.com'].productName == 'NVIDIA H100 80GB HBM3'",
        r#"device.attributes["gpu.nvidia.com"].productName.lowerAscii().matches("^.*h100.*$")"#,
        "device.attributes['gpu.nvidia.com']['productName'].contains('H100')",
        "device.attributes['gpu.nvidia.com'].?productName.orValue('').startsWith('NVIDIA H100')",
        "device.attributes[device.driver].?productName.orValue('') in ['NVIDIA H100 80GB HBM3', 'NVIDIA H200']",
        "'productName' in device.attributes['gpu.nvidia.com'] && \
         device.attributes['gpu.nvidia.com'].productName.endsWith('HBM3')",
        "has(device.attributes['gpu.nvidia.com'].productName) && \
         !device.attributes['gpu.nvidia.com'].productName.contains('RTX')",
        "['H100', 'H200'].exists(m, device.attributes['gpu.nvidia.com'].productName.contains(m))",
        "cel.bind(gpu, device.attributes['gpu.nvidia.com'], gpu.productName.contains('H100'))",
        "device.attributes['gpu.nvidia.com'].productName.split(' ')[1] == 'H100'",
        "device.attributes['gpu.nvidia.com'].productName.contains('RTX') ? false : true",
    ] {
        assert_eq!(of(expression), [Answer::Yes, Answer::No], "{expression}");
    }
}

#[test]
fn what_is_not_known_of_a_device_is_open_unless_the_rest_decides() {
    for (expression, answers) in [
        ("device.driver == 'gpu.nvidia.com'", [Answer::Open, Answer::Open]),
        (
            "device.driver == 'gpu.nvidia.com' && device.attributes['gpu.nvidia.com'].type == 'gpu'",
            [Answer::Open, Answer::Open],
        ),
        ("device.capacity['gpu.nvidia.com'].memory.compareTo(quantity('40Gi')) >= 0", [Answer::Open, Answer::Open]),
        ("has(device.attributes['gpu.nvidia.com'].architecture)", [Answer::Open, Answer::Open]),
        ("device.attributes['gpu.nvidia.com'].?architecture.orValue('') == 'Hopper'", [Answer::Open, Answer::Open]),
        (
            "device.attributes['gpu.nvidia.com'].productName.contains('H100') && device.attributes['x'].numa == 0",
            [Answer::Open, Answer::No],
        ),
        (
            "device.attributes['x'].numa == 0 && device.attributes['gpu.nvidia.com'].productName.contains('H100')",
            [Answer::Open, Answer::No],
        ),
        (
            "device.attributes['x'].numa == 0 || device.attributes['gpu.nvidia.com'].productName.contains('H100')",
            [Answer::Yes, Answer::Open],
        ),
        ("device.allowMultipleAllocations == true", [Answer::Open, Answer::Open]),
    ] {
        assert_eq!(of(expression), answers, "{expression}");
    }
}

fn unclear(expression: &str) -> String {
    match of(expression) {
        [Answer::Unclear(one), Answer::Unclear(_)] => one,
        other => panic!("{other:?} of {}", expression.chars().take(80).collect::<String>()),
    }
}

#[test]
fn what_cannot_be_evaluated_says_so() {
    assert!(unclear("device.attributes[").contains("cannot be read"));
    assert!(unclear("1 + 1").contains("neither true nor false"));
    assert!(unclear("unheardOf('x')").contains("uses what is not known here"));
    assert!(
        unclear("['a'].all(device, device.attributes['a'].productName == 'x')").contains("something else `device`")
    );
}

/// As deep as is evaluated, in each way to be deep. Without a stack of their own they end the process.
#[test]
fn class_exhaustion_what_is_deep_does_not_end_the_process() {
    let chains = [
        ("1", "+1", " == 1"),
        ("1", "==1", ""),
        ("true", "&&true", ""),
        ("a", ".a", ""),
        ("a", "[0]", ""),
        ("1", " in a", ""),
        ("'a'", ".trim()", " == 'a'"),
        ("true", "?true:true", ""),
        ("a", ".?a", ""),
        ("", "!", "true"),
        ("", "-", "1"),
    ];
    for (first, link, last) in chains {
        let signs = link.bytes().filter(|byte| !byte.is_ascii_alphanumeric() && *byte != b')' && *byte != b']').count();
        let deep = format!("{first}{}{last}", link.repeat((length::DEEPEST - 4) / signs));
        assert!(length::check(&deep).is_ok(), "{link}");
        let _answered = of(&deep);
    }
    for (open, close) in [("(", ")"), ("[", "]"), ("{1:", "}"), ("has(", ")"), ("a(", ")"), ("a[", "]"), ("!(", ")")] {
        for count in [90, 200] {
            let _answered = of(&open.repeat(count));
            let _answered = of(&format!("{}1{}", open.repeat(count), close.repeat(count)));
        }
    }
    for link in ["+1", "==", "((", ".a"] {
        assert!(unclear(&link.repeat(1000)).contains("operators and brackets"), "{link}");
        assert!(unclear(&link.repeat(6000)).contains("bytes long"), "{link}");
    }
}

#[test]
fn class_exhaustion_bombs_are_not_evaluated() {
    let list = format!("[{}]", vec!["1"; 50].join(","));
    let nested = (0..6).fold("true".to_owned(), |body, level| format!("{list}.all(x{level}, {body})"));
    assert!(unclear(&nested).contains("too long to compare"));
    let doubled = (0..16).fold("x".to_owned(), |body, _| format!("['{}'].map(x, {body} + {body})[0]", "a".repeat(8)));
    let answers = of(&doubled);
    assert!(matches!(answers[0], Answer::Unclear(_)), "{answers:?}");
    let text = "a".repeat(3000);
    let growing =
        format!("['{text}'].map(x, {0}).map(y, {1}).size() == 1", vec!["x"; 300].join("+"), vec!["y"; 300].join("+"));
    assert!(matches!(of(&growing)[0], Answer::Unclear(_)));
    let replaced = format!("'{text}'.replace('a', '{text}').replace('a', '{text}') == ''");
    assert!(unclear(&replaced).contains("too long to compare"));
    let uses = |name: &str| format!("[{}]", [name; 7].join(","));
    let bound = (1..20).rev().fold("true".to_owned(), |body, level| {
        format!("cel.bind(x{level}, {}, {body} || x{level} == 1)", uses(&format!("x{}", level - 1)))
    });
    assert!(unclear(&bound).contains("too long to compare"));
    assert!(unclear("'a'.matches('(((a{1000}){1000}){1000})')").contains("too long to compare"));
    assert!(unclear(&"1 ".repeat(6000)).contains("bytes long"));
}

#[test]
fn the_driver_and_other_attributes_are_known_where_they_are() {
    let nic = Known { driver: Some("net.example.com"), ..Known::default() };
    let slice = Known { profile: Some("1g.10gb"), kind: Some("mig"), ..Known::default() };
    let whole = Known { profile: Some(""), kind: Some("gpu"), ..Known::default() };
    let of = |expression: &str| ask(expression, &[nic, slice, whole]).to_vec();
    let (yes, no, open) = (|| Answer::Yes, || Answer::No, || Answer::Open);
    assert_eq!(of("device.driver == 'net.example.com'"), [yes(), open(), open()]);
    assert_eq!(of("device.driver == 'gpu.nvidia.com' && device.capacity['x'].y == 1"), [no(), open(), open()]);
    assert_eq!(of("device.attributes['gpu.nvidia.com'].type == 'mig'"), [open(), yes(), no()]);
    let profile = "device.attributes[device.driver].?profile.orValue('') in ['1g.10gb']";
    assert_eq!(of(profile), [open(), yes(), no()]);
    assert_eq!(of("device.attributes['gpu.nvidia.com'].profile == '2g.20gb'"), [open(), no(), open()]);
    assert_eq!(of("has(device.attributes['gpu.nvidia.com'].profile)"), [open(), yes(), no()]);
}

#[test]
fn the_drivers_that_a_selector_names_are_found() {
    let of = |expression: &str| drivers(expression).into_iter().collect::<Vec<_>>();
    assert_eq!(of("device.driver == 'a' && device.attributes['x'].y == 'z'"), ["a"]);
    assert_eq!(of("'a' == device.driver || device.driver in ['b', 'c']"), ["a", "b", "c"]);
    assert_eq!(of("true"), Vec::<String>::new());
    assert_eq!(of("device.driver == ("), Vec::<String>::new());
}
