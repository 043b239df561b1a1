//! `include/apiseal.h` is what this crate says. Run with `APISEAL_WRITE_HEADER=1` to write it anew.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The header as cbindgen makes it, with the version and what every including file needs.
fn generated() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = |name: &str| std::fs::read_to_string(folder.join("src").join(name)).unwrap();
    let mut config = cbindgen::Config::from_file(folder.join("cbindgen.toml")).unwrap();
    let [major, minor, patch] = version();
    config.header = Some(text("header.txt").trim_end().to_owned());
    config.sys_includes.push("string.h".to_owned());
    config.after_includes = Some(format!(
        "\n#define APISEAL_VERSION \"{major}.{minor}.{patch}\"\n#define APISEAL_VERSION_NUMBER {}\n\n\
         #if defined(__GNUC__)\n#define APISEAL_MUST_USE __attribute__((warn_unused_result))\n#else\n\
         #define APISEAL_MUST_USE\n#endif",
        (major * 1000 + minor) * 1000 + patch
    ));
    let bindings = cbindgen::Builder::new().with_crate(folder).with_config(config).generate().unwrap();
    let mut header = Vec::new();
    bindings.write(&mut header);
    let header = without_safety(&String::from_utf8(header).unwrap());
    // Before the end of `extern "C"` and the include guard.
    let (declarations, end) = header.split_at(header.rfind("#ifdef __cplusplus").unwrap());
    format!("{declarations}{}\n{end}", text("trailer.txt").trim_start_matches('\n'))
}

/// What Rust calls safety is the opening chapter of the header.
fn without_safety(header: &str) -> String {
    let mut lines = Vec::new();
    let mut within = false;
    for line in header.lines() {
        if line.trim() == "* # Safety" {
            within = true;
            // The empty line of the comment before it.
            lines.pop_if(|last: &mut &str| last.trim() == "*");
        }
        within &= line.trim() != "*/";
        if !within {
            lines.push(line);
        }
    }
    lines.join("\n") + "\n"
}

fn version() -> [u32; 3] {
    let mut parts = env!("CARGO_PKG_VERSION").split('.').map(|part| part.parse().unwrap());
    std::array::from_fn(|_| parts.next().unwrap())
}

#[test]
fn the_committed_header_is_what_the_crate_says() {
    let path = root().join("include/apiseal.h");
    let header = generated();
    if std::env::var_os("APISEAL_WRITE_HEADER").is_some() {
        std::fs::write(&path, &header).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == header, "run this test with APISEAL_WRITE_HEADER=1, and commit include/apiseal.h");
}

#[test]
fn codes_are_those_of_the_library() {
    let header = generated();
    for code in apiseal::Code::ALL {
        let mut name = String::from("APISEAL_E_");
        let mut last = ' ';
        for letter in code.name().chars() {
            if letter.is_ascii_uppercase() && last.is_ascii_lowercase() {
                name.push('_');
            }
            name.push(letter.to_ascii_uppercase());
            last = letter;
        }
        let line = format!("#define {name} {}\n", code.number());
        assert!(header.contains(&line), "{line}");
    }
    assert_eq!(header.matches("#define APISEAL_E_").count(), apiseal::Code::ALL.len());
}

#[test]
fn every_function_of_the_header_has_its_prefix_and_a_comment() {
    let header = generated();
    let mut functions = 0;
    let mut comment_ends = false;
    for line in header.lines() {
        let starts = line.contains(" apiseal_") && line.contains('(') && !line.starts_with([' ', '#', '/']);
        let starts = starts && !line.starts_with("typedef") && !line.starts_with("static inline");
        if starts {
            functions += 1;
            assert!(comment_ends, "{line}");
        }
        if !line.starts_with("APISEAL_MUST_USE") || starts {
            comment_ends = line.trim().ends_with("*/");
        }
    }
    assert!(functions > 100, "{functions}");
}
