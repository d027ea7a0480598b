//! Writes images without Docker: an archive with the OCI layout, which `ctr`, `podman load` and registries take, and
//! with the file by which older versions of `docker load` find their way.

use crate::error::{Error, Result};
use crate::layout;
use crate::packages::BUSYBOX;
use flate2::Compression;
use flate2::write::GzEncoder;
use oci_spec::distribution::Reference;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Result as Written, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tar::{Builder, EntryType, Header};

/// What busybox is called in the images that consist of it.
const APPLETS: &[&str] = &[
    "cat", "date", "echo", "env", "false", "head", "httpd", "id", "kill", "ls", "mkdir", "nc", "ps", "sh", "sleep",
    "touch", "true", "wc",
];

/// A file system of one layer, and how it is run.
#[derive(Debug)]
pub struct Image {
    name: String,
    /// `config` of the image specification: `User`, `Entrypoint`, `Env`, `Labels` and the like.
    config: Value,
    layer: Layer,
}

impl Image {
    /// `name` is the whole reference, e.g. `registry.example.com/team/app:1`.
    pub fn new(name: &str, config: Value, layer: Layer) -> Self {
        Self { name: name.to_owned(), config, layer }
    }

    /// One program that is a shell and its tools.
    pub fn of_busybox(name: &str, command: &[&str]) -> Result<Self> {
        let mut layer = Layer::new();
        layer.copy(Path::new(BUSYBOX), "bin/busybox", 0o755)?;
        for applet in APPLETS {
            layer.link(&format!("bin/{applet}"), "busybox")?;
        }
        layer.directory("tmp", 0o1777)?;
        Ok(Self::new(name, json!({"Cmd": command, "Env": ["PATH=/bin"]}), layer))
    }

    /// Writes the archive. The same content is the same file.
    pub fn write(self, path: &Path) -> Result<()> {
        layout::make_parent(path)?;
        let next = path.with_extension("next");
        let file = File::create(&next).map_err(Error::file("make", &next))?;
        self.write_to(BufWriter::new(file)).map_err(Error::file("write", &next))?;
        std::fs::rename(&next, path).map_err(Error::file("write", path))
    }

    fn write_to(self, out: impl Write) -> Written<()> {
        let Self { name, config, layer } = self;
        let mut archive = Archive(Builder::new(out));
        let files = layer.finish()?;
        let layer = archive.blob("application/vnd.oci.image.layer.v1.tar+gzip", &compressed(&files)?)?;
        let config = archive.json(
            "application/vnd.oci.image.config.v1+json",
            &json!({"architecture": "amd64", "os": "linux", "config": config,
                "rootfs": {"type": "layers", "diff_ids": [digest(&files)]}}),
        )?;
        const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]});
        let mut manifest = archive.json(MANIFEST, &manifest)?;
        // containerd keeps the image by the first, other tools by the second.
        manifest["annotations"] = json!({"io.containerd.image.name": whole(&name),
            "org.opencontainers.image.ref.name": name.rsplit(':').next()});
        archive.file("index.json", &json!({"schemaVersion": 2, "manifests": [manifest]}))?;
        archive.file("oci-layout", &json!({"imageLayoutVersion": "1.0.0"}))?;
        let docker = json!([{"Config": place(&config), "RepoTags": [name], "Layers": [place(&layer)]}]);
        archive.file("manifest.json", &docker)?;
        archive.0.into_inner()?.flush()
    }
}

/// The reference with what is not said of it, as the kubelet asks for it: `sluice:1` is `docker.io/library/sluice:1`.
fn whole(name: &str) -> String {
    name.parse::<Reference>().map_or_else(|_| name.to_owned(), |reference| reference.whole())
}

struct Archive<W: Write>(Builder<W>);

impl<W: Write> Archive<W> {
    fn file(&mut self, name: &str, content: &Value) -> Written<()> {
        append(&mut self.0, name, content.to_string().as_bytes(), 0o644)
    }

    fn json(&mut self, media_type: &str, content: &Value) -> Written<Value> {
        self.blob(media_type, content.to_string().as_bytes())
    }

    /// Returns what others call it by.
    fn blob(&mut self, media_type: &str, content: &[u8]) -> Written<Value> {
        let descriptor = json!({"mediaType": media_type, "digest": digest(content), "size": content.len()});
        append(&mut self.0, &place(&descriptor), content, 0o644)?;
        Ok(descriptor)
    }
}

fn digest(content: &[u8]) -> String {
    let hash: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hash}")
}

fn compressed(content: &[u8]) -> Written<Vec<u8>> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(content)?;
    gzip.finish()
}

/// Where the archive has what a descriptor names.
fn place(descriptor: &Value) -> String {
    format!("blobs/{}", descriptor["digest"].as_str().unwrap_or_default().replace(':', "/"))
}

/// Files of an image, all root's and without times, so that they are the same whenever they are written.
pub struct Layer {
    files: Builder<Vec<u8>>,
    directories: BTreeSet<PathBuf>,
}

impl std::fmt::Debug for Layer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a layer with {} bytes", self.files.get_ref().len())
    }
}

impl Default for Layer {
    fn default() -> Self {
        Self::new()
    }
}

impl Layer {
    /// Without a file.
    pub fn new() -> Self {
        Self { files: Builder::new(Vec::new()), directories: BTreeSet::new() }
    }

    /// A file with this content.
    pub fn file(&mut self, path: &str, content: &[u8], mode: u32) -> Result<()> {
        self.parents(path)?;
        append(&mut self.files, path, content, mode).map_err(Error::file("write", Path::new(path)))
    }

    /// A file of this machine.
    pub fn copy(&mut self, from: &Path, path: &str, mode: u32) -> Result<()> {
        let content = std::fs::read(from).map_err(Error::file("read", from))?;
        self.file(path, &content, mode)
    }

    /// What is below a directory of this machine, but for some paths below it.
    pub fn tree(&mut self, from: &Path, path: &str, without: &[&str]) -> Result<()> {
        self.below(from, Path::new(""), path, without)
    }

    fn below(&mut self, from: &Path, inner: &Path, path: &str, without: &[&str]) -> Result<()> {
        let here = from.join(inner);
        let entries = std::fs::read_dir(&here).and_then(Iterator::collect::<Written<Vec<_>>>);
        let mut entries = entries.map_err(Error::file("read", &here))?;
        // The same order whatever the file system's.
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let inner = inner.join(entry.file_name());
            if without.iter().any(|left_out| inner == Path::new(left_out)) {
                continue;
            }
            let kept = entry.metadata().map_err(Error::file("read", &entry.path()))?;
            let (kind, mode) = (kept.file_type(), kept.permissions().mode() & 0o7777);
            let at = Path::new(path).join(&inner).display().to_string();
            if kind.is_dir() {
                self.directory(&at, mode)?;
                self.below(from, &inner, path, without)?;
            } else if kind.is_symlink() {
                let target = std::fs::read_link(entry.path()).map_err(Error::file("read", &entry.path()))?;
                self.link(&at, &target.display().to_string())?;
            } else if kind.is_file() {
                self.copy(&entry.path(), &at, mode)?;
            }
        }
        Ok(())
    }

    /// A symbolic link.
    pub fn link(&mut self, path: &str, target: &str) -> Result<()> {
        self.parents(path)?;
        let mut header = header(EntryType::Symlink, 0, 0o777);
        self.files.append_link(&mut header, path, target).map_err(Error::file("write", Path::new(path)))
    }

    /// A directory, for those whose mode is not 755. The others come with their files.
    pub fn directory(&mut self, path: &str, mode: u32) -> Result<()> {
        self.parents(path)?;
        if !self.directories.insert(path.into()) {
            return Ok(());
        }
        let mut header = header(EntryType::Directory, 0, mode);
        self.files.append_data(&mut header, path, std::io::empty()).map_err(Error::file("write", Path::new(path)))
    }

    fn parents(&mut self, path: &str) -> Result<()> {
        let Some((parent, _)) = path.rsplit_once('/') else { return Ok(()) };
        if self.directories.contains(Path::new(parent)) { Ok(()) } else { self.directory(parent, 0o755) }
    }

    fn finish(self) -> Written<Vec<u8>> {
        self.files.into_inner()
    }
}

fn append(files: &mut Builder<impl Write>, path: &str, content: &[u8], mode: u32) -> Written<()> {
    files.append_data(&mut header(EntryType::Regular, content.len() as u64, mode), path, content)
}

fn header(kind: EntryType, size: u64, mode: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer() -> Layer {
        let mut layer = Layer::new();
        layer.file("usr/share/a", b"a", 0o644).unwrap();
        layer.link("usr/b", "share/a").unwrap();
        layer
    }

    #[test]
    fn directories_come_once_and_before_their_files() {
        let bytes = layer().finish().unwrap();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let names = archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string());
        assert_eq!(names.collect::<Vec<_>>(), ["usr", "usr/share", "usr/share/a", "usr/b"]);
    }

    #[test]
    fn an_image_has_the_name_that_a_kubelet_asks_for() {
        assert_eq!(whole("sluice:1"), "docker.io/library/sluice:1");
        assert_eq!(whole("registry.example.com/a/b:1"), "registry.example.com/a/b:1");
    }

    #[test]
    fn the_same_content_is_the_same_archive_with_all_that_its_index_names() {
        let write = || {
            let mut bytes = Vec::new();
            Image::new("r.example/a:1", json!({"Cmd": ["/a"]}), layer()).write_to(&mut bytes).unwrap();
            bytes
        };
        let bytes = write();
        assert_eq!(bytes, write());
        let mut archive = tar::Archive::new(bytes.as_slice());
        let names: Vec<_> =
            archive.entries().unwrap().map(|it| it.unwrap().path().unwrap().display().to_string()).collect();
        assert_eq!(names.iter().filter(|name| name.starts_with("blobs/sha256/")).count(), 3);
        assert!(["index.json", "oci-layout", "manifest.json"].iter().all(|name| names.iter().any(|it| it == name)));
    }
}
