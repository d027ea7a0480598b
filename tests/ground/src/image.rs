//! Sluice's own image: the program, the few libraries that it needs, and nothing else.

use crate::error::{Error, Result};
use crate::oci::{Image, Layer};
use crate::output::Output;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// Nobody, by the number that images without a user database have agreed upon.
const USER: &str = "65532:65532";

/// Without it glibc asks a name server first, and `/etc/hosts` only if there is none.
const NSSWITCH: &str = "hosts: files dns\n";

/// The image that runs a program, which is stripped of symbols. `labels` are annotations of the OCI image specification, and
/// `files` what else it has, each a path and its content.
pub fn of_program(name: &str, program: &Path, labels: &Value, files: &[(&str, &[u8])]) -> Result<Image> {
    let stripped = program.with_extension("stripped");
    let mut strip = Command::new("strip");
    strip.arg("-o").arg(&stripped).arg(program);
    Output::of(strip, "")?.ok("strip")?;
    let mut layer = Layer::new();
    layer.copy(&stripped, "usr/local/bin/sluice", 0o755)?;
    for library in libraries(program)? {
        layer.copy(Path::new(&library), library.trim_start_matches('/'), 0o755)?;
    }
    layer.file("etc/nsswitch.conf", NSSWITCH.as_bytes(), 0o644)?;
    for (path, content) in files {
        layer.file(path, content, 0o644)?;
    }
    let config = json!({"Entrypoint": ["/usr/local/bin/sluice"], "Env": ["PATH=/usr/local/bin"], "User": USER, "Labels": labels});
    std::fs::remove_file(&stripped).map_err(Error::file("remove", &stripped))?;
    Ok(Image::new(name, config, layer))
}

/// What the loader would load, the loader itself included.
fn libraries(program: &Path) -> Result<Vec<String>> {
    let mut command = Command::new("ldd");
    command.arg(program);
    let said = Output::of(command, "")?.ok("ldd")?;
    Ok(said.lines().filter_map(library).map(str::to_owned).collect())
}

/// `libm.so.6 => /lib/libm.so.6 (0x7f…)`, `/lib64/ld-linux-x86-64.so.2 (0x7f…)`, or `linux-vdso.so.1 (0x7f…)`, which is the kernel's.
fn library(line: &str) -> Option<&str> {
    line.split_ascii_whitespace().find(|word| word.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_where_the_loader_finds_them() {
        assert_eq!(library("\tlinux-vdso.so.1 (0x00007ff0)"), None);
        assert_eq!(
            library("\tlibm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007ff0)"),
            Some("/lib/x86_64-linux-gnu/libm.so.6")
        );
        assert_eq!(library("\t/lib64/ld-linux-x86-64.so.2 (0x00007ff0)"), Some("/lib64/ld-linux-x86-64.so.2"));
    }
}
