//! The reviews that are sent, and in which order.

use anyhow::{Result, ensure};
use axum::body::Bytes;
use serde_json::Value;

/// After so many small reviews comes a large one.
const LARGE_EVERY: usize = 1000;
/// What counts as large.
pub const LARGE_BYTES: usize = 1 << 20;

/// One review, as the API server sent it.
#[derive(Clone, Debug)]
pub struct Review {
    /// What happened, for people.
    pub what: &'static str,
    /// Path and query.
    pub path: String,
    /// The body.
    pub body: Bytes,
    /// Where in the body stand twelve digits that must be others in each call.
    pub fresh: Vec<usize>,
}

/// Stands for the digits of one call.
const DIGITS: &str = "999999999999";

impl Review {
    /// The same call of a Pod that nothing holds back, and that is another one in each call: what it takes is charged.
    /// Nothing where it is no call that charges anything.
    pub fn charged(&self) -> Result<Option<Self>> {
        let mut review: Value = serde_json::from_slice(&self.body)?;
        let request = &mut review["request"];
        if request["operation"] != "CREATE" || request["resource"]["resource"] != "pods" || self.is_large() {
            return Ok(None);
        }
        let name = format!("fresh-{DIGITS}");
        request["name"] = name.as_str().into();
        let object = &mut request["object"];
        object["metadata"]["name"] = name.into();
        if object["metadata"]["uid"].is_string() {
            object["metadata"]["uid"] = format!("00000000-0000-4000-8000-{DIGITS}").into();
        }
        if let Some(spec) = object["spec"].as_object_mut() {
            spec.remove("schedulingGates");
        }
        let body = review.to_string();
        let fresh = body.match_indices(DIGITS).map(|(at, _)| at).collect();
        Ok(Some(Self { body: body.into(), fresh, ..self.clone() }))
    }

    /// The body of the call of this number.
    pub fn body(&self, number: u64) -> Bytes {
        if self.fresh.is_empty() {
            return self.body.clone();
        }
        let digits = format!("{number:012}");
        let mut body = self.body.to_vec();
        for at in &self.fresh {
            body[*at..*at + DIGITS.len()].copy_from_slice(digits.as_bytes());
        }
        body.into()
    }

    /// Whether it is one of those that come now and then.
    pub fn is_large(&self) -> bool {
        self.body.len() >= LARGE_BYTES
    }
}

/// Reviews in an order that is the same at every run: small ones in turn, and now and then a large one.
#[derive(Clone, Debug)]
pub struct Mix {
    reviews: Vec<Review>,
    small: usize,
}

impl Mix {
    /// A mix of these, of which some must be small and some large.
    pub fn of(mut reviews: Vec<Review>) -> Result<Self> {
        reviews.sort_by_key(Review::is_large);
        let small = reviews.iter().filter(|review| !review.is_large()).count();
        ensure!(small > 0 && small < reviews.len(), "{small} of {} reviews are small", reviews.len());
        Ok(Self { reviews, small })
    }

    /// The same mix where every Pod that is created is charged.
    pub fn charged(&self) -> Result<Self> {
        let charged = |review: &Review| Ok(review.charged()?.unwrap_or_else(|| review.clone()));
        Self::of(self.reviews.iter().map(charged).collect::<Result<_>>()?)
    }

    /// All reviews, each once.
    pub fn all(&self) -> &[Review] {
        &self.reviews
    }

    /// Which review is sent as the `step`th.
    pub fn at(&self, step: usize) -> usize {
        let large = self.reviews.len() - self.small;
        if step % LARGE_EVERY == LARGE_EVERY - 1 { self.small + step / LARGE_EVERY % large } else { step % self.small }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_large_review_comes_now_and_then() {
        let review = |size| Review { what: "", path: String::new(), body: vec![b' '; size].into(), fresh: Vec::new() };
        let mix = Mix::of([LARGE_BYTES, 1, 2, LARGE_BYTES, 3].map(review).into()).expect("a mix");
        assert_eq!([0, 1, 2, 3, 998].map(|step| mix.all()[mix.at(step)].body.len()), [1, 2, 3, 1, 3]);
        assert_eq!([999, 1999, 2999].map(|step| mix.at(step)), [3, 4, 3]);
        let sent = (0..10_000).filter(|step| mix.all()[mix.at(*step)].is_large()).count();
        assert_eq!(sent, 10);
        assert!(Mix::of(vec![review(1)]).is_err(), "nothing large");
    }

    #[test]
    fn a_charged_pod_is_another_one_in_each_call() {
        let pod = |uid| {
            let object = json!({"metadata": {"name": "a", "uid": uid}, "spec": {"schedulingGates": []}});
            let request =
                json!({"operation": "CREATE", "resource": {"resource": "pods"}, "name": "a", "object": object});
            let body = json!({"request": request}).to_string().into();
            Review { what: "", path: String::new(), body, fresh: Vec::new() }
        };
        let charged = pod(json!("1")).charged().expect("a review").expect("a Pod");
        let body: Value = serde_json::from_slice(&charged.body(7)).expect("JSON");
        let metadata = json!({"name": "fresh-000000000007", "uid": "00000000-0000-4000-8000-000000000007"});
        assert_eq!(body["request"]["object"], json!({"metadata": metadata, "spec": {}}));
        assert_eq!(body["request"]["name"], "fresh-000000000007");
        let before_its_uid = pod(Value::Null).charged().expect("a review").expect("a Pod");
        assert_eq!(before_its_uid.fresh.len(), 2, "the mutating call has no UID");
    }
}
