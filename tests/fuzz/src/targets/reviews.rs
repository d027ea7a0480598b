//! The text of a review: it is answered under its own uid, or it is no review.

use proptest::{prop_assert, prop_assert_eq};
use serde_json::Value;
use webhook::review::Request;

use super::{admission, text};
use crate::Held;

pub(super) fn seeds() -> Vec<Value> {
    admission::seeds().into_iter().map(|review| review.to_string().into()).collect()
}

pub(super) fn holds(input: &Value) -> Held {
    let Some(body) = text(input) else { return Ok(()) };
    let uid = Request::read_uid(body.as_bytes());
    match Request::read(body.as_bytes()) {
        Ok(request) => {
            let said = serde_json::from_str::<Value>(body)
                .ok()
                .and_then(|review| review["request"]["uid"].as_str().map(str::to_owned));
            prop_assert_eq!(Some(&request.uid), said.as_ref());
            prop_assert_eq!(uid.ok(), said);
            let submission = request.submission();
            prop_assert_eq!(submission.object, request.object.as_ref());
        }
        Err(why) => prop_assert!(!why.to_string().is_empty()),
    }
    Ok(())
}
