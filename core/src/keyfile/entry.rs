//! One key of a keyring file: a `root` with its secret, a `derived` key with its context, or a `raw` signing key.

use std::collections::HashSet;

use base64_simd::{AsOut, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::context::Context;
use crate::error::Result;
use crate::ids::{Direction, Suite};
use crate::json::reader::{Item, Object};
use crate::json::text as json_text;
use crate::keyfile::content::{kid, purpose};
use crate::keys::key::{Key, KeyState};
use crate::keys::material::Material;
use crate::keys::raw::RawKey;
use crate::secret::Secret32;

/// Members of every type.
const COMMON: [&str; 11] = [
    "type",
    "kid",
    "purpose",
    "suite",
    "state",
    "created",
    "not_before",
    "expires",
    "principal",
    "profiles",
    "secret",
];

/// # Errors
/// [`Code::KeyringFile`](crate::Code::KeyringFile) with the place.
pub(super) fn read(item: &Item<'_, '_>) -> Result<Key> {
    // The type is looked at first: another type has other members.
    let members = item.members()?;
    let Some((_, kind)) = members.iter().find(|(name, _)| name == "type") else {
        return Err(item.fault("member `type` is missing"));
    };
    let (entry, material) = match kind.string()?.as_str() {
        "root" => {
            let entry = item.object(&with(&["scope", "imported"]))?;
            let secret = secret(entry.required("secret")?)?;
            (entry, Material::Root(secret))
        }
        "derived" => {
            let entry = item.object(&with(&["context", "root", "direction"]))?;
            let context = context(entry.required("context")?)?;
            let material = match (entry.optional("secret"), entry.optional("root")) {
                (Some(item), None) => Material::Delegated { context, secret: secret(item)? },
                (None, Some(root)) => Material::Reference { context, root: kid(root)? },
                _ => return Err(item.fault("a derived key has either `secret` or `root`")),
            };
            (entry, material)
        }
        "raw" => {
            let entry = item.object(&with(&["scope", "direction", "external_keyid", "public"]))?;
            let raw = raw(&entry)?;
            (entry, Material::Raw(Box::new(raw)))
        }
        _ => {
            return Err(kind.fault("this version knows keys of type \"root\", \"derived\" and \"raw\""));
        }
    };
    let mut key = described(&entry, material)?;
    if let Some(scope) = entry.optional("scope") {
        for (name, item) in scope.members()? {
            key.scope.push((name, item.string()?));
        }
        key.scope.sort();
    }
    key.imported = entry.optional("imported").map_or(Ok(false), Item::boolean)?;
    if let Some(item) = entry.optional("direction") {
        let direction = Direction::from_name(&item.string()?);
        key.direction = Some(direction.ok_or_else(|| item.fault("expected \"req\" or \"res\""))?);
    }
    key.external_keyid = entry.optional("external_keyid").map(Item::string).transpose()?;
    Ok(key)
}

/// Appends an entry.
pub(super) fn write(out: &mut Vec<u8>, key: &Key) {
    let kind = match &key.material {
        Material::Root(_) => "root",
        Material::Delegated { .. } | Material::Reference { .. } => "derived",
        Material::Raw(_) => "raw",
    };
    let head = format!(
        r#"{{"type":"{kind}","kid":"{}","purpose":"{}","suite":"{}","state":"{}","created":{}"#,
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
    match key.context() {
        Some(_) => write_pairs(out, ",\"context\":", key),
        None if key.scope.is_empty() => {}
        None => write_pairs(out, ",\"scope\":", key),
    }
    if key.imported {
        out.extend_from_slice(b",\"imported\":true");
    }
    if let Some(principal) = &key.principal {
        out.extend_from_slice(b",\"principal\":");
        json_text::write_string(out, principal.as_bytes());
    }
    if !key.profiles.is_empty() {
        out.extend_from_slice(b",\"profiles\":[");
        for (at, profile) in key.profiles.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            json_text::write_string(out, profile.as_bytes());
        }
        out.push(b']');
    }
    if let Some(direction) = key.direction {
        out.extend_from_slice(format!(",\"direction\":\"{direction}\"").as_bytes());
    }
    if let Some(keyid) = &key.external_keyid {
        out.extend_from_slice(b",\"external_keyid\":");
        json_text::write_string(out, keyid.as_bytes());
    }
    if let Some(root) = key.root() {
        out.extend_from_slice(format!(",\"root\":\"{root}\"").as_bytes());
    }
    if let Some(secret) = key.material.secret() {
        write_base64(out, ",\"secret\":\"", secret.expose());
    }
    if let Material::Raw(raw) = &key.material {
        match (raw.secret(), raw.public()) {
            (Some(secret), _) => write_base64(out, ",\"secret\":\"", secret),
            (None, Some(public)) => write_base64(out, ",\"public\":\"", public),
            (None, None) => {}
        }
    }
    out.push(b'}');
}

/// In place: the text of a secret is nowhere else.
fn write_base64(out: &mut Vec<u8>, head: &str, bytes: &[u8]) {
    out.extend_from_slice(head.as_bytes());
    let from = out.len();
    out.resize(from + URL_SAFE_NO_PAD.encoded_length(bytes.len()), 0);
    if let Some(to) = out.get_mut(from..) {
        let _ = URL_SAFE_NO_PAD.encode(bytes, to.as_out());
    }
    out.push(b'"');
}

/// More bytes than [`write`] appends.
pub(super) fn longest(key: &Key) -> usize {
    let strings = key.scope.iter().map(|(name, value)| name.len() + value.len());
    let more = key.profiles.iter().map(String::len).chain(key.principal.as_ref().map(String::len));
    let more = more.chain(key.external_keyid.as_ref().map(String::len));
    let raw = match &key.material {
        Material::Raw(raw) => raw.secret().or_else(|| raw.public()).map_or(0, |bytes| 2 * bytes.len()),
        _ => 0,
    };
    raw + 400 + 6 * strings.chain(more).map(|len| len + 8).sum::<usize>()
}

fn with<'m>(own: &[&'m str]) -> Vec<&'m str> {
    COMMON.iter().chain(own).copied().collect()
}

/// The members that every type has.
fn described(entry: &Object<'_, '_>, material: Material) -> Result<Key> {
    let purpose_item = entry.required("purpose")?;
    let purpose = purpose(&purpose_item.string()?).ok_or_else(|| purpose_item.fault("unknown purpose"))?;
    let suite_item = entry.required("suite")?;
    let suite = suite(entry)?;
    let state_item = entry.required("state")?;
    let state =
        KeyState::from_name(&state_item.string()?).ok_or_else(|| state_item.fault("unknown state"))?;
    let created = entry.required("created")?.integer()?;
    let mut key = Key::with_material(kid(entry.required("kid")?)?, purpose, suite, created, material)
        .map_err(|error| suite_item.fault(error.detail().unwrap_or_default()))?;
    key.state = state;
    key.not_before = entry.optional("not_before").map(Item::integer).transpose()?;
    key.expires = entry.optional("expires").map(Item::integer).transpose()?;
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

fn context(item: &Item<'_, '_>) -> Result<Context> {
    let mut pairs = Vec::new();
    for (name, item) in item.members()? {
        pairs.push((name, item.string()?));
    }
    Context::stored(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())))
        .map_err(|error| item.fault(error.code().sentence()))
}

fn secret(item: &Item<'_, '_>) -> Result<Secret32> {
    Secret32::filled(|bytes| {
        let text = text(item);
        let decoded = text.len() == 43 && URL_SAFE_NO_PAD.decode(&text, bytes[..].as_out()).is_ok();
        if decoded { Ok(()) } else { Err(item.fault("expected 32 bytes as base64url")) }
    })
}

/// The text of a string that may be a secret. Other writers may escape any character; text without escapes is never
/// longer, so that the buffer does not grow.
fn text(item: &Item<'_, '_>) -> Zeroizing<Vec<u8>> {
    let quoted = item.raw().strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\""));
    let text = quoted.unwrap_or_default();
    Zeroizing::new(if text.contains(&b'\\') { json_text::unescape(text) } else { text.to_vec() })
}

/// The secret of a raw key, or its public key.
fn raw(entry: &Object<'_, '_>) -> Result<RawKey> {
    let suite = suite(entry)?;
    let bytes = |item: &Item<'_, '_>| {
        let decoded = URL_SAFE_NO_PAD.decode_to_vec(&*text(item)).map(Zeroizing::new);
        decoded.map_err(|_| item.fault("expected base64url"))
    };
    let told = |item: &Item<'_, '_>, error: crate::Error| item.fault(error.detail().unwrap_or_default());
    match (entry.optional("secret"), entry.optional("public")) {
        (Some(item), None) => RawKey::of_secret(suite, &bytes(item)?).map_err(|error| told(item, error)),
        (None, Some(item)) => RawKey::of_public(suite, &bytes(item)?).map_err(|error| told(item, error)),
        _ => Err(entry.required("kid")?.fault("a raw key has either `secret` or `public`")),
    }
}

fn suite(entry: &Object<'_, '_>) -> Result<Suite> {
    let item = entry.required("suite")?;
    Suite::from_name(&item.string()?).ok_or_else(|| item.fault("unknown suite"))
}

fn write_pairs(out: &mut Vec<u8>, head: &str, key: &Key) {
    out.extend_from_slice(head.as_bytes());
    let mut before = b'{';
    for (name, value) in key.scope() {
        out.push(before);
        before = b',';
        json_text::write_string(out, name.as_bytes());
        out.push(b':');
        json_text::write_string(out, value.as_bytes());
    }
    out.push(b'}');
}
