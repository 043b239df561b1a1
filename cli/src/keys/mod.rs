//! `apiseal keys`.

pub(crate) mod args;
mod change;
mod make;

use apiseal::{Key, Keyring};

use crate::keyring::load;
use crate::output::{Failure, Result, print, quoted};
use args::KeysCommand;

pub(crate) fn run(command: KeysCommand) -> Result<()> {
    match command {
        KeysCommand::New(args) => make::new(&args),
        KeysCommand::List(args) => {
            let ring = load(&args)?;
            let lines: String = ring.keys().map(|key| describe(&ring, key) + "\n").collect();
            print(lines.as_bytes())
        }
        KeysCommand::Show(args) => show(&load(&args.keyring)?, &args.kid),
        KeysCommand::Add(args) => change::add(&args),
        KeysCommand::Import(args) => change::import(&args),
        KeysCommand::Promote(args) => change::promote(&args),
        KeysCommand::Retire(args) => change::retire(&args),
        KeysCommand::Disable(args) => change::disable(&args),
        KeysCommand::Rewrap(args) => change::rewrap(&args.keyring, &args.new),
        KeysCommand::Passwd(args) => change::passwd(&args),
        KeysCommand::ExportContext(args) => make::export_context(&args),
    }
}

/// Prints what may be known about one key.
fn show(ring: &Keyring, kid: &str) -> Result<()> {
    match ring.key(kid) {
        Some(key) => print((describe(ring, key) + "\n").as_bytes()),
        None => {
            Err(Failure::Usage(format!("the keyring has no key `{kid}`; `apiseal keys list` shows its keys")))
        }
    }
}

/// What may be known about a key, as one line of JSON.
fn describe(ring: &Keyring, key: &Key) -> String {
    let time = |time: Option<u64>| time.map_or_else(|| "null".to_owned(), |time| time.to_string());
    let pairs: Vec<String> =
        key.scope().map(|(name, value)| format!("{}:{}", quoted(name), quoted(value))).collect();
    let place = if key.context().is_some() { "context" } else { "scope" };
    let mut more = String::new();
    if let Some(root) = key.root() {
        more.push_str(&format!(r#","root":"{root}""#));
    }
    if let Some(principal) = key.principal() {
        more.push_str(&format!(r#","principal":{}"#, quoted(principal)));
    }
    if let Some(direction) = key.direction() {
        more.push_str(&format!(r#","direction":"{}""#, direction.name()));
    }
    if key.is_imported() {
        more.push_str(r#","imported":true"#);
    }
    format!(
        r#"{{"kid":"{}","purpose":"{}","suite":"{}","state":"{}","primary":{},"created":{},"not_before":{},"expires":{},"{place}":{{{}}}{more},"rev":{}}}"#,
        key.kid(),
        key.purpose(),
        key.suite(),
        key.state().name(),
        ring.primaries().any(|primary| primary.kid() == key.kid()),
        key.created(),
        time(key.not_before()),
        time(key.expires()),
        pairs.join(","),
        ring.rev(),
    )
}
