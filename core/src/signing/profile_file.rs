//! Profiles as JSON files.

use crate::error::{Code, Result};
use crate::http::component::Component;
use crate::http::sf::FieldType;
use crate::ids::Suite;
use crate::json::reader::{File, Item, Object};
use crate::signing::profile::{Data, Profile, Rules};
use std::sync::Arc;

const MEMBERS: [&str; 24] = [
    "apiseal_profile",
    "id",
    "extends",
    "request_tag",
    "response_tag",
    "label",
    "require",
    "require_response",
    "if_present",
    "forbid",
    "lists",
    "structured",
    "parameters",
    "digest",
    "nonce",
    "max_age",
    "skew",
    "expires_in",
    "algorithms",
    "emit_alg",
    "principals",
    "max_headers",
    "max_components",
    "max_content",
];

impl Profile {
    /// Reads a profile from a file. `extends` is `apiseal-v1`, to which the file may only add, or `rfc9421`, which
    /// demands nothing that the file does not state:
    ///
    /// ```
    /// # fn main() -> apiseal::Result<()> {
    /// let profile = apiseal::Profile::from_json(r#"{
    ///     "apiseal_profile": 1, "id": "bank.v1", "extends": "rfc9421",
    ///     "require": ["@method", "@target-uri", "content-digest", "\"@query-param\";name=\"account\""],
    ///     "if_present": ["authorization"], "max_age": 60, "skew": 5,
    ///     "algorithms": ["ed25519"], "digest": "required"
    /// }"#)?;
    /// assert_eq!(profile.id(), "bank.v1");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Code::ProfileFile`] with the place.
    pub fn from_json(text: &str) -> Result<Self> {
        let file = File::parse(text.as_bytes(), Code::ProfileFile)?;
        let root = file.root();
        let members = root.object(&MEMBERS)?;
        if members.required("apiseal_profile")?.integer()? != 1 {
            return Err(root.fault("this library reads profiles of version 1"));
        }
        let id = members.required("id")?.string()?;
        let extends = members.required("extends")?;
        let strict = Profile::apiseal_v1();
        let mut data = match extends.string()?.as_str() {
            "apiseal-v1" => Data { id, ..Data::clone(&strict.0) },
            "rfc9421" => Profile::rfc9421_data(&id),
            _ => return Err(extends.fault("expected \"apiseal-v1\" or \"rfc9421\"")),
        };
        coverage(&members, &mut data)?;
        parameters(&members, &mut data)?;
        limits(&members, &mut data)?;
        if data.strict {
            stays_strict(&root, &members, &strict.0, &data)?;
        }
        data.check().map_err(|error| root.fault(error.detail().unwrap_or_default()))?;
        Ok(Profile(Arc::new(data)))
    }
}

fn coverage(members: &Object<'_, '_>, data: &mut Data) -> Result<()> {
    let add = |name: &str, rules: &mut Rules| -> Result<()> {
        for item in list(members, name)? {
            let component = Component::parse(&item.string()?).map_err(|reason| item.fault(reason.0))?;
            rules.require.push(component);
        }
        Ok(())
    };
    add("require", &mut data.request)?;
    add("require_response", &mut data.response)?;
    let strings = |name: &str, to: &mut Vec<String>| -> Result<()> {
        to.extend(list(members, name)?.iter().map(Item::string).collect::<Result<Vec<_>>>()?);
        Ok(())
    };
    for item in list(members, "if_present")? {
        data.if_present.add(item.string()?);
    }
    strings("forbid", &mut data.forbid)?;
    strings("lists", &mut data.lists)?;
    strings("principals", &mut data.principals)?;
    if let Some(item) = members.optional("structured") {
        for (name, item) in item.members()? {
            let kind = match item.string()?.as_str() {
                "item" => FieldType::Item,
                "list" => FieldType::List,
                "dictionary" => FieldType::Dictionary,
                _ => return Err(item.fault("expected \"item\", \"list\" or \"dictionary\"")),
            };
            data.fields.push((name, kind));
        }
    }
    for item in list(members, "parameters")? {
        let allowed = &mut data.parameters;
        match item.string()?.as_str() {
            "sf" => allowed.sf = true,
            "key" => allowed.key = true,
            "bs" => allowed.bs = true,
            "tr" => allowed.tr = true,
            "name" => allowed.query_param = true,
            _ => return Err(item.fault("expected \"sf\", \"key\", \"bs\", \"tr\" or \"name\"")),
        }
    }
    Ok(())
}

fn parameters(members: &Object<'_, '_>, data: &mut Data) -> Result<()> {
    let demand = |name: &str, flag: &mut bool| -> Result<()> {
        if let Some(item) = members.optional(name) {
            match item.string()?.as_str() {
                "required" => *flag = true,
                "optional" => *flag = false,
                _ => return Err(item.fault("expected \"required\" or \"optional\"")),
            }
        }
        Ok(())
    };
    demand("digest", &mut data.content)?;
    demand("nonce", &mut data.nonce)?;
    let text = |name: &str| members.optional(name).map(Item::string).transpose();
    data.request.tag = text("request_tag")?.or_else(|| data.request.tag.take());
    data.response.tag = text("response_tag")?.or_else(|| data.response.tag.take());
    data.label = text("label")?;
    let number = |name: &str| members.optional(name).map(Item::integer).transpose();
    data.max_age = number("max_age")?.unwrap_or(data.max_age);
    data.skew = number("skew")?.unwrap_or(data.skew);
    data.expires_in = number("expires_in")?;
    data.emit_alg = members.optional("emit_alg").map_or(Ok(false), Item::boolean)?;
    if members.optional("algorithms").is_some() {
        data.suites.clear();
    }
    for item in list(members, "algorithms")? {
        let suite = Suite::from_name(&item.string()?).ok_or_else(|| item.fault("unknown algorithm"))?;
        data.suites.push(suite);
    }
    Ok(())
}

fn limits(members: &Object<'_, '_>, data: &mut Data) -> Result<()> {
    let number = |name: &str| members.optional(name).map(Item::integer).transpose();
    let size = |name: &str, default: usize| -> Result<usize> {
        Ok(number(name)?.map_or(default, |value| usize::try_from(value).unwrap_or(usize::MAX)))
    };
    data.limits.headers = size("max_headers", data.limits.headers)?;
    data.limits.components = size("max_components", data.limits.components)?;
    data.limits.content = number("max_content")?.unwrap_or(data.limits.content);
    Ok(())
}

/// What a file that extends the strict profile may not loosen.
fn stays_strict(root: &Item<'_, '_>, members: &Object<'_, '_>, strict: &Data, data: &Data) -> Result<()> {
    let loosened = if !data.content {
        "digest"
    } else if !data.nonce {
        "nonce"
    } else if data.max_age > strict.max_age {
        "max_age"
    } else if data.skew > strict.skew {
        "skew"
    } else {
        return Ok(());
    };
    let detail = format!("`{loosened}` is looser than apiseal-v1; extend rfc9421 and state what is required");
    Err(members.optional(loosened).unwrap_or(root).fault(detail))
}

fn list<'f, 't>(members: &Object<'f, 't>, name: &str) -> Result<Vec<Item<'f, 't>>> {
    members.optional(name).map_or(Ok(Vec::new()), Item::array)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(members: &str) -> Result<Profile> {
        Profile::from_json(&format!(r#"{{"apiseal_profile":1,"id":"p","extends":{members}}}"#))
    }

    #[test]
    fn every_member_is_read() {
        let profile = read(
            r#""rfc9421","request_tag":"a","response_tag":"b","require":["@method","\"d\";key=\"k\""],
            "require_response":["@status","\"@method\";req"],"if_present":["x-a","x-b-*"],"forbid":["host"],"lists":["x-l"],
            "structured":{"d":"dictionary","l":"list","i":"item"},"parameters":["sf","key","bs","tr","name"],
            "digest":"required","nonce":"required","max_age":60,"skew":5,"expires_in":30,"algorithms":["ed25519"],
            "emit_alg":true,"principals":["x"],"max_headers":100,"max_components":3,"max_content":7"#,
        )
        .unwrap();
        let data = &*profile.0;
        assert_eq!((data.request.tag.as_deref(), data.response.tag.as_deref()), (Some("a"), Some("b")));
        assert_eq!((data.request.require.len(), data.response.require.len(), data.fields.len()), (2, 2, 3));
        assert!(
            data.content
                && data.nonce
                && data.emit_alg
                && data.if_present.has("X-B-1")
                && !data.if_present.has("cookie")
        );
        assert_eq!((data.max_age, data.skew, data.expires_in), (60, 5, Some(30)));
        assert_eq!(data.suites, [Suite::Ed25519]);
        assert_eq!((data.limits.headers, data.limits.components, data.limits.content), (100, 3, 7));
        assert!(read(r#""apiseal-v1","require":["x-tenant"],"max_age":60"#).unwrap().0.strict);
        assert_eq!(
            read(r#""rfc9421","require":["@path"],"label":"sig1""#).unwrap().0.label.as_deref(),
            Some("sig1")
        );
    }

    #[test]
    fn files_that_are_refused() {
        for (members, reason) in [
            (r#""rfc9421""#, "an empty list"),
            (r#""rfc9421","require":[]"#, "an empty list"),
            (r#""none","require":["@path"]"#, "expected"),
            (r#""rfc9421","require":["Path"]"#, "lower case"),
            (r#""rfc9421","require":["@nothing"]"#, "unknown"),
            (r#""rfc9421","requires":["@path"]"#, "did you mean `require`"),
            (r#""rfc9421","require":["@path"],"algorithms":["aes-256-gcm"]"#, "signature algorithms"),
            (r#""rfc9421","require":["@path"],"algorithms":["none"]"#, "unknown algorithm"),
            (r#""rfc9421","require":["@path"],"digest":true"#, "expected a string"),
            (r#""apiseal-v1","digest":"optional""#, "`digest` is looser"),
            (r#""apiseal-v1","nonce":"optional""#, "`nonce` is looser"),
            (r#""apiseal-v1","max_age":301"#, "`max_age` is looser"),
            (r#""apiseal-v1","skew":31"#, "`skew` is looser"),
            (r#""apiseal-v1","require":["@path"]"#, "required twice"),
            (r#""apiseal-v1","forbid":["cookie"]"#, "must be covered and must not be"),
        ] {
            let error = read(members).unwrap_err();
            assert_eq!(error.code(), Code::ProfileFile);
            assert!(error.detail().unwrap().contains(reason), "{members}: {error}");
        }
        assert_eq!(Profile::from_json("{").unwrap_err().code(), Code::ProfileFile);
    }
}
