//! Material in a directory.
//!
//! The layout is the one that the kubelet uses for mounted Secrets: each file is a link into `..data`, and `..data` is a link to the
//! generation in force. Replacing that one link replaces all four files at once, so neither a crash nor a reader can meet half of a pair.
//! Plain files and mounted Secrets are read as well.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use super::{KeepError, Stored};
use crate::KeyMaterial;
use crate::material::{Part, Parts};

const CURRENT: &str = "..data";
const NEXT: &str = "..data.next";
const LOCK: &str = ".lock";

/// Each is a replacement by another process during the microseconds of a read.
const READ_ATTEMPTS: u32 = 5;

pub(super) fn load(directory: &Path) -> Result<Option<KeyMaterial>, KeepError> {
    for _ in 0..READ_ATTEMPTS {
        let before = generation(directory);
        let parts = read(directory)?;
        if generation(directory) == before {
            return KeyMaterial::read(&parts)
                .map_err(|source| KeepError::Unusable { place: directory.display().to_string(), source });
        }
    }
    Err(KeepError::Unsteady { path: directory.to_owned() })
}

fn generation(directory: &Path) -> Option<PathBuf> {
    fs::read_link(directory.join(CURRENT)).ok()
}

fn read(directory: &Path) -> Result<Parts, KeepError> {
    let mut parts = Parts::new();
    for part in Part::ALL {
        let path = directory.join(part.name());
        parts.extend(read_optional(&path)?.map(|content| (part, content)));
    }
    Ok(parts)
}

pub(super) fn read_optional(path: &Path) -> Result<Option<Vec<u8>>, KeepError> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(KeepError::Read { path: path.to_owned(), source }),
    }
}

/// One file, all at once.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<(), KeepError> {
    let next = path.with_extension("next");
    let written = open_private(&next).and_then(|mut file| {
        file.set_len(0)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&next, path)
    });
    written.map_err(writing(path))
}

pub(super) fn store(directory: &Path, seen: Option<&KeyMaterial>, new: &Parts) -> Result<Stored, KeepError> {
    create_directory(directory).map_err(writing(directory))?;
    // Released when it is dropped, and by the kernel when the process dies.
    let lock = directory.join(LOCK);
    let _lock = open_private(&lock).and_then(|file| file.lock().map(|()| file)).map_err(writing(&lock))?;
    if load(directory)?.as_ref() != seen {
        return Ok(Stored::Overtaken);
    }

    let old = generation(directory);
    let name = next_generation(old.as_deref());
    let generation = directory.join(&name);
    write_generation(&generation, new).map_err(writing(&generation))?;
    for part in new.keys() {
        let path = directory.join(part.name());
        if path.symlink_metadata().is_err() {
            link(directory, *part).map_err(writing(&path))?;
        }
    }
    let current = directory.join(CURRENT);
    replace_link(directory, &name, &current).map_err(writing(&current))?;
    for part in Part::ALL {
        let path = directory.join(part.name());
        if fs::read_link(&path).ok() != Some(target(part)) && (new.contains_key(&part) || path.is_file()) {
            link(directory, part).map_err(writing(&path))?;
        }
    }
    sync(directory).map_err(writing(directory))?;
    if let Some(old) = old {
        let old = directory.join(old);
        fs::remove_dir_all(&old).map_err(writing(&old))?;
    }
    Ok(Stored::Written)
}

fn writing(path: &Path) -> impl FnOnce(io::Error) -> KeepError {
    let path = path.to_owned();
    move |source| KeepError::Write { path, source }
}

fn create_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn open_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Never a name that was used before, so that a reader sees every replacement.
fn next_generation(old: Option<&Path>) -> String {
    let number = old
        .and_then(Path::to_str)
        .and_then(|name| name.strip_prefix(".."))
        .and_then(|number| number.parse::<u64>().ok());
    format!("..{}", number.map_or(1, |number| number.saturating_add(1)))
}

fn write_generation(generation: &Path, parts: &Parts) -> io::Result<()> {
    // What a crash left there was never in force.
    match fs::remove_dir_all(generation) {
        Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
        Ok(()) | Err(_) => {}
    }
    create_directory(generation)?;
    for (part, content) in parts {
        let mut file = open_private(&generation.join(part.name()))?;
        file.write_all(content)?;
        file.sync_all()?;
    }
    sync(generation)
}

fn target(part: Part) -> PathBuf {
    Path::new(CURRENT).join(part.name())
}

fn link(directory: &Path, part: Part) -> io::Result<()> {
    replace_link(directory, target(part), &directory.join(part.name()))
}

fn replace_link(directory: &Path, target: impl AsRef<Path>, link: &Path) -> io::Result<()> {
    let next = directory.join(NEXT);
    match fs::remove_file(&next) {
        Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
        Ok(()) | Err(_) => {}
    }
    symlink(target, &next)?;
    fs::rename(next, link)
}

fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests;
