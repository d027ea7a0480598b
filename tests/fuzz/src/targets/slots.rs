//! Slots and their mappings: what is read is where it is said to be, resolving settles, and other templates stay as they are.

use policy_engine::submission::slots;
use policy_engine::submission::slots::FUNCTION;
use proptest::{prop_assert, prop_assert_eq};
use serde_json::{Value, json};

use super::text;
use crate::Held;

pub(super) fn seeds() -> Vec<Value> {
    let expressions = [
        r#"{{ gpuClaimName "train-a" }}"#,
        "{{gpuClaimName}}",
        "a {{- gpuClaimName `eval` -}} b {{ .Values.gpuClaimName }}",
        r#"{{{ gpuClaimName 'x' }}}"#,
        r#"{{ gpuClaimName "train-a }}"#,
        "{{ gpuClaimNames }} é {{ gpuClaimName \"é\" }}",
    ];
    let mappings = ["train-a=my-claim,eval=other.claim", "default=x", "a=b,a=c", "=,=", "é=é"];
    expressions.iter().flat_map(|text| mappings.iter().map(move |mapping| json!([text, mapping]))).collect()
}

pub(super) fn holds(input: &Value) -> Held {
    let (Some(text), Some(mapping)) = (text(&input[0]), text(&input[1])) else { return Ok(()) };
    let mapped = slots::mapping(mapping);
    match &mapped {
        Ok(mapped) => {
            let spelled: Vec<_> = mapped.iter().map(|(slot, claim)| format!("{slot}={claim}")).collect();
            let spelled = spelled.join(",");
            let again = slots::mapping(&spelled);
            prop_assert_eq!(again.as_ref(), Ok(mapped), "{}", mapping);
        }
        Err(broken) => prop_assert!((1..=mapping.chars().count() + 1).contains(&broken.at), "{}", broken),
    }
    match slots::all(text) {
        Ok(found) => {
            prop_assert!(found.is_empty() || slots::mentions(text));
            let mut end = 0;
            for slot in &found {
                prop_assert!(slot.range.start >= end && slots::is_name(slot.name), "{:?}", slot);
                let expression = &text[slot.range.clone()];
                prop_assert!(
                    expression.starts_with("{{") && expression.ends_with("}}") && expression.contains(FUNCTION)
                );
                end = slot.range.end;
            }
            let untouched = slots::resolve(text, |_| None);
            prop_assert_eq!(untouched.as_deref(), Ok(text));
            let resolved = slots::resolve(text, |_| Some("claim")).expect("it was read before");
            let left = resolved.len() + found.iter().map(|slot| slot.range.len()).sum::<usize>();
            prop_assert_eq!(left, text.len() + found.len() * "claim".len());
        }
        Err(broken) => {
            prop_assert!((1..=text.chars().count() + 1).contains(&broken.at), "{}", broken);
            prop_assert!(slots::resolve(text, |_| Some("claim")).is_err());
        }
    }
    Ok(())
}
