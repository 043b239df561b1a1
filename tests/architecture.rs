//! The import layers of the core: a module imports from lower layers only, and never what its row forbids.

use std::collections::BTreeMap;
use std::path::Path;

use apiseal_workspace::repository;

/// Layer of each top-level module, and what it may import beyond L0.
const TABLE: &[(&str, u8, &[&str])] = &[
    ("error", 0, &[]),
    ("limits", 0, &[]),
    ("secret", 0, &[]),
    ("rng", 0, &[]),
    ("clock", 0, &[]),
    ("ids", 0, &[]),
    ("audit", 0, &[]),
    ("context", 1, &[]),
    ("aead", 1, &[]),
    ("json", 1, &[]),
    ("http", 1, &[]),
    ("lines", 1, &[]),
    ("keys", 2, &["context", "aead"]),
    ("policy", 2, &["json"]),
    ("token", 3, &["context", "aead", "keys"]),
    ("keyfile", 4, &["json", "context", "keys", "token"]),
    ("fields", 4, &["context", "aead", "json", "lines", "keys", "policy", "token"]),
    ("signing", 4, &["context", "http", "json", "keys"]),
    ("pipeline", 5, &["context", "http", "keys", "fields", "signing"]),
];

/// Crates that only these modules may name.
const GUARDED: &[(&str, &[&str])] = &[
    ("aes_gcm", &["aead"]),
    ("chacha20poly1305", &["aead"]),
    ("hmac", &["keys"]),
    ("argon2", &["keyfile"]),
    ("getrandom", &["rng"]),
    // `http` hashes content for its digest fields.
    ("sha2", &["keys", "context", "http"]),
    ("ed25519_dalek", &["keys"]),
    ("p256", &["keys"]),
    ("p384", &["keys"]),
    ("rsa", &["keys"]),
    ("sfv", &["http"]),
    ("regex", &["json"]),
    ("ryu_js", &["json"]),
    ("std::fs", &["keyfile"]),
];

fn sources(folder: &Path, out: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let relative = path.strip_prefix(repository("core/src")).unwrap().to_str().unwrap().to_owned();
            out.push((relative, std::fs::read_to_string(&path).unwrap()));
        }
    }
}

fn core() -> Vec<(String, String)> {
    let mut files = Vec::new();
    sources(&repository("core/src"), &mut files);
    files.retain(|(name, _)| name != "fields/crafted.rs");
    // Tests at the end of a file may look anywhere.
    files
        .into_iter()
        .map(|(name, text)| (name, text.split("#[cfg(test)]\nmod tests").next().unwrap().to_owned()))
        .collect()
}

fn module(file: &str) -> &str {
    file.split('/').next().unwrap().trim_end_matches(".rs")
}

#[test]
fn imports_go_down_only() {
    let rows: BTreeMap<&str, (u8, &[&str])> =
        TABLE.iter().map(|(name, layer, may)| (*name, (*layer, *may))).collect();
    for (layer, may) in rows.values() {
        assert!(may.iter().all(|other| rows[other].0 < *layer || (*layer == 4 && rows[other].0 < 4)));
    }
    let mut edges = 0;
    for (file, text) in core().iter().filter(|(file, _)| file != "lib.rs") {
        let own = module(file);
        let (layer, may) =
            rows.get(own).unwrap_or_else(|| panic!("{file}: its module has no row in the table"));
        for piece in text.split("crate::").skip(1) {
            let other: String = piece.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            // Re-exports at the crate's root are for users and for links in documentation.
            let Some((other_layer, _)) = rows.get(other.as_str()) else {
                assert!(other.starts_with(char::is_uppercase) || other.is_empty(), "{file}: crate::{other}");
                continue;
            };
            let allowed =
                other == own || *other_layer == 0 || (may.contains(&other.as_str()) && other_layer < layer);
            assert!(allowed, "{file} (layer {layer}) must not import crate::{other} (layer {other_layer})");
            edges += 1;
        }
    }
    assert!(edges > 100, "the test reads the sources");
}

#[test]
fn ciphers_are_called_in_their_modules_only() {
    for (file, text) in core() {
        for (name, modules) in GUARDED {
            let named = text.contains(&format!("{name}::"));
            assert!(!named || modules.contains(&module(&file)), "{file} names {name}");
        }
    }
}

#[test]
fn the_core_forbids_unsafe_code() {
    let manifest = std::fs::read_to_string(repository("Cargo.toml")).unwrap();
    assert!(manifest.contains("unsafe_code = \"forbid\""));
    let lib = std::fs::read_to_string(repository("core/src/lib.rs")).unwrap();
    assert!(lib.contains("#![forbid(unsafe_code)]"));
}

#[test]
fn lesson_f19_no_switch_of_a_shared_crate_is_turned_on() {
    let manifest = std::fs::read_to_string(repository("core/Cargo.toml")).unwrap();
    let dependencies = manifest.split("[dev-dependencies]").next().unwrap();
    assert!(!dependencies.contains("serde"), "the core needs no serde");
    for switch in ["arbitrary_precision", "preserve_order", "unbounded_depth", "float_roundtrip"] {
        assert!(!manifest.contains(switch), "{switch}");
    }
    for primitive in ["aes-gcm", "chacha20poly1305", "ed25519-dalek", "hmac", "sha2", "argon2"] {
        let line = dependencies.lines().find(|line| line.starts_with(&format!("{primitive} ="))).unwrap();
        assert!(line.contains("\"zeroize\""), "{primitive} must wipe its keys");
    }
}

/// All that the library depends on, in whatever platform and feature, and where each crate leads.
fn locked() -> BTreeMap<String, Vec<String>> {
    let lock = std::fs::read_to_string(repository("Cargo.lock")).unwrap();
    let mut crates: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in lock.split("[[package]]").skip(1) {
        let quoted: Vec<&str> = package.split('"').skip(1).step_by(2).collect();
        let listed = package.split("dependencies = [").nth(1).unwrap_or_default();
        let needs =
            listed.split('"').skip(1).step_by(2).map(|name| name.split(' ').next().unwrap().to_owned());
        crates.entry(quoted[0].to_owned()).or_default().extend(needs);
    }
    crates
}

/// Behind features that are off: signature algorithms that bring many crates with them.
const OPTIONAL: [&str; 3] = ["p256", "p384", "rsa"];

#[test]
fn lesson_f23_the_tree_is_small_and_needs_no_c_compiler() {
    let manifest = std::fs::read_to_string(repository("core/Cargo.toml")).unwrap();
    for name in OPTIONAL {
        let line = manifest.lines().find(|line| line.starts_with(&format!("{name} ="))).unwrap().to_owned();
        let default = manifest.lines().find(|line| line.starts_with("default =")).unwrap();
        assert!(line.contains("optional = true") && default == "default = [\"tracing\"]", "{name}");
    }
    // What the lock file lists for the library holds its development dependencies too: only the manifest's count.
    let normal = manifest.split("\n[dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
    let mut open: Vec<String> = normal
        .lines()
        .filter_map(|line| line.split_once(" =").map(|(name, _)| name.to_owned()))
        .filter(|name| !name.starts_with('#') && !OPTIONAL.contains(&name.as_str()))
        .collect();
    assert!(open.len() >= 10, "{open:?}");
    let (crates, mut seen) = (locked(), std::collections::BTreeSet::new());
    while let Some(name) = open.pop() {
        if seen.insert(name.clone()) {
            open.extend(crates[&name].iter().cloned());
        }
    }
    for heavy in ["cc", "cmake", "pkg-config", "openssl-sys", "ring", "bindgen", "serde"] {
        assert!(!seen.contains(heavy), "{heavy}");
    }
    // With those of other systems, which no build takes all.
    assert!(seen.len() <= 80, "{} crates: {seen:?}", seen.len());
}
