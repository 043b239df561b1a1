//! What a keyring file holds once it is open.

use std::collections::{HashMap, HashSet};

use zeroize::Zeroizing;

use crate::error::{Code, Error, Result};
use crate::ids::{Kid, Purpose};
use crate::json::reader::{File, Item};
use crate::keyfile::entry;
use crate::keys::ring::Keyring;

/// Which of the two documents is read; neither can be taken for the other.
#[derive(Clone, Copy)]
pub(super) enum Form {
    Sealed,
    Clear,
}

/// Reads the ring that the caller calls `name`.
///
/// # Errors
/// [`Code::KeyringFile`], [`Code::KeyringRollback`], [`Code::KeyDuplicate`].
pub(super) fn read(text: &[u8], form: Form, name: &str, min_rev: Option<u64>) -> Result<Keyring> {
    let file = File::parse(text, Code::KeyringFile)?;
    let root = file.root();
    let members = match form {
        Form::Sealed => root.object(&["rev", "primary", "keys"])?,
        Form::Clear => {
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
        keys.push(entry::read(&item)?);
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
    let mut builder = Keyring::builder().name(name).rev(rev);
    for key in keys {
        let primary = listed.contains(&key.kid);
        builder = if primary { builder.primary(key) } else { builder.key(key) };
    }
    builder.build()
}

/// The content as JSON; `head` is all before the revision's number.
pub(super) fn write(ring: &Keyring, head: &str) -> Zeroizing<Vec<u8>> {
    // Large enough never to grow: what a reallocation leaves behind is not wiped.
    let capacity =
        head.len() + 512 + ring.keys().map(entry::longest).sum::<usize>() + 64 * ring.primaries().count();
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
        entry::write(&mut out, key);
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
pub(super) fn purpose(name: &str) -> Option<Purpose> {
    Purpose::from_name(name).filter(|purpose| *purpose != Purpose::Rcp)
}

pub(super) fn kid(item: &Item<'_, '_>) -> Result<Kid> {
    Kid::parse(&item.string()?).map_err(|error| item.fault(error.detail().unwrap_or_default()))
}
