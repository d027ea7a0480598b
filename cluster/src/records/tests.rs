use super::*;

#[test]
fn crds_are_in_step() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests/sluice/crds");
    for (name, text) in crds_yaml().expect("definitions as YAML") {
        let path = folder.join(name);
        if std::env::var_os("UPDATE_CRDS").is_some() {
            std::fs::write(&path, &text).expect("a file that can be written");
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == text, "{} is out of step: run UPDATE_CRDS=1 cargo test -p cluster crds", path.display());
    }
}
