//! A policy as redaction reads it: each rule selects at least what it may ever encrypt.
//!
//! Redaction runs the automaton of encryption, so that there is one reading of a path; only its tests are wider. A
//! name, an index, a slice from the front, a wildcard and a descendant step are what they are; a filter becomes any
//! child, a negative index or a slice that counts from the end any element. Each step then passes every child that
//! the exact step passes, whatever the values and the lengths of arrays are, so that the whole path selects every
//! value that the exact path selects, and perhaps more.

use crate::error::{Code, Error, Result};
use crate::policy::program::{Program, Step, Target, widen};
use crate::policy::{Inner, Occurs, Rule};

impl Inner {
    /// The rules for redaction: nothing depends on values, nothing is demanded or bound.
    ///
    /// # Errors
    /// [`Code::PolicyFile`]: with its value-dependent paths the policy has more steps than one automaton may have.
    pub(crate) fn widened(&self) -> Result<Inner> {
        let paths: Vec<Vec<Step>> = self.rules.iter().map(|rule| widen(&rule.query).0).collect();
        if paths.iter().map(|steps| steps.len() + 1).sum::<usize>() > Program::MAX_STATES {
            let detail = format!("the paths have more than {} steps in all", Program::MAX_STATES);
            return Err(Error::because(Code::PolicyFile, detail));
        }
        let mut program = Program::default();
        for (at, steps) in paths.iter().enumerate() {
            program.add(steps, Target::Rule(at as u16), None);
        }
        program.finish();
        let wide = |rule: &Rule| Rule {
            value_dependent: false,
            occurs: Occurs::Optional,
            binds: Vec::new(),
            ..rule.clone()
        };
        Ok(Inner {
            id: self.id.clone(),
            layout: self.layout,
            header: self.header.clone(),
            keep_unselected: self.keep_unselected,
            rules: self.rules.iter().map(wide).collect(),
            document_binds: Vec::new(),
            whole_document: false,
            program,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::index::Index;
    use crate::json::path::eval::{self, Budget};
    use crate::limits::Limits;
    use crate::policy::Policy;
    use crate::policy::select::read;

    fn policy(path: &str) -> Policy {
        let text = format!(
            r#"{{"apiseal_policy":1,"id":"t","layout":"document","bind":[],"rules":[{{"path":"{path}"}}]}}"#
        );
        Policy::from_json(&text).unwrap()
    }

    #[test]
    fn every_selector_is_as_wide_as_its_exact_self() {
        let text = r#"{"a":[{"k":1,"v":2},[3,[4]],"x"],"b":{"a":{"k":{"v":[5]}},"0":6},"_seal":7}"#;
        let index = Index::build(text.as_bytes(), 9).unwrap();
        for (path, wide) in [
            ("$.a", "$.a"),
            ("$.a[0,-1]", "$.a[*]"),
            ("$.a[-2:]", "$.a[*]"),
            ("$.a[::-1]", "$.a[*]"),
            ("$.a[1:2]", "$.a[1:2]"),
            ("$.a[0:0]", "$.a[0:0]"),
            ("$.a[::0]", "$.a[::0]"),
            ("$.b[-1]", "$.b[0]"),
            ("$.a[?@.k>9].v", "$.a[*].v"),
            ("$..[?search(@.k,'z')]", "$..*"),
            ("$..[?count($..v)>99][-1]", "$..*[0:]"),
            ("$[?@.k,'b'].a", "$[*].a"),
            ("$..[?@[?@.k==9]]['v',-1]", "$..*['v',0,1,2]"),
        ] {
            let inner = policy(path).inner().widened().unwrap();
            let selection = read(&inner, text.as_bytes(), &Limits::default()).unwrap();
            let found: Vec<usize> = selection.fields.iter().map(|field| field.start as usize).collect();
            let select = |path: &str| {
                let query = crate::json::path::Query::parse(path).unwrap();
                let nodes = eval::select(&query, &index, &mut Budget::new(1 << 40), None).unwrap();
                let mut starts: Vec<usize> = nodes.into_iter().map(|id| index.span(id).0).collect();
                starts.sort_unstable();
                starts.dedup();
                // The header is no value to select.
                starts.retain(|start| &text[*start..=*start] != "7");
                starts
            };
            assert_eq!(found, select(wide), "{path}");
            assert!(select(path).iter().all(|start| found.contains(start)), "{path}");
        }
    }

    #[test]
    fn more_steps_than_an_automaton_may_have_are_refused() {
        let long = format!("$[?@.a]{}", "[*]".repeat(1000));
        let rule = |at: usize| format!(r#"{{"path":"{long}['n{at}']"}}"#);
        let rules: Vec<String> = (0..20).map(rule).collect();
        let text = format!(
            r#"{{"apiseal_policy":1,"id":"t","layout":"document","bind":[],"rules":[{}]}}"#,
            rules.join(",")
        );
        let error = Policy::from_json(&text).unwrap().inner().widened().err().unwrap();
        assert_eq!(error.code(), Code::PolicyFile);
    }
}
