//! The strict reader for every file format of ours: unknown members are refused with a suggestion, and each fault
//! is told with its place.

use crate::error::{Code, Error, Result};
use crate::json::index::{Index, NodeId, NodeKind};
use crate::json::text;

/// A parsed file of ours. Faults are given under one code: the file's.
pub(crate) struct File<'t> {
    index: Index<'t>,
    code: Code,
}

impl<'t> File<'t> {
    /// Parses the text of a file.
    pub(crate) fn parse(text: &'t [u8], code: Code) -> Result<Self> {
        match Index::build(text, 32) {
            Ok(index) => Ok(File { index, code }),
            Err(fault) => {
                let detail = fault.detail().unwrap_or_else(|| fault.code().sentence()).to_owned();
                let offset = usize::try_from(fault.offset().unwrap_or(0)).unwrap_or(0);
                Err(Error::because(code, detail).with_offset(offset))
            }
        }
    }

    /// The value that fills the file.
    pub(crate) fn root(&self) -> Item<'_, 't> {
        Item { file: self, id: 0, place: String::from("$") }
    }
}

/// A value of the file and its place.
#[derive(Clone)]
pub(crate) struct Item<'f, 't> {
    file: &'f File<'t>,
    id: NodeId,
    place: String,
}

impl<'f, 't> Item<'f, 't> {
    /// An error about this value.
    pub(crate) fn fault(&self, detail: impl Into<String>) -> Error {
        Error::because(self.file.code, detail).with_path(self.place.clone())
    }

    /// The exact text.
    pub(crate) fn raw(&self) -> &'t [u8] {
        self.file.index.raw(self.id)
    }

    pub(crate) fn is_string(&self) -> bool {
        self.kind() == NodeKind::String
    }

    pub(crate) fn is_object(&self) -> bool {
        self.kind() == NodeKind::Object
    }

    pub(crate) fn string(&self) -> Result<String> {
        if !self.is_string() {
            return Err(self.fault("expected a string"));
        }
        Ok(String::from_utf8_lossy(&self.file.index.string(self.id)).into_owned())
    }

    pub(crate) fn boolean(&self) -> Result<bool> {
        match self.kind() {
            NodeKind::True => Ok(true),
            NodeKind::False => Ok(false),
            _ => Err(self.fault("expected true or false")),
        }
    }

    /// An integer from 0 to 2^53 - 1, without fraction or exponent.
    pub(crate) fn integer(&self) -> Result<u64> {
        let text = std::str::from_utf8(self.raw()).unwrap_or_default();
        if self.kind() == NodeKind::Number
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && let Some(value) = text.parse().ok().filter(|value| *value < 1 << 53)
        {
            return Ok(value);
        }
        Err(self.fault("expected a non-negative integer"))
    }

    pub(crate) fn array(&self) -> Result<Vec<Item<'f, 't>>> {
        if self.kind() != NodeKind::Array {
            return Err(self.fault("expected an array"));
        }
        let item = |(at, id)| Item { file: self.file, id, place: format!("{}[{at}]", self.place) };
        Ok(self.file.index.children(self.id).enumerate().map(item).collect())
    }

    /// Every member with its name, in file order.
    pub(crate) fn members(&self) -> Result<Vec<(String, Item<'f, 't>)>> {
        if !self.is_object() {
            return Err(self.fault("expected an object"));
        }
        let member = |id| {
            let name = self.file.index.name(id).unwrap_or_default();
            let name = String::from_utf8_lossy(&name).into_owned();
            let mut quoted = Vec::new();
            text::write_string(&mut quoted, name.as_bytes());
            let inner =
                String::from_utf8_lossy(quoted.get(1..quoted.len() - 1).unwrap_or_default()).into_owned();
            let place = format!("{}['{}']", self.place, inner.replace("\\\"", "\"").replace('\'', "\\'"));
            (name, Item { file: self.file, id, place })
        };
        Ok(self.file.index.children(self.id).map(member).collect())
    }

    /// The object's members, of which only `known` ones may exist.
    pub(crate) fn object(&self, known: &[&str]) -> Result<Object<'f, 't>> {
        let members = self.members()?;
        for (name, item) in &members {
            if !known.contains(&name.as_str()) {
                let hint = match closest(name, known) {
                    Some(best) => format!("unknown member; did you mean `{best}`?"),
                    None => format!("unknown member; known are {}", known.join(", ")),
                };
                return Err(item.fault(hint));
            }
        }
        Ok(Object { item: self.clone(), members })
    }

    fn kind(&self) -> NodeKind {
        self.file.index.kind(self.id)
    }
}

/// The members of an object.
pub(crate) struct Object<'f, 't> {
    item: Item<'f, 't>,
    members: Vec<(String, Item<'f, 't>)>,
}

impl<'f, 't> Object<'f, 't> {
    pub(crate) fn optional(&self, name: &str) -> Option<&Item<'f, 't>> {
        self.members.iter().find(|(own, _)| own == name).map(|(_, item)| item)
    }

    pub(crate) fn required(&self, name: &str) -> Result<&Item<'f, 't>> {
        self.optional(name).ok_or_else(|| self.item.fault(format!("member `{name}` is missing")))
    }
}

/// The known name that `name` is most likely a slip of.
fn closest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    if name.len() > 64 {
        return None;
    }
    known
        .iter()
        .map(|known| (distance(name, known), *known))
        .filter(|(far, _)| *far <= 2)
        .min()
        .map(|(_, best)| best)
}

/// Levenshtein distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut previous = vec![i + 1];
        for (j, to) in b.iter().enumerate() {
            let at = |row: &[usize], k: usize| row.get(k).copied().unwrap_or(usize::MAX - 1);
            let step =
                (at(&row, j) + usize::from(from != *to)).min(at(&row, j + 1) + 1).min(at(&previous, j) + 1);
            previous.push(step);
        }
        row = previous;
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_name_the_place_and_the_remedy() {
        let text = br#"{"rules":[{"pth":"$.a","oops":1}],"n":-1}"#;
        let file = File::parse(text, Code::PolicyFile).unwrap();
        let root = file.root().object(&["rules", "n"]).unwrap();
        let rule = &root.required("rules").unwrap().array().unwrap()[0];
        let error = rule.object(&["path", "bind"]).err().unwrap();
        assert_eq!(error.path(), Some("$['rules'][0]['pth']"));
        assert_eq!(error.detail(), Some("unknown member; did you mean `path`?"));
        assert_eq!(root.required("id").err().unwrap().detail(), Some("member `id` is missing"));
        assert!(root.required("n").unwrap().integer().is_err());
        assert_eq!(File::parse(b"{", Code::PolicyFile).err().unwrap().offset(), Some(1));
    }

    #[test]
    fn distances() {
        assert_eq!((distance("bind", "bind"), distance("bnid", "bind"), distance("", "abc")), (0, 2, 3));
        assert_eq!(closest("occurz", &["occurs", "path"]), Some("occurs"));
        assert_eq!(closest("zzzzzz", &["occurs", "path"]), None);
    }
}
