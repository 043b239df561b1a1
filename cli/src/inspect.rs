//! `apiseal inspect`: the census before a key is retired.

use std::collections::BTreeMap;
use std::path::PathBuf;

use apiseal::{Context, FieldCipher, Kid, Layout, Limits, Part, Policy, Sighting};
use clap::Args;

use crate::args::KeyringArgs;
use crate::crypt::pairs;
use crate::keyring::load;
use crate::output::{Failure, Result, print, quoted, read_document, read_text};

// The keyring serves --verify only.
#[derive(Args)]
#[command(mut_arg("keyring", |arg| arg.required(false).requires("verify")))]
pub(crate) struct InspectArgs {
    /// Print one object a key instead: how many strings name it, and their characters in all.
    #[arg(long)]
    summary: bool,
    /// Exit with 1 if any string names this key, or is a field string whose key is not known.
    #[arg(long, value_name = "KID")]
    fail_if_kid: Option<String>,
    /// Decrypt the document first, all or nothing; what the policy selects is then marked as authenticated. Needs
    /// --keyring, --policy and --context.
    #[arg(long, requires_all = ["keyring", "policy", "context"])]
    verify: bool,
    #[command(flatten)]
    keyring: Option<KeyringArgs>,
    /// The policy file, for --verify.
    #[arg(long, value_name = "FILE", requires = "verify")]
    policy: Option<PathBuf>,
    /// A pair of the context, for --verify; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", requires = "verify")]
    context: Vec<String>,
    /// The document; standard input if left out or `-`.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

pub(crate) fn run(args: &InspectArgs) -> Result<()> {
    let wanted = args.fail_if_kid.as_deref().map(Kid::parse).transpose()?;
    let sightings = match (args.verify, &args.keyring, &args.policy) {
        (true, Some(keyring), Some(policy)) => {
            let policy = Policy::from_json(&read_text(policy)?)?;
            let context = Context::from_pairs(pairs("--context", &args.context)?)?;
            let cipher = FieldCipher::new(load(keyring)?, policy)?;
            cipher.inspect(&read_document(args.file.as_deref())?, &context)?
        }
        (false, None, _) => apiseal::inspect(&read_document(args.file.as_deref())?, &Limits::default())?,
        _ => return Err(Failure::Usage("a keyring is for --verify only".to_owned())),
    };
    let lines: String =
        if args.summary { summary(&sightings) } else { sightings.iter().map(describe).collect() };
    print(lines.as_bytes())?;
    match wanted {
        Some(kid) => refuse_if_used(&sightings, &kid),
        None => Ok(()),
    }
}

fn refuse_if_used(sightings: &[Sighting], kid: &Kid) -> Result<()> {
    let uses = sightings.iter().filter(|sighting| sighting.kid.as_ref() == Some(kid)).count();
    let unknown = sightings.iter().filter(|sighting| sighting.kid.is_none()).count();
    match (uses, unknown) {
        (0, 0) => Ok(()),
        (0, _) => Err(Failure::Refused(format!(
            "{unknown} field strings have no header or several; key {kid} may have encrypted them"
        ))),
        _ => Err(Failure::Refused(format!("key {kid} is in use: {uses} strings name it"))),
    }
}

fn describe(sighting: &Sighting) -> String {
    format!(
        "{{\"path\":{},\"layout\":\"{}\",\"part\":\"{}\",\"kid\":{},\"suite\":{},\"mode\":{},\"token_len\":{},\"start\":{},\"end\":{},\"authenticated\":{}}}\n",
        quoted(&sighting.path),
        if sighting.part.layout() == Layout::Token { "token" } else { "document" },
        sighting.part.name(),
        or_null(sighting.kid.as_ref().map(Kid::as_str)),
        or_null(sighting.suite.map(|suite| suite.name())),
        or_null(sighting.mode),
        sighting.len,
        sighting.start,
        sighting.end,
        sighting.authenticated,
    )
}

/// How often one key is named.
#[derive(Default)]
struct Total {
    tokens: u64,
    headers: u64,
    fields: u64,
    authenticated: u64,
    characters: usize,
}

/// One object a key, by id; field strings whose key is not known come first.
fn summary(sightings: &[Sighting]) -> String {
    let mut totals: BTreeMap<Option<&str>, Total> = BTreeMap::new();
    for sighting in sightings {
        let total = totals.entry(sighting.kid.as_ref().map(Kid::as_str)).or_default();
        match sighting.part {
            Part::Token => total.tokens += 1,
            Part::Header => total.headers += 1,
            _ => total.fields += 1,
        }
        total.authenticated += u64::from(sighting.authenticated);
        total.characters += sighting.len;
    }
    let line = |(kid, total): (Option<&str>, Total)| {
        let Total { tokens, headers, fields, authenticated, characters } = total;
        format!(
            "{{\"kid\":{},\"tokens\":{tokens},\"headers\":{headers},\"fields\":{fields},\"token_len\":{characters},\"authenticated\":{authenticated}}}\n",
            or_null(kid),
        )
    };
    totals.into_iter().map(line).collect()
}

fn or_null(text: Option<&str>) -> String {
    text.map_or_else(|| "null".to_owned(), quoted)
}
