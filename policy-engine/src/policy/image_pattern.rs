//! Image references and the patterns that admit them.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use globset::{GlobBuilder, GlobMatcher};
use moka::sync::Cache;
use oci_spec::distribution::Reference;
use serde::{Serialize, Serializer};

/// No pattern is longer; what people mean is said in far less.
pub const MAX_PATTERN_LENGTH: usize = 512;

/// No image reference is longer: a name of 255 characters, a tag of 128, a digest, and a registry.
const LONGEST_IMAGE: usize = 1024;

/// An image as a container runtime understands it: `nginx` is `docker.io/library/nginx:latest`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    repository: String,
    tag: Option<String>,
    digest: Option<String>,
}

/// Reading a reference costs as much as a rule or two, and a platform runs the same few images all day. A pattern takes
/// some 20 KiB, and many projects have the same ones, at each change of any record anew.
const MOST_REMEMBERED: u64 = 1024;

impl Image {
    /// Reads an image reference, or remembers it.
    ///
    /// # Errors
    /// Where it names no image.
    pub fn read(text: &str) -> Result<Arc<Self>, InvalidImage> {
        static READ: LazyLock<Cache<String, Arc<Image>>> = LazyLock::new(|| Cache::new(MOST_REMEMBERED));
        if let Some(image) = READ.get(text) {
            return Ok(image);
        }
        let image = Arc::new(text.parse::<Self>()?);
        READ.insert(text.to_owned(), image.clone());
        Ok(image)
    }
}

impl FromStr for Image {
    type Err = InvalidImage;

    fn from_str(text: &str) -> Result<Self, InvalidImage> {
        if text.len() > LONGEST_IMAGE {
            let shown: String = text.chars().take(LONGEST_IMAGE / 4).collect();
            let why = format!("it begins so and has {} characters, where {LONGEST_IMAGE} are the most", text.len());
            return Err(InvalidImage { text: shown, why });
        }
        // The parser's `\w` takes letters of every script in a tag; runtimes take ASCII.
        if !text.is_ascii() {
            return Err(InvalidImage { text: text.into(), why: "it has letters outside ASCII".into() });
        }
        if is_image_id(text) {
            let why = "it is the id of an image that a node may hold, from wherever; name a repository";
            return Err(InvalidImage { text: text.into(), why: why.into() });
        }
        let reference =
            Reference::from_str(text).map_err(|why| InvalidImage { text: text.into(), why: why.to_string() })?;
        Ok(Self {
            repository: format!("{}/{}", reference.registry().to_ascii_lowercase(), reference.repository()),
            tag: reference.tag().map(str::to_owned),
            digest: reference.digest().map(str::to_owned),
        })
    }
}

/// Runtimes take a digest alone, or its hexadecimal digits alone, for an image that is on the node already.
fn is_image_id(text: &str) -> bool {
    const SHA256_DIGITS: usize = 64;
    let (algorithm, digits) = text.split_once(':').unwrap_or(("sha256", text));
    let hexadecimal = digits.chars().all(|digit| digit.is_ascii_hexdigit());
    algorithm.starts_with("sha") && hexadecimal && digits.len() >= SHA256_DIGITS
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// Text that names no image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no image reference: {why}")]
pub struct InvalidImage {
    text: String,
    why: String,
}

/// Which images a project allows: `registry/repository[:tag][@digest]`, with `*` within a path segment and `**` across them.
///
/// Without a tag and a digest, every tag and digest of the repository is meant. A runtime that is given a digest
/// ignores the tag, so a pattern that restricts only the tag admits no image with a digest.
#[derive(Clone, Debug)]
pub struct ImagePattern(Arc<Compiled>);

#[derive(Debug)]
struct Compiled {
    text: String,
    repository: GlobMatcher,
    tag: Option<GlobMatcher>,
    digest: Option<GlobMatcher>,
}

impl ImagePattern {
    /// Reads a pattern, or remembers it.
    ///
    /// # Errors
    /// Where it is none.
    pub fn read(text: &str) -> Result<Self, InvalidPattern> {
        static READ: LazyLock<Cache<String, ImagePattern>> = LazyLock::new(|| Cache::new(MOST_REMEMBERED));
        if let Some(pattern) = READ.get(text) {
            return Ok(pattern);
        }
        let pattern = text.parse::<Self>()?;
        READ.insert(text.to_owned(), pattern.clone());
        Ok(pattern)
    }

    /// Whether the pattern admits the image.
    pub fn admits(&self, image: &Image) -> bool {
        let part = |pattern: &Option<GlobMatcher>, value: &Option<String>| match (pattern, value) {
            (None, _) => true,
            (Some(glob), Some(value)) => glob.is_match(value),
            (Some(_), None) => false,
        };
        let Compiled { text: _, repository, tag, digest } = &*self.0;
        let by_digest = digest.is_some() || tag.is_none() || image.digest.is_none();
        by_digest && repository.is_match(&image.repository) && part(tag, &image.tag) && part(digest, &image.digest)
    }
}

impl FromStr for ImagePattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        let refuse = |why: &str| InvalidPattern { text: text.into(), why: why.into() };
        if text.is_empty() {
            return Err(refuse("it is empty"));
        }
        if text.len() > MAX_PATTERN_LENGTH {
            return Err(refuse("it is longer than 512 characters"));
        }
        if let Some(odd) = text.chars().find(|c| !c.is_ascii_alphanumeric() && !"._-/:@*+".contains(*c)) {
            return Err(refuse(&format!("{odd:?} has no place in it; only `*` and `**` are wildcards")));
        }
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text, None),
        };
        let after_path = name.rfind('/').map_or(0, |slash| slash + 1);
        let (repository, tag) = match name[after_path..].split_once(':') {
            Some((last, tag)) => (&name[..after_path + last.len()], Some(tag)),
            None => (name, None),
        };
        if repository.split('/').any(str::is_empty) {
            return Err(refuse("a part of its path is empty"));
        }
        if tag.is_some_and(str::is_empty) || digest.is_some_and(str::is_empty) {
            return Err(refuse("its tag or digest is empty"));
        }
        let repository = normalise(repository)
            .ok_or_else(|| refuse("a lone `*` is ambiguous; write `docker.io/library/*`, or `**` for every image"))?;
        let glob = |text: &str| {
            GlobBuilder::new(text)
                .literal_separator(true)
                .build()
                .map(|glob| glob.compile_matcher())
                .map_err(|why| refuse(&why.kind().to_string()))
        };
        Ok(Self(Arc::new(Compiled {
            repository: glob(&repository)?,
            tag: tag.map(glob).transpose()?,
            digest: digest.map(glob).transpose()?,
            text: text.into(),
        })))
    }
}

/// Docker Hub's short names in full, as an image's are. `None` where a lone `*` could mean two things.
fn normalise(repository: &str) -> Option<String> {
    let (first, rest) = match repository.split_once('/') {
        Some((first, rest)) => (first, Some(rest)),
        None => (repository, None),
    };
    let is_registry = first.contains(['.', ':', '*']) || first == "localhost";
    match rest {
        Some(rest) if is_registry => {
            let registry = first.to_ascii_lowercase();
            let registry = if registry == "index.docker.io" { "docker.io".into() } else { registry };
            match (registry.as_str(), rest.contains(['/', '*'])) {
                ("docker.io", false) => Some(format!("docker.io/library/{rest}")),
                _ => Some(format!("{registry}/{rest}")),
            }
        }
        Some(_) => Some(format!("docker.io/{repository}")),
        None if first == "**" => Some("**".into()),
        None if first == "*" => None,
        None => Some(format!("docker.io/library/{repository}")),
    }
}

impl fmt::Display for ImagePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl Serialize for ImagePattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.text)
    }
}

/// Text that is no image pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no image pattern: {why}")]
pub struct InvalidPattern {
    text: String,
    why: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn admits(pattern: &str, image: &str) -> bool {
        let pattern: ImagePattern = pattern.parse().expect("a pattern");
        pattern.admits(&image.parse().expect("an image"))
    }

    #[test]
    fn short_names_are_docker_hubs() {
        for image in ["nginx", "library/nginx", "docker.io/nginx:1", "index.docker.io/library/nginx"] {
            assert!(admits("docker.io/library/*", image), "{image}");
            assert!(admits("nginx", image), "{image}");
        }
        assert!(!admits("docker.io/library/*", "bitnami/nginx"));
        assert!(!admits("docker.io/library/*", "registry.example.com/library/nginx"));
    }

    #[test]
    fn a_star_stays_within_a_segment_and_two_cross_them() {
        assert!(admits("registry.example.com/**", "registry.example.com/a/b/c"));
        assert!(admits("registry.example.com/team/*", "registry.example.com/team/app"));
        assert!(!admits("registry.example.com/team/*", "registry.example.com/team/app/deep"));
        assert!(!admits("registry.example.com/**", "registry.example.com.evil.org/a"));
        assert!(!admits("registry.example.com/**", "evil.org/registry.example.com/a"));
    }

    #[test]
    fn a_port_is_not_a_tag() {
        let image: Image = "registry:5000/x".parse().expect("an image");
        assert_eq!(image.to_string(), "registry:5000/x:latest");
        assert!(admits("registry:5000/x:latest", "registry:5000/x"));
        assert!(!admits("registry:5000/x:v1", "registry:5000/x"));
    }

    #[test]
    fn a_digest_overrules_the_tag() {
        let pinned = format!("registry.example.com/app:v1@{DIGEST}");
        assert!(!admits("registry.example.com/app:v1", &pinned));
        assert!(admits("registry.example.com/app", &pinned));
        assert!(admits("registry.example.com/app@sha256:0123*", &pinned));
        assert!(!admits("registry.example.com/app@sha256:*", "registry.example.com/app:v1"));
    }

    #[test]
    fn look_alike_letters_name_no_image() {
        for image in ["docker.io/library/nginх", "nginx:vеrsion", "ＮＧＩＮＸ"] {
            assert_eq!(image.parse::<Image>().expect_err("not ASCII").why, "it has letters outside ASCII");
        }
    }

    #[test]
    fn an_image_id_names_no_image() {
        let digits = &DIGEST["sha256:".len()..];
        for image in [DIGEST, digits] {
            assert!(image.parse::<Image>().expect_err("an id").why.starts_with("it is the id of an image"), "{image}");
        }
        assert!(admits("docker.io/library/*", "sha256:1.0"));
        assert!(admits("docker.io/library/*", &digits[..63]));
    }

    #[test]
    fn bad_patterns_say_what_is_wrong() {
        for (pattern, why) in [
            ("", "empty"),
            ("*", "ambiguous"),
            ("a//b", "part of its path"),
            ("registry.example.com/[a", "no place"),
            ("registry.example.com/app:", "tag or digest"),
        ] {
            let error = pattern.parse::<ImagePattern>().expect_err(pattern).to_string();
            assert!(error.contains(why), "{pattern}: {error}");
        }
    }
}
