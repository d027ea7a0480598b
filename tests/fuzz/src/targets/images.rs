//! Image references and patterns: a name means the same however it is spelled, and a pattern admits it or not.

use policy_engine::policy::image_pattern::{Image, ImagePattern};
use proptest::{prop_assert, prop_assert_eq};
use serde_json::{Value, json};

use super::text;
use crate::Held;

pub(super) fn seeds() -> Vec<Value> {
    let digest = format!("registry.example.com/app:v1@sha256:{}", "0123456789abcdef".repeat(4));
    let names = [
        "nginx",
        "library/nginx:1.27",
        "registry.example.com:443/a/b:1",
        "localhost/x",
        "REGISTRY.example.com/app",
        &digest,
    ];
    let patterns =
        ["registry.example.com/**", "docker.io/library/*:1.*", "**", "registry:5000/x", "*.example.com/**@sha256:*"];
    names.iter().flat_map(|name| patterns.iter().map(move |pattern| json!([name, pattern]))).collect()
}

pub(super) fn holds(input: &Value) -> Held {
    let (Some(name), Some(pattern)) = (text(&input[0]), text(&input[1])) else { return Ok(()) };
    let (image, pattern) = (name.parse::<Image>(), pattern.parse::<ImagePattern>());
    if let Ok(image) = &image {
        let canonical = image.to_string();
        let again = canonical.parse::<Image>();
        prop_assert_eq!(again.as_ref(), Ok(image), "{} read as {}", name, canonical);
        prop_assert!(canonical.is_ascii());
        if let Ok(pattern) = &pattern {
            prop_assert!(again.is_ok_and(|again| pattern.admits(&again) == pattern.admits(image)));
        }
    }
    if let Ok(pattern) = pattern {
        let again: Result<ImagePattern, _> = pattern.to_string().parse();
        prop_assert!(again.is_ok(), "{}", pattern);
    }
    Ok(())
}
