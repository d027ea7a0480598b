//! The reviews that are sent, and in which order.

use anyhow::{Result, ensure};
use axum::body::Bytes;

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
}

impl Review {
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
    use super::*;

    #[test]
    fn a_large_review_comes_now_and_then() {
        let review = |size| Review { what: "", path: String::new(), body: vec![b' '; size].into() };
        let mix = Mix::of([LARGE_BYTES, 1, 2, LARGE_BYTES, 3].map(review).into()).expect("a mix");
        assert_eq!([0, 1, 2, 3, 998].map(|step| mix.all()[mix.at(step)].body.len()), [1, 2, 3, 1, 3]);
        assert_eq!([999, 1999, 2999].map(|step| mix.at(step)), [3, 4, 3]);
        let sent = (0..10_000).filter(|step| mix.all()[mix.at(*step)].is_large()).count();
        assert_eq!(sent, 10);
        assert!(Mix::of(vec![review(1)]).is_err(), "nothing large");
    }
}
