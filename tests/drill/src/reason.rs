//! Refusals in words that can be counted: without names, ports and times.

use std::error::Error;

/// What Sluice refused says which rules; what nobody decided says why not.
pub(crate) fn of_status(code: u16, message: &str) -> String {
    if let Some((_, said)) = message.split_once("sluice: retry: ") {
        let sentence = said.split("; nothing was decided").next().unwrap_or(said);
        return format!("retry: {}", without_numbers(sentence));
    }
    if let Some((_, said)) = message.split_once("sluice: ") {
        let head = said.lines().next().unwrap_or_default();
        return match head.split_once(" denied: ") {
            Some((_, rules)) => format!("denied: {rules}"),
            None => format!("sluice: {}", without_numbers(head)),
        };
    }
    if message.contains("failed calling webhook") {
        return format!("webhook not reached: {}", cause(message));
    }
    format!("API server {code}: {}", cause(message))
}

/// The connection to the API server ended, or never was.
pub(crate) fn of_transport(error: &kube::Error) -> String {
    let first: &dyn Error = error;
    let chain = std::iter::successors(Some(first), |error| (*error).source());
    let last = chain.last().map(ToString::to_string).unwrap_or_default();
    // rustls says where its manual is.
    let last = last.split(": http").next().unwrap_or(&last);
    format!("API server not reached: {}", without_numbers(cause(last)))
}

/// Go and Rust both put the cause last; of a certificate's trouble the rest is times.
fn cause(message: &str) -> &str {
    if let Some((_, trouble)) = message.split_once("x509: ") {
        return trouble.split(": ").next().unwrap_or(trouble);
    }
    message.lines().next().unwrap_or_default().rsplit(": ").next().unwrap_or(message)
}

fn without_numbers(text: &str) -> String {
    let text = text.split(" (os error").next().unwrap_or(text);
    let words = text.split(' ').map(|word| if word.starts_with(|c: char| c.is_ascii_digit()) { "…" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_of_one_cause_are_one_reason() {
        let denied =
            "admission webhook \"governed.sluice.dev\" denied the request: sluice: 2 denied: image, queue\nimage: x";
        assert_eq!(of_status(403, denied), "denied: image, queue");
        let cold = "admission webhook \"x\" denied the request: sluice: retry: nothing was heard from the API server for \
                    163 s; nothing was decided, try again in a moment";
        assert_eq!(of_status(503, cold), "retry: nothing was heard from the API server for … s");
        let dead = "Internal error occurred: failed calling webhook \"x\": failed to call webhook: Post \
                    \"https://127.0.0.1:1/a?timeout=5s\": dial tcp 127.0.0.1:1: connect: connection refused";
        assert_eq!(of_status(500, dead), "webhook not reached: connection refused");
        let expired = "failed calling webhook \"x\": Post: tls: failed to verify certificate: x509: certificate has \
                       expired or is not yet valid: current time 2026-11-22T15:04:05Z is before 2027-01-01T00:00:00Z";
        assert_eq!(of_status(500, expired), "webhook not reached: certificate has expired or is not yet valid");
        assert_eq!(of_status(404, "pods \"a\" not found"), "API server 404: pods \"a\" not found");
    }
}
