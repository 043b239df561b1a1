//! How the cost of one call grows: with the size of the document, the depth of its values, the number of rules and the
//! number of protected values. One thing grows in each table; the cost for each unit of it should stay level.

use std::fmt::Write;
use std::time::{Duration, Instant};

use apiseal::{Context, FieldCipher, Keyring, OsRandom, Policy, Suite, SystemClock};

fn main() {
    println!("| grows | to | encrypt T | decrypt T | encrypt D | decrypt D | for each |");
    println!("|---|---:|---:|---:|---:|---:|---|");
    let one = r#"{"path":"$.pan"BIND}"#;
    for megabytes in [1, 4, 16, 60] {
        let text = "x".repeat(100);
        let mut document = String::from(r#"{"id":1,"pan":"4111","list":["#);
        while document.len() < megabytes << 20 {
            write!(document, r#"{{"n":1.10,"t":"{text}"}},"#).expect("memory");
        }
        document.push_str("0]}");
        row("size", &format!("{megabytes} MiB"), one, &document, document.len() as f64 / 1e6, "µs/MB");
    }
    for depth in [1, 8, 32, 126] {
        let inner = (0..1000).map(|at| format!(r#""v{at}":"4111""#)).collect::<Vec<_>>().join(",");
        let document = format!("{}{{{inner}}}{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
        let path = format!(r#"{{"path":"$.a{}.*"BIND}}"#, ".a".repeat(depth - 1));
        row("depth", &depth.to_string(), &path, &document, 1.0, "µs for 1000 values");
    }
    for rules in [1, 16, 128, 1024] {
        let list: Vec<String> = (0..rules).map(|at| format!(r#"{{"path":"$.m{at}.v"BIND}}"#)).collect();
        let members: Vec<String> = (0..rules).map(|at| format!(r#""m{at}":{{"v":"4111"}}"#)).collect();
        let document = format!("{{{}}}", members.join(","));
        row("rules", &rules.to_string(), &list.join(","), &document, f64::from(rules), "µs a rule");
    }
    for values in [10, 100, 1000, 10_000, 100_000] {
        let list: Vec<String> = (0..values).map(|at| format!(r#"{{"id":{at},"pan":"4111"}}"#)).collect();
        let document = format!(r#"{{"id":1,"list":[{}]}}"#, list.join(","));
        let path = r#"{"path":"$.list[*].pan"BIND}"#;
        row("values", &values.to_string(), path, &document, f64::from(values), "µs a value");
    }
}

/// One line: the time for each unit, in both layouts and directions.
fn row(grows: &str, to: &str, rules: &str, document: &str, units: f64, unit: &str) {
    let context = Context::new("growth").expect("a purpose");
    let mut cells = Vec::new();
    for layout in ["token", "document"] {
        let (bind, whole) = if layout == "token" { (r#","bind":[]"#, "") } else { ("", r#""bind":[],"#) };
        let policy = format!(
            r#"{{"apiseal_policy":1,"id":"growth","layout":"{layout}",{whole}"rules":[{}]}}"#,
            rules.replace("BIND", bind)
        );
        let ring = Keyring::generate(Suite::Aes256Gcm, &SystemClock, &OsRandom).expect("random bytes");
        let policy = Policy::from_json(&policy).expect("the policy is valid");
        let cipher = FieldCipher::new(ring, policy).expect("the limits are the defaults");
        let mut sealed = Vec::new();
        let mut encrypt = || {
            cipher.encrypt_into(document.as_bytes(), &context, &mut sealed).expect("the document is valid")
        };
        cells.push(median(&mut encrypt));
        let mut decrypt = || drop(cipher.decrypt(&sealed, &context).expect("the document is ours"));
        cells.push(median(&mut decrypt));
    }
    let cells: Vec<String> =
        cells.iter().map(|time| format!("{:.2}", time.as_secs_f64() * 1e6 / units)).collect();
    println!("| {grows} | {to} | {} | {unit} |", cells.join(" | "));
}

/// The median of at least five calls and a fifth of a second.
fn median(call: &mut dyn FnMut()) -> Duration {
    call();
    let (started, mut times) = (Instant::now(), Vec::new());
    while times.len() < 5 || (started.elapsed() < Duration::from_millis(200) && times.len() < 1000) {
        let before = Instant::now();
        call();
        times.push(before.elapsed());
    }
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
