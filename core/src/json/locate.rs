//! Where a query's values stand: for tools, tests and people who write policies.

use crate::error::{Code, Error, Result};
use crate::json::index::Index;
use crate::json::path::eval::{self, Budget};
use crate::json::path::{Query, normalized};
use crate::limits::Limits;

/// Place of one value in a document.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Location {
    /// Normalized path (RFC 9535, section 2.7).
    pub path: String,
    /// Offset of the value's first byte.
    pub start: usize,
    /// Offset of the first byte behind the value.
    pub end: usize,
}

/// Finds the values that the JSONPath query `path` selects, in the order and with the duplicates of RFC 9535.
///
/// ```
/// let document = br#"{"people": [{"ssn": "078-05-1120"}]}"#;
/// let found = apiseal::locate(document, "$..ssn", &apiseal::Limits::default())?;
/// assert_eq!(found[0].path, "$['people'][0]['ssn']");
/// assert_eq!(&document[found[0].start..found[0].end], br#""078-05-1120""#);
/// # Ok::<(), apiseal::Error>(())
/// ```
///
/// # Errors
/// [`Code::InvalidPath`] with the byte offset into `path`, whatever the document is; [`Code::InvalidArgument`] for the
/// limits; [`Code::LimitDocument`], [`Code::LimitDepth`], [`Code::MalformedJson`] or [`Code::DuplicateName`] for the
/// document; [`Code::LimitVisits`] if the query does too much work for a document of this length, or if the paths of
/// its results are too long together.
pub fn locate(document: &[u8], path: &str, limits: &Limits) -> Result<Vec<Location>> {
    limits.check()?;
    let query = Query::parse(path)?;
    if document.len() > limits.document {
        return Err(Error::new(Code::LimitDocument));
    }
    let index = Index::build(document, limits.depth)?;
    let mut budget = Budget::new(limits.visits(document.len()));
    let nodes = eval::select(&query, &index, &mut budget, None)?;
    let place = |&node| {
        let (start, end) = index.span(node);
        Location { path: String::new(), start, end }
    };
    let mut locations: Vec<Location> = nodes.iter().map(place).collect();
    normalized::each_path(&index, &nodes, |position, path| {
        budget.spend_bytes(path.len())?;
        if let Some(location) = locations.get_mut(position) {
            path.clone_into(&mut location.path);
        }
        Ok(())
    })?;
    Ok(locations)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(document: &[u8], path: &str, limits: &Limits) -> Code {
        locate(document, path, limits).unwrap_err().code()
    }

    #[test]
    fn gives_exact_spans_in_query_order() {
        let document = "\t{\"é\" : [ 1.10 ,\"\\u0041\" ] } ".as_bytes();
        let found = locate(document, "$.é[1,0,1]", &Limits::default()).unwrap();
        let texts: Vec<_> = found.iter().map(|l| (l.path.as_str(), &document[l.start..l.end])).collect();
        let string = ("$['é'][1]", br#""\u0041""#.as_slice());
        assert_eq!(texts, [string, ("$['é'][0]", b"1.10"), string]);
        let root = &locate(document, "$", &Limits::default()).unwrap()[0];
        assert_eq!((root.path.as_str(), root.start, root.end), ("$", 1, document.len() - 1));
        assert!(locate(document, "$.e", &Limits::default()).unwrap().is_empty());
    }

    #[test]
    fn each_refusal_has_its_code() {
        let limits = Limits::default();
        assert_eq!(code(b"nope", "$[", &limits), Code::InvalidPath);
        assert_eq!(code(b"nope", "$", &limits), Code::MalformedJson);
        assert_eq!(
            code(b"[1]", "$", &Limits { document: 2, field: 2, bound: 2, ..limits }),
            Code::LimitDocument
        );
        assert_eq!(code(b"[1]", "$", &Limits { depth: 0, ..limits }), Code::InvalidArgument);
        assert_eq!(code(b"[[1]]", "$", &Limits { depth: 1, ..limits }), Code::LimitDepth);
        assert_eq!(code(br#"{"a":1,"a":2}"#, "$", &limits), Code::DuplicateName);
    }

    #[test]
    fn paths_longer_than_the_budget_are_refused() {
        let document = format!("{{\"{}\":[{}0]}}", "n".repeat(100_000), "0,".repeat(100_000));
        assert_eq!(code(document.as_bytes(), "$.*[*]", &Limits::default()), Code::LimitVisits);
        let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
        assert_eq!(
            code(deep.as_bytes(), "$..*", &Limits { depth: 50_000, ..Limits::default() }),
            Code::LimitVisits
        );
    }
}
