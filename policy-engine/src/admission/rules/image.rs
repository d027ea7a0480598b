//! # image: only images that the project allows
//!
//! Every image must match one of the project's patterns (`Project.spec.images`), such as `registry.example.com/**` or
//! `docker.io/library/*:1.*`. `*` stands for anything within a path segment, `**` across them.
//!
//! A name without a registry is a name on Docker Hub. A name without a tag has the tag `latest`. A port is not a tag. A
//! container runtime that is given a digest ignores the tag, so a pattern with a tag and no digest admits no digest.
//! The rule also judges ephemeral containers, since `kubectl debug` is a way to run an image, and images that are
//! mounted as volumes.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use crate::admission::findings::Findings;
use crate::object::place::Place;
use crate::policy::image_pattern::Image;
use crate::policy::project::Project;
use crate::sentence;
use crate::submission::case::Case;
use crate::submission::pod::{Container, Pod};

pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    let mut admitted = HashSet::new();
    for (pod, used, text) in case.pods.iter().flat_map(images) {
        if admitted.contains(text) {
            continue;
        }
        match Image::read(text) {
            Err(unreadable) => say.deny(used.at(pod), unreadable),
            Ok(image) if case.project.images.iter().any(|pattern| pattern.admits(&image)) => {
                admitted.insert(text);
            }
            Ok(image) => say.deny(used.at(pod), NotAllowed { image, project: case.project }),
        }
    }
}

/// What an image is for.
enum Used<'p> {
    Run(Container<'p>),
    Mounted { volume: usize },
}

impl Used<'_> {
    fn at(&self, pod: &Pod<'_>) -> Place {
        match self {
            Self::Run(container) => container.at(["image"]),
            Self::Mounted { volume } => pod.at(["spec", "volumes"]).index(*volume).key("image").key("reference"),
        }
    }
}

fn images<'p, 'a>(pod: &'p Pod<'a>) -> impl Iterator<Item = (&'p Pod<'a>, Used<'p>, &'p str)> {
    let run = pod.containers().map(move |it| (pod, Used::Run(it), it.image.unwrap_or_default()));
    let mounted = pod.spec.volumes.iter().flatten().enumerate().filter_map(move |(volume, it)| {
        let reference = it.image.as_ref()?.reference.as_deref().unwrap_or_default();
        Some((pod, Used::Mounted { volume }, reference))
    });
    run.chain(mounted)
}

struct NotAllowed<'a> {
    image: Arc<Image>,
    project: &'a Project,
}

impl fmt::Display for NotAllowed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { image, project } = self;
        write!(f, "asked {image}; project {} allows ", project.name)?;
        match project.images.as_slice() {
            [] => return f.write_str("no image; ask a platform Admin to add a pattern to Project.spec.images"),
            patterns => sentence::list(f, patterns)?,
        }
        f.write_str("; use one of those, or ask a platform Admin to add a pattern")
    }
}
