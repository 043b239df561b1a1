//! What a keyring file holds once it is open.

use std::collections::{HashMap, HashSet};

use base64_simd::{AsOut, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::error::{Code, Error, Result};
use crate::ids::{Kid, Purpose, Suite};
use crate::json::reader::{File, Item};
use crate::json::text as json_text;
use crate::keys::key::{Key, KeyState};
use crate::keys::ring::Keyring;
use crate::secret::Secret32;

/// Which of the two documents is read; neither can be taken for the other.
#[derive(Clone, Copy)]
pub(super) enum Form<'n> {
    Sealed,
    Clear { name: &'n str },
}

/// # Errors
/// [`Code::KeyringFile`], [`Code::KeyringRollback`], [`Code::KeyDuplicate`].
pub(super) fn read(text: &[u8], form: Form<'_>, min_rev: Option<u64>) -> Result<Keyring> {
    let file = File::parse(text, Code::KeyringFile)?;
    let root = file.root();
    let members = match form {
        Form::Sealed => root.object(&["rev", "primary", "keys"])?,
        Form::Clear { name } => {
            let members = root.object(&["apiseal_keyring_clear", "ring", "rev", "primary", "keys"])?;
            if members.required("apiseal_keyring_clear")?.integer()? != 1 {
                return Err(root.fault("this library reads keyrings of version 1"));
            }
            if members.required("ring")?.string()? != name {
                return Err(members.required("ring")?.fault("the ring has another name"));
            }
            members
        }
    };
    let rev = members.required("rev")?.integer()?;
    if min_rev.is_some_and(|min| rev < min) {
        let detail = format!("revision {rev} where at least {} is required", min_rev.unwrap_or(0));
        return Err(Error::because(Code::KeyringRollback, detail));
    }
    let primaries = primaries(members.required("primary")?)?;
    let mut keys = Vec::new();
    for item in members.required("keys")?.array()? {
        keys.push(key(&item)?);
    }
    let mut purposes = HashMap::new();
    for key in &keys {
        purposes.entry(key.kid.clone()).or_insert(key.purpose);
    }
    let mut listed = HashSet::new();
    for (item, purpose, kid) in primaries {
        match purposes.get(&kid) {
            Some(own) if *own == purpose => listed.insert(kid),
            Some(_) => return Err(item.fault("the key has another purpose")),
            None => return Err(item.fault("the ring has no such key")),
        };
    }
    let mut builder = Keyring::builder().rev(rev);
    for key in keys {
        let primary = listed.contains(&key.kid);
        builder = if primary { builder.primary(key) } else { builder.key(key) };
    }
    builder.build()
}

/// The content as JSON; `head` is all before the revision's number.
pub(super) fn write(ring: &Keyring, head: &str) -> Zeroizing<Vec<u8>> {
    // Large enough never to grow: what a reallocation leaves behind is not wiped.
    let bound = |key: &Key| {
        let strings = key.scope.iter().map(|(name, value)| name.len() + value.len());
        let more = key.profiles.iter().map(String::len).chain(key.principal.as_ref().map(String::len));
        400 + 6 * strings.chain(more).map(|len| len + 8).sum::<usize>()
    };
    let capacity = head.len() + 512 + ring.keys().map(bound).sum::<usize>() + 64 * ring.primaries().count();
    let mut out = Zeroizing::new(Vec::with_capacity(capacity));
    out.extend_from_slice(head.as_bytes());
    out.extend_from_slice(ring.rev().to_string().as_bytes());
    out.extend_from_slice(b",\"primary\":{");
    let mut first = true;
    for &purpose in Purpose::ALL {
        let kids: Vec<String> = ring
            .primaries()
            .filter(|key| key.purpose == purpose)
            .map(|key| format!("\"{}\"", key.kid))
            .collect();
        let list = match kids.as_slice() {
            [] => continue,
            [only] => only.clone(),
            several => format!("[{}]", several.join(",")),
        };
        let comma = if std::mem::take(&mut first) { "" } else { "," };
        out.extend_from_slice(format!("{comma}\"{purpose}\":{list}").as_bytes());
    }
    out.extend_from_slice(b"},\"keys\":[");
    for (at, key) in ring.keys().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_key(&mut out, key);
    }
    out.extend_from_slice(b"]}");
    out
}

fn primaries<'f, 't>(item: &Item<'f, 't>) -> Result<Vec<(Item<'f, 't>, Purpose, Kid)>> {
    let mut list = Vec::new();
    let mut seen = HashSet::new();
    for (name, item) in item.members()? {
        let purpose = purpose(&name).ok_or_else(|| item.fault("unknown purpose"))?;
        if item.is_string() {
            let kid = kid(&item)?;
            seen.insert(kid.clone());
            list.push((item, purpose, kid));
            continue;
        }
        let kids = item.array()?;
        if kids.len() < 2 {
            return Err(item.fault("expected a key id, or a list of two or more"));
        }
        for item in kids {
            let kid = kid(&item)?;
            if !seen.insert(kid.clone()) {
                return Err(item.fault("stands twice"));
            }
            list.push((item, purpose, kid));
        }
    }
    Ok(list)
}

/// Purposes that ring entries of this version have.
fn purpose(name: &str) -> Option<Purpose> {
    Purpose::from_name(name).filter(|purpose| *purpose != Purpose::Rcp)
}

fn kid(item: &Item<'_, '_>) -> Result<Kid> {
    Kid::parse(&item.string()?).map_err(|error| item.fault(error.detail().unwrap_or_default()))
}

fn key(item: &Item<'_, '_>) -> Result<Key> {
    // The type is looked at first: another type has other members.
    let members = item.members()?;
    match members.iter().find(|(name, _)| name == "type") {
        Some((_, kind)) if kind.string()? == "root" => {}
        Some((_, kind)) => return Err(kind.fault("this version knows keys of type \"root\" only")),
        None => return Err(item.fault("member `type` is missing")),
    }
    let entry = item.object(&[
        "type",
        "kid",
        "purpose",
        "suite",
        "state",
        "created",
        "not_before",
        "expires",
        "scope",
        "imported",
        "principal",
        "profiles",
        "secret",
    ])?;
    let named = |name: &str| -> Result<(&Item<'_, '_>, String)> {
        let item = entry.required(name)?;
        Ok((item, item.string()?))
    };
    let (purpose_item, purpose_name) = named("purpose")?;
    let purpose = purpose(&purpose_name).ok_or_else(|| purpose_item.fault("unknown purpose"))?;
    let (suite_item, suite_name) = named("suite")?;
    let suite = Suite::from_name(&suite_name).ok_or_else(|| suite_item.fault("unknown suite"))?;
    let (state_item, state_name) = named("state")?;
    let state = KeyState::from_name(&state_name).ok_or_else(|| state_item.fault("unknown state"))?;
    let secret_item = entry.required("secret")?;
    let secret = Secret32::filled(|bytes| {
        let text = secret_item
            .raw()
            .strip_prefix(b"\"")
            .and_then(|text| text.strip_suffix(b"\""))
            .unwrap_or_default();
        // Other writers may escape any character. Text without escapes is never longer: the buffer does not grow.
        let unescaped;
        let text = match text.contains(&b'\\') {
            true => {
                unescaped = Zeroizing::new(json_text::unescape(text));
                unescaped.as_slice()
            }
            false => text,
        };
        let decoded = text.len() == 43 && URL_SAFE_NO_PAD.decode(text, bytes[..].as_out()).is_ok();
        if decoded { Ok(()) } else { Err(secret_item.fault("expected 32 bytes as base64url")) }
    })?;
    let created = entry.required("created")?.integer()?;
    let mut key = Key::with_secret(kid(entry.required("kid")?)?, purpose, suite, created, secret)
        .map_err(|error| suite_item.fault(error.detail().unwrap_or_default()))?;
    key.state = state;
    key.not_before = entry.optional("not_before").map(Item::integer).transpose()?;
    key.expires = entry.optional("expires").map(Item::integer).transpose()?;
    key.imported = entry.optional("imported").map_or(Ok(false), Item::boolean)?;
    if let Some(scope) = entry.optional("scope") {
        for (name, item) in scope.members()? {
            key.scope.push((name, item.string()?));
        }
        key.scope.sort();
    }
    if let Some(item) = entry.optional("principal") {
        let principal = item.string()?;
        if principal.is_empty() {
            return Err(item.fault("must not be empty"));
        }
        key.principal = Some(principal);
    }
    if let Some(profiles) = entry.optional("profiles") {
        let mut seen = HashSet::new();
        for item in profiles.array()? {
            let profile = item.string()?;
            if profile.is_empty() || !seen.insert(profile.clone()) {
                return Err(item.fault("is empty or stands twice"));
            }
            key.profiles.push(profile);
        }
    }
    Ok(key)
}

fn write_key(out: &mut Vec<u8>, key: &Key) {
    let quoted = |out: &mut Vec<u8>, text: &str| json_text::write_string(out, text.as_bytes());
    let head = format!(
        r#"{{"type":"root","kid":"{}","purpose":"{}","suite":"{}","state":"{}","created":{}"#,
        key.kid,
        key.purpose,
        key.suite,
        key.state.name(),
        key.created
    );
    out.extend_from_slice(head.as_bytes());
    for (name, time) in [("not_before", key.not_before), ("expires", key.expires)] {
        if let Some(time) = time {
            out.extend_from_slice(format!(",\"{name}\":{time}").as_bytes());
        }
    }
    if !key.scope.is_empty() {
        out.extend_from_slice(b",\"scope\":{");
        for (at, (name, value)) in key.scope.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            quoted(out, name);
            out.push(b':');
            quoted(out, value);
        }
        out.push(b'}');
    }
    if key.imported {
        out.extend_from_slice(b",\"imported\":true");
    }
    if let Some(principal) = &key.principal {
        out.extend_from_slice(b",\"principal\":");
        quoted(out, principal);
    }
    if !key.profiles.is_empty() {
        out.extend_from_slice(b",\"profiles\":[");
        for (at, profile) in key.profiles.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            quoted(out, profile);
        }
        out.push(b']');
    }
    out.extend_from_slice(b",\"secret\":\"");
    let from = out.len();
    out.resize(from + 43, 0);
    if let Some(to) = out.get_mut(from..) {
        let _ = URL_SAFE_NO_PAD.encode(key.secret.expose(), to.as_out());
    }
    out.extend_from_slice(b"\"}");
}
