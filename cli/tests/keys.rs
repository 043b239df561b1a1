//! Keys through their life on the command line.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod place;

use std::process::Output;

use place::{DOCUMENT, Place, WITH_KEK, read, text};

/// `apiseal keys …` on the keyring of the folder.
fn keys(place: &Place, args: &[&str]) -> Output {
    let mut all = vec!["keys"];
    all.extend(args);
    all.extend(["--keyring", "ring.json"]);
    all.extend(WITH_KEK);
    place.run(&all, "")
}

/// The line that a successful change prints.
fn done(output: &Output) -> serde_json::Value {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn refused(output: &Output, what: &str) {
    let error = text(&output.stderr);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(2), ""), "{error}");
    assert!(error.contains(what), "{error}");
}

fn first_kid(place: &Place) -> String {
    done(&keys(place, &["list"]))["kid"].as_str().unwrap().to_owned()
}

#[test]
fn a_rotation_step_by_step() {
    let place = Place::new("rotation");
    let old = first_kid(&place);
    let first = text(&place.crypt("encrypt", &[], DOCUMENT).stdout);

    let added = done(&keys(&place, &["add", "--kid", "k2027", "--expires", "2999-01-01"]));
    assert_eq!((&added["primary"], &added["rev"]), (&false.into(), &2.into()));
    assert_eq!(added["expires"], 32_472_144_000_u64);
    refused(&keys(&place, &["retire", &old]), "promote another key first");
    assert_eq!(done(&keys(&place, &["promote", "k2027"]))["primary"], true);
    let second = text(&place.crypt("encrypt", &[], DOCUMENT).stdout);
    assert!(first.contains(&format!("as1.{old}.")) && second.contains("as1.k2027."));

    assert_eq!(done(&keys(&place, &["retire", &old]))["state"], "decrypt-only");
    for sealed in [&first, &second] {
        assert_eq!(text(&place.crypt("decrypt", &[], sealed).stdout), DOCUMENT);
    }
    let disabled = done(&keys(&place, &["disable", &old]));
    assert_eq!((&disabled["state"], &disabled["rev"]), (&"disabled".into(), &5.into()));
    refused(&place.crypt("decrypt", &[], &first), "402");
    assert_eq!(text(&place.crypt("decrypt", &[], &second).stdout), DOCUMENT);
    // A ring from before can be refused.
    refused(&keys(&place, &["list", "--min-rev", "6"]), "407");

    refused(&keys(&place, &["promote", &old]), "disabled");
    refused(&keys(&place, &["promote", "k2028"]), "401");
    refused(&keys(&place, &["add", "--kid", "k2027"]), "405");
    refused(&keys(&place, &["add", "--expires", "tomorrow"]), "neither a date");
    refused(&keys(&place, &["add", "--suite", "rot13"]), "unknown suite");
    refused(&keys(&place, &["add", "--purpose", "sig", "--suite", "aes-256-gcm"]), "use hmac-sha256");
    assert_eq!(done(&keys(&place, &["show", "k2027"]))["rev"], 5);

    let stopped = keys(&place, &["disable", "k2027"]);
    assert!(text(&stopped.stderr).contains("still primary"), "{}", text(&stopped.stderr));
    refused(&place.crypt("encrypt", &[], DOCUMENT), "402");
}

#[test]
fn one_root_serves_parties_that_hold_their_own_context_alone() {
    let place = Place::new("parties");
    let root = first_kid(&place);
    let context = ["--context", "purpose=orders", "--context", "tenant=acme"];
    let mut add = vec!["add", "--kid", "acme", "--from-root", &root, "--principal", "ACME", "--promote"];
    add.extend(context);
    let acme = done(&keys(&place, &add));
    assert_eq!(acme["root"], root.as_str());
    assert_eq!(acme["context"], serde_json::json!({"purpose": "orders", "tenant": "acme"}));
    let sealed = text(&place.crypt("encrypt", &[], DOCUMENT).stdout);
    assert!(sealed.contains("as1.acme."));

    std::fs::write(place.at("acme.pass"), "the party's own passphrase\n").unwrap();
    let mut export = vec!["export-context", "acme", "--to", "acme.json", "--to-ring", "party"];
    export.extend(["--new-passphrase-file", "acme.pass"]);
    export.extend(context);
    let exported = done(&keys(&place, &export));
    assert_eq!((&exported["kid"], &exported["principal"]), (&"acme".into(), &"ACME".into()));
    assert_eq!(exported.get("root"), None);
    refused(&keys(&place, &export), "not overwritten");

    let party = |tenant: &str| {
        let unlock = ["--keyring", "acme.json", "--ring", "party", "--passphrase-file", "acme.pass"];
        let mut args =
            vec!["decrypt", "--policy", "policy.json", "--context", "purpose=orders", "--context", tenant];
        args.extend(unlock);
        place.run(&args, &sealed)
    };
    assert_eq!(text(&party("tenant=acme").stdout), DOCUMENT);
    refused(&party("tenant=evil"), "204");
    // The owner stops the root, and with it what refers to it; the party's copy has to be stopped where it is.
    done(&keys(&place, &["disable", &root]));
    refused(&place.crypt("decrypt", &[], &sealed), "402");
    assert_eq!(text(&party("tenant=acme").stdout), DOCUMENT);

    refused(&keys(&place, &["add", "--from-root", "acme", "--context", "purpose=orders"]), "never a root");
    refused(
        &keys(&place, &["add", "--from-root", "nobody", "--context", "purpose=orders"]),
        "no key `nobody`",
    );
    refused(&keys(&place, &["add", "--from-root", &root]), "--context");
}

#[test]
fn imported_secrets_need_a_scope() {
    let place = Place::new("import");
    std::fs::write(place.at("acme.key"), [209; 32]).unwrap();
    let hex: String = (0..32).map(|byte| format!("{byte:02x}")).collect();
    std::fs::write(place.at("hex.key"), hex + "\n").unwrap();
    std::fs::write(place.at("password"), "x".repeat(32)).unwrap();
    refused(&keys(&place, &["import", "--kid", "acme", "--secret-file", "acme.key"]), "needs a scope");
    let scope = ["--scope", "tenant=acme"];
    let import = |kid: &str, file: &str| {
        let mut args = vec!["import", "--kid", kid, "--secret-file", file];
        args.extend(scope);
        keys(&place, &args)
    };
    let made = done(&import("acme", "acme.key"));
    assert_eq!((&made["imported"], &made["scope"]["tenant"]), (&true.into(), &"acme".into()));
    assert_eq!(done(&import("other", "hex.key"))["imported"], true);
    refused(&import("twin", "acme.key"), "405");
    refused(&import("weak", "password"), "not random bytes");
    // The wrapping key is no key of the ring.
    refused(&import("wrap", "kek"), "wrapping key");
}

#[test]
fn the_wrap_is_changed_and_the_old_one_opens_nothing() {
    let place = Place::new("rewrap");
    std::fs::write(place.at("one"), "passphrase one").unwrap();
    std::fs::write(place.at("two"), "passphrase two\n").unwrap();
    done(&keys(&place, &["rewrap", "--new-passphrase-file", "one"]));
    refused(&keys(&place, &["list"]), "wrapping key");
    let with = |file: &str, args: &[&str]| {
        let mut all = vec!["keys"];
        all.extend(args);
        all.extend(["--keyring", "ring.json", "--passphrase-file", file]);
        place.run(&all, "")
    };
    assert_eq!(done(&with("one", &["list"]))["rev"], 2);
    assert_eq!(done(&with("one", &["passwd", "--new-passphrase-file", "two"]))["rev"], 3);
    refused(&with("one", &["list"]), "406");
    assert_eq!(done(&with("two", &["list"]))["rev"], 3);
    // Without a new one the file stays as it is.
    let before = read(&place.at("ring.json"));
    refused(&with("two", &["passwd"]), "--new-passphrase-file");
    refused(&with("one", &["passwd", "--new-passphrase-file", "two"]), "406");
    assert_eq!(read(&place.at("ring.json")), before);
}

#[test]
fn keys_that_open_nothing_by_themselves_are_told_of() {
    let place = Place::new("scopes");
    let first = first_kid(&place);
    let add = keys(&place, &["add", "--kid", "next", "--promote"]);
    assert_eq!(text(&add.stderr), "");
    let add = keys(&place, &["add", "--kid", "scoped", "--scope", "purpose=orders"]);
    assert_eq!(text(&add.stderr), "");
    let sealed = text(&place.crypt("encrypt", &[], DOCUMENT).stdout);
    let promote = keys(&place, &["promote", "scoped"]);
    let told = text(&promote.stderr);
    assert!(
        told.contains(&format!("`{first}`"))
            && told.contains("what `next`")
            && !told.contains("what `scoped`"),
        "{told}"
    );
    let output = place.crypt("decrypt", &[], &sealed);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("list it in the rule's \"keys\""), "{}", text(&output.stderr));
    // A wider one beside it takes nothing over.
    let back = keys(&place, &["promote", &first]);
    assert_eq!((done(&back)["primary"].as_bool(), text(&back.stderr)), (Some(true), String::new()));
    assert_eq!(done(&keys(&place, &["show", "scoped"]))["primary"], true);
    let dead =
        place.run(&["keys", "new", "--keyring", "dead.json", "--unsealed", "--expires", "2020-01-01"], "");
    assert!(text(&dead.stderr).contains("has expired"), "{}", text(&dead.stderr));
}

#[test]
fn a_ring_in_clear_is_sealed() {
    let place = Place::new("seal");
    std::fs::write(place.at("one"), "passphrase one").unwrap();
    let made = place.run(&["keys", "new", "--keyring", "clear.json", "--unsealed"], "");
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
    let crypt = |verb: &str, unlock: &[&str], input: &str| {
        let about = ["--keyring", "clear.json", "--policy", "policy.json", "--context", "purpose=orders"];
        place.run(&[&[verb], &about[..], unlock].concat(), input)
    };
    let sealed = text(&crypt("encrypt", &["--unsealed"], DOCUMENT).stdout);
    let rewrap = ["keys", "rewrap", "--keyring", "clear.json", "--unsealed", "--new-passphrase-file", "one"];
    assert_eq!(done(&place.run(&rewrap, ""))["rev"], 2);
    refused(&crypt("decrypt", &["--unsealed"], &sealed), "keyring");
    assert_eq!(text(&crypt("decrypt", &["--passphrase-file", "one"], &sealed).stdout), DOCUMENT);
    refused(&place.run(&rewrap, ""), "keyring");
}

#[test]
fn of_changes_at_once_none_is_lost() {
    let place = Place::new("at-once");
    std::thread::scope(|scope| {
        for number in 0..8 {
            let place = &place;
            scope.spawn(move || done(&keys(place, &["add", "--kid", &format!("k{number}")])));
        }
    });
    let listed = text(&keys(&place, &["list"]).stdout);
    assert_eq!(listed.lines().count(), 9);
    for number in 0..8 {
        assert!(listed.contains(&format!("\"kid\":\"k{number}\"")), "{listed}");
    }
    let last: serde_json::Value = serde_json::from_str(listed.lines().last().unwrap()).unwrap();
    assert_eq!(last["rev"], 9);
    assert_eq!(std::fs::read_dir(&place.0).unwrap().count(), 4);
}

#[test]
fn an_end_that_is_near_is_told_on_every_use() {
    let place = Place::new("expiry");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let soon = (now + 10 * 86_400).to_string();
    assert_eq!(text(&place.crypt("encrypt", &[], DOCUMENT).stderr), "");
    done(&keys(&place, &["add", "--kid", "brief", "--expires", &soon, "--promote"]));
    let used = place.crypt("encrypt", &[], DOCUMENT);
    let changed = keys(&place, &["add", "--kid", "later"]);
    for output in [&used, &changed] {
        assert_eq!(output.status.code(), Some(0));
        let told = text(&output.stderr);
        assert!(told.contains("`brief` expires in 10 days") && told.contains("promote"), "{told}");
    }
    // Once another key is primary there is nothing to tell.
    assert_eq!(text(&keys(&place, &["promote", "later"]).stderr), "");
}

#[cfg(unix)]
#[test]
fn a_change_through_a_link_reaches_the_file_behind_it() {
    let place = Place::new("keys-link");
    std::fs::create_dir(place.at("real")).unwrap();
    std::fs::rename(place.at("ring.json"), place.at("real/ring.json")).unwrap();
    std::os::unix::fs::symlink("real/ring.json", place.at("ring.json")).unwrap();
    assert_eq!(done(&keys(&place, &["add", "--kid", "k2"]))["rev"], 2);
    std::fs::write(place.at("new.pass"), "a passphrase").unwrap();
    done(&keys(&place, &["disable", "k2"]));
    assert!(std::fs::symlink_metadata(place.at("ring.json")).unwrap().is_symlink());
    let mut real = vec!["keys", "show", "k2", "--keyring", "real/ring.json"];
    real.extend(WITH_KEK);
    let shown = done(&place.run(&real, ""));
    assert_eq!((&shown["state"], &shown["rev"]), (&"disabled".into(), &3.into()));
    // Changes of one file wait for each other, whatever the file is called.
    std::thread::scope(|scope| {
        for number in 0..6 {
            let (place, path) = (&place, if number % 2 == 0 { "ring.json" } else { "real/ring.json" });
            scope.spawn(move || {
                let kid = format!("n{number}");
                let mut add = vec!["keys", "add", "--kid", &kid, "--keyring", path];
                add.extend(WITH_KEK);
                done(&place.run(&add, ""))
            });
        }
    });
    assert_eq!(text(&keys(&place, &["list"]).stdout).lines().count(), 8);
}

#[test]
fn what_stops_with_a_root_is_told() {
    let place = Place::new("keys-root");
    done(&keys(&place, &["add", "--kid", "root"]));
    let context = ["--context", "purpose=orders", "--context", "tenant=acme"];
    let mut add = vec!["add", "--kid", "acme", "--from-root", "root", "--promote"];
    add.extend(context);
    done(&keys(&place, &add));
    refused(&keys(&place, &["retire", "root"]), "`acme`");
    let stopped = keys(&place, &["disable", "root"]);
    let told = text(&stopped.stderr);
    assert!(told.contains("`acme` is still primary"), "{told}");
}
