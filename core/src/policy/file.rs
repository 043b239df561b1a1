//! Reads a policy file and refuses whatever could leave a value in clear or movable without saying so.

use std::collections::HashMap;

use crate::error::{Code, Result};
use crate::ids::Mode;
use crate::json::path::{Query, Selector};
use crate::json::reader::{File, Item, Object};
use crate::policy::bind::{Below, Levels, Patterns, ancestor, decode_pointer_token};
use crate::policy::members::{flag, keys, label_text, last_wildcard, mask, migrate, occurs, padding, types};
use crate::policy::program::{Program, Step, Target, Test, covers, widen};
use crate::policy::{Bind, Inner, Layout, Occurs, Policy, Position, Rule};

const POLICY_MEMBERS: &[&str] = &["apiseal_policy", "id", "layout", "header", "bind", "unselected", "rules"];
const RULE_MEMBERS: &[&str] = &[
    "path",
    "position",
    "label",
    "movable",
    "selection",
    "occurs",
    "bind",
    "types",
    "keys",
    "padding",
    "mask",
    "nested",
    "migrate",
];

/// # Errors
/// [`Code::PolicyFile`] with the place in the file.
pub(super) fn read(text: &[u8]) -> Result<Inner> {
    let file = File::parse(text, Code::PolicyFile)?;
    let root = file.root();
    let policy = root.object(POLICY_MEMBERS)?;
    let version = policy.required("apiseal_policy")?;
    if version.integer()? != 1 {
        return Err(version.fault("this library reads policies of version 1"));
    }
    let id = policy.required("id")?;
    if id.string()?.is_empty() {
        return Err(id.fault("must not be empty"));
    }
    let layout = match policy.optional("layout") {
        None => Layout::Token,
        Some(item) => match item.string()?.as_str() {
            "token" => Layout::Token,
            "document" => Layout::Document,
            _ => return Err(item.fault("expected \"token\" or \"document\"")),
        },
    };
    let mut reader = Reader { layout, header: header(&policy, layout)?, patterns: Patterns::default() };
    let keep_unselected = match policy.optional("unselected") {
        None => false,
        Some(item) if item.string()? == "keep" => true,
        Some(item) => return Err(item.fault("expected \"keep\", or leave the member out")),
    };

    let items = policy.required("rules")?.array()?;
    if items.is_empty() || items.len() > Policy::MAX_RULES {
        let detail = format!("expected 1 to {} rules", Policy::MAX_RULES);
        return Err(policy.required("rules")?.fault(detail));
    }
    let mut rules = Vec::with_capacity(items.len());
    let mut paths: Vec<Vec<Step>> = Vec::with_capacity(items.len());
    for item in &items {
        let (rule, steps) = reader.rule(item)?;
        for (other, earlier) in rules.iter().zip(&paths) {
            let other: &Rule = other;
            let covered =
                |outer: &[Step], inner: &[Step], by: &Rule| !by.value_dependent && covers(outer, inner);
            if covered(earlier, &steps, other) || covered(&steps, earlier, &rule) {
                let detail = format!("its values overlap those of rule `{}`", other.query.text());
                return Err(item.fault(detail));
            }
        }
        rules.push(rule);
        paths.push(steps);
    }
    share_binds(&mut rules);
    let (document_binds, whole_document) = reader.document_binds(&policy, &root)?;
    let program = reader.program(&rules, &paths);
    if program.states() > Program::MAX_STATES {
        return Err(root.fault(format!("the paths have more than {} steps in all", Program::MAX_STATES)));
    }
    Ok(Inner {
        id: id.string()?,
        layout,
        header: reader.header,
        keep_unselected,
        rules,
        document_binds,
        whole_document,
        program,
    })
}

/// Finds the rules that bind alike.
fn share_binds(rules: &mut [Rule]) {
    let mut first = HashMap::new();
    let alike = rules.iter().zip(0u16..).map(|(rule, at)| {
        let indices_open = rule.position.mode() == Mode::Elements;
        *first.entry((&rule.binds, indices_open)).or_insert(at)
    });
    let alike: Vec<u16> = alike.collect();
    rules.iter_mut().zip(alike).for_each(|(rule, at)| rule.bound_as = at);
}

fn header(policy: &Object<'_, '_>, layout: Layout) -> Result<String> {
    match policy.optional("header") {
        None => Ok("_seal".to_owned()),
        Some(item) if layout == Layout::Token => Err(item.fault("only layout \"document\" has a header")),
        Some(item) => match item.string()? {
            name if name.is_empty() || name.len() > 256 => Err(item.fault("expected 1 to 256 bytes")),
            name => Ok(name),
        },
    }
}

struct Reader {
    layout: Layout,
    header: String,
    patterns: Patterns,
}

impl Reader {
    fn rule(&mut self, item: &Item<'_, '_>) -> Result<(Rule, Vec<Step>)> {
        let rule = item.object(RULE_MEMBERS)?;
        let path = rule.required("path")?;
        let query = self.query(path)?;
        let (steps, value_dependent) = widen(&query);
        if steps.is_empty() && self.layout == Layout::Document {
            return Err(path.fault("the root cannot be protected in layout \"document\""));
        }
        self.selection(&rule, path, value_dependent)?;
        let movable = flag(&rule, "movable")?;
        let position = self.position(&rule, &query)?;
        let binds = self.binds(&rule, &position, &steps, path)?;
        match position {
            Position::Exact => {
                if let Some(item) = rule.optional("movable") {
                    return Err(item.fault("only positions \"elements\" and \"named\" can be movable"));
                }
            }
            Position::Elements if binds.is_empty() && !movable => {
                let detail = "position \"elements\" needs a bound member, or \"movable\": true";
                return Err(item.fault(detail));
            }
            Position::Named(_) if !query.is_singular() && (binds.is_empty() || !movable) => {
                let detail =
                    "position \"named\" needs a path to one value, or bound members and \"movable\": true";
                return Err(item.fault(detail));
            }
            _ => {}
        }
        let types = types(&rule)?;
        let accept_plain_until = migrate(&rule)?;
        if accept_plain_until.is_some() && types.is_none() {
            return Err(item.fault("`migrate` needs `types`"));
        }
        let rule = Rule {
            occurs: occurs(&rule, &steps, value_dependent)?,
            keys: keys(&rule)?,
            padding: padding(&rule)?,
            mask: mask(&rule)?,
            nested: flag(&rule, "nested")?,
            query,
            position,
            value_dependent,
            binds,
            bound_as: 0,
            types,
            accept_plain_until,
        };
        Ok((rule, steps))
    }

    /// A query that does not name the header.
    fn query(&self, item: &Item<'_, '_>) -> Result<Query> {
        let text = item.string()?;
        let query = Query::parse(&text).map_err(|error| {
            let what = error.detail().unwrap_or("not a JSONPath").to_owned();
            item.fault(format!("{what}, at byte {} of the path", error.offset().unwrap_or(0)))
        })?;
        if let Some(pattern) = query.invalid_pattern() {
            return Err(item.fault(format!("`{pattern}` is no I-Regexp (RFC 9485) and would match nothing")));
        }
        let names_header = query.segments().first().is_some_and(|segment| {
            segment.selectors.iter().any(|s| matches!(s, Selector::Name(name) if *name == self.header))
        });
        if self.layout == Layout::Document && names_header {
            return Err(item.fault("the header member cannot be selected or bound"));
        }
        Ok(query)
    }

    fn selection(&self, rule: &Object<'_, '_>, path: &Item<'_, '_>, value_dependent: bool) -> Result<()> {
        match rule.optional("selection") {
            Some(item) if item.string()? != "unauthenticated" => {
                Err(item.fault("expected \"unauthenticated\""))
            }
            Some(item) if self.layout == Layout::Document || !value_dependent => {
                Err(item.fault("only a value-dependent path in layout \"token\" takes `selection`"))
            }
            None if value_dependent && self.layout == Layout::Token => Err(path.fault(
                "the selection depends on values or array lengths, which an attacker may change: use layout \
                 \"document\", or say \"selection\": \"unauthenticated\"",
            )),
            _ => Ok(()),
        }
    }

    fn position(&self, rule: &Object<'_, '_>, query: &Query) -> Result<Position> {
        let label = rule.optional("label");
        let position = match rule.optional("position") {
            None => Position::Exact,
            Some(item) => match (item.string()?.as_str(), label) {
                ("exact", _) => Position::Exact,
                ("elements" | "named", _) if self.layout == Layout::Document => {
                    return Err(item.fault("layout \"document\" has exact positions only"));
                }
                ("elements", _) => Position::Elements,
                ("named", Some(label)) => Position::Named(label_text(label)?),
                ("named", None) => return Err(item.fault("position \"named\" needs a `label`")),
                _ => return Err(item.fault("expected \"exact\", \"elements\" or \"named\"")),
            },
        };
        match label {
            Some(item) if !matches!(position, Position::Named(_)) => {
                Err(item.fault("only position \"named\" takes a label"))
            }
            _ if query.segments().is_empty() && position == Position::Elements => {
                Err(rule.required("position")?.fault("the root is no element"))
            }
            _ => Ok(position),
        }
    }

    fn binds(
        &mut self,
        rule: &Object<'_, '_>,
        position: &Position,
        steps: &[Step],
        path: &Item<'_, '_>,
    ) -> Result<Vec<Bind>> {
        if self.layout == Layout::Document {
            return match rule.optional("bind") {
                None => Ok(Vec::new()),
                Some(item) => {
                    Err(item.fault("layout \"document\" binds the whole set: state `bind` in the policy"))
                }
            };
        }
        let items = rule.optional("bind").ok_or_else(|| {
            path.fault("the rule must state `bind`; [] means movable between all records of one context")
        })?;
        let mut binds: Vec<Bind> = Vec::new();
        for item in items.array()? {
            let bind = self.bind(&item, position, steps)?;
            let same = |own: &Bind| own.text == bind.text || (own.label.is_some() && own.label == bind.label);
            if binds.iter().any(same) {
                return Err(item.fault("this member is bound twice"));
            }
            binds.push(bind);
        }
        if steps.is_empty() && !binds.is_empty() {
            return Err(items.fault("everything lies inside the protected root: nothing is left to bind"));
        }
        Ok(binds)
    }

    fn bind(&mut self, item: &Item<'_, '_>, position: &Position, steps: &[Step]) -> Result<Bind> {
        match position {
            Position::Named(own_label) => {
                let object = item.object(&["label", "path"])?;
                let label_item = object.required("label")?;
                let label = label_text(label_item)?;
                if label == *own_label {
                    return Err(label_item.fault("the label of the protected value itself"));
                }
                let mut bind = self.absolute(object.required("path")?, false)?;
                bind.label = Some(label);
                Ok(bind)
            }
            _ if item.is_object() => Err(item.fault("labels belong to position \"named\"")),
            _ if item.string()?.starts_with('$') => self.absolute(item, *position == Position::Elements),
            _ => self.relative(item, steps),
        }
    }

    /// A singular query from the root.
    fn absolute(&mut self, item: &Item<'_, '_>, elements: bool) -> Result<Bind> {
        let query = self.query(item)?;
        let (steps, value_dependent) = widen(&query);
        if steps.is_empty() {
            return Err(item.fault("only layout \"document\" can bind the whole document"));
        }
        if !query.is_singular() || value_dependent {
            return Err(item.fault("expected a path of names and non-negative indices"));
        }
        let has_index = steps.iter().any(|step| matches!(step.tests.first(), Some(Test::Index(_))));
        if elements && has_index {
            return Err(
                item.fault("in position \"elements\" a bound path from the root must not pass an array")
            );
        }
        let (levels, below) = (steps.len(), Below::of(&steps));
        Ok(Bind {
            text: query.text().to_owned(),
            pattern: self.patterns.add(steps, levels),
            up: None,
            below,
            label: None,
        })
    }

    /// Levels up from the value, then a JSON Pointer (RFC 6901).
    fn relative(&mut self, item: &Item<'_, '_>, steps: &[Step]) -> Result<Bind> {
        let text = item.string()?;
        let (digits, pointer) = text.split_once('/').ok_or_else(|| {
            item.fault(
                "expected a path from the root, such as `$.id`, or levels up and a pointer, such as `1/id`",
            )
        })?;
        let up: u32 = match digits.parse() {
            Ok(up)
                if up > 0
                    && up <= 4096
                    && digits.bytes().all(|b| b.is_ascii_digit())
                    && !digits.starts_with('0') =>
            {
                up
            }
            _ => return Err(item.fault("expected a positive number of levels before the first `/`")),
        };
        let mut below: Vec<Step> = Vec::new();
        for token in pointer.split('/') {
            let name =
                decode_pointer_token(token).ok_or_else(|| item.fault("`~` must be followed by 0 or 1"))?;
            let mut tests = vec![Test::Name(name.clone().into_bytes())];
            let canonical = !name.is_empty() && (name == "0" || !name.starts_with('0'));
            if canonical && name.bytes().all(|byte| byte.is_ascii_digit()) {
                tests.extend(name.parse().ok().map(Test::Index));
            }
            below.push(Step { descend: false, tests });
        }
        let (levels, position) = (below.len(), Below::of(&below));
        let mut pattern = match ancestor(steps, up as usize) {
            Some(pattern) => pattern,
            None => return Err(item.fault("the path is not that deep")),
        };
        if let (Some(first), true) = (below.first_mut(), pattern.anywhere_below) {
            first.descend = true;
        }
        pattern.steps.append(&mut below);
        let pattern = self.patterns.add(pattern.steps, levels);
        Ok(Bind { text, pattern, up: Some(up), below: position, label: None })
    }

    fn document_binds(&mut self, policy: &Object<'_, '_>, root: &Item<'_, '_>) -> Result<(Vec<Bind>, bool)> {
        let item = match (self.layout, policy.optional("bind")) {
            (Layout::Token, None) => return Ok((Vec::new(), false)),
            (Layout::Token, Some(item)) => {
                return Err(item.fault("in layout \"token\" each rule states its `bind`"));
            }
            (Layout::Document, None) => {
                return Err(root.fault(
                    "layout \"document\" must state `bind`; [\"$\"] binds the whole document, [] leaves the values \
                     movable between all records of one context",
                ));
            }
            (Layout::Document, Some(item)) => item,
        };
        let items = item.array()?;
        let mut binds: Vec<Bind> = Vec::new();
        for item in &items {
            if item.string()? == "$" {
                return match items.len() {
                    1 => Ok((Vec::new(), true)),
                    _ => Err(item.fault("`$` binds the whole document and stands alone")),
                };
            }
            let bind = self.absolute(item, false)?;
            if binds.iter().any(|own| own.text == bind.text) {
                return Err(item.fault("this member is bound twice"));
            }
            binds.push(bind);
        }
        Ok((binds, false))
    }

    fn program(&self, rules: &[Rule], paths: &[Vec<Step>]) -> Program {
        let mut program = Program::default();
        // Value-dependent rules are evaluated over the span index.
        for (at, (rule, steps)) in
            rules.iter().zip(paths).enumerate().filter(|(_, (rule, _))| !rule.value_dependent)
        {
            let each = (rule.occurs == Occurs::Each).then(|| last_wildcard(steps)).flatten();
            program.add(steps, Target::Rule(at as u16), each.map(|step| (step, at as u16)));
        }
        for (at, (steps, Levels(levels))) in self.patterns.list.iter().enumerate() {
            let below = steps.get(steps.len() - usize::from(*levels)..).unwrap_or_default();
            let wanders = matches!(Below::of(below), Below::Wanders(_));
            program.add(steps, Target::Bind { pattern: at as u16, levels: *levels, wanders }, None);
        }
        program.finish();
        program
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Mask, PaddingRule};

    fn fault(text: &str) -> (String, String) {
        let error = read(text.as_bytes()).err().unwrap_or_else(|| panic!("loads: {text}"));
        assert_eq!(error.code(), Code::PolicyFile, "{text}");
        (error.path().unwrap_or_default().to_owned(), error.detail().unwrap_or_default().to_owned())
    }

    fn token(rule: &str) -> String {
        format!(r#"{{"apiseal_policy":1,"id":"t","rules":[{{{rule}}}]}}"#)
    }

    fn document(members: &str, rule: &str) -> String {
        format!(r#"{{"apiseal_policy":1,"id":"d","layout":"document",{members}"rules":[{{{rule}}}]}}"#)
    }

    fn loads(text: &str) -> Inner {
        read(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn every_member_loads() {
        let policy = loads(&token(
            r#""path":"$.orders[*].customer.ssn","position":"elements","bind":["2/id","$.batch"],"occurs":"each",
               "types":["string","null"],"keys":["k1","k2"],"padding":{"multiple":16},"mask":{"keep_last":4},
               "nested":true,"migrate":{"accept_plain":true,"until":"2027-01-31"}"#,
        ));
        let rule = &policy.rules[0];
        assert_eq!(
            (rule.occurs, rule.padding, rule.mask),
            (Occurs::Each, PaddingRule::Multiple(16), Mask::KeepLast(4))
        );
        assert_eq!((rule.nested, rule.accept_plain_until), (true, Some(1_801_353_600)));
        assert_eq!(rule.binds.iter().map(|bind| bind.up).collect::<Vec<_>>(), [Some(2), None]);
        let policy = loads(&document(
            r#""header":"h","bind":["$"],"unselected":"keep","#,
            r#""path":"$..a[?@.b==1]""#,
        ));
        assert!(policy.whole_document && policy.keep_unselected && policy.rules[0].value_dependent);
        let named = r#""path":"$.a","position":"named","label":"x","bind":[{"label":"y","path":"$.b"}]"#;
        assert_eq!(loads(&token(named)).rules[0].position, Position::Named(b"x".to_vec()));
        loads(&token(r#""path":"$","bind":[]"#));
        loads(&token(r#""path":"$[-1]","bind":[],"selection":"unauthenticated""#));
        loads(&token(
            r#""path":"$.*","position":"named","label":"x","movable":true,"bind":[{"label":"y","path":"$.b"}]"#,
        ));
    }

    #[test]
    fn case_60_bind_is_a_required_choice() {
        assert_eq!(fault(&token(r#""path":"$.a""#)).0, "$['rules'][0]['path']");
        assert_eq!(fault(&document("", r#""path":"$.a""#)).0, "$");
        fault(&document(r#""bind":["$.a"],"#, r#""path":"$.b","bind":[]"#));
        fault(r#"{"apiseal_policy":1,"id":"t","bind":[],"rules":[{"path":"$.a","bind":[]}]}"#);
    }

    #[test]
    fn case_57_layout_document_is_exact_only() {
        fault(&document(r#""bind":[],"#, r#""path":"$[*].a","position":"elements""#));
        fault(&document(r#""bind":[],"#, r#""path":"$.a","position":"named","label":"x""#));
        fault(&document(r#""bind":[],"#, r#""path":"$""#));
    }

    #[test]
    fn case_58_value_dependent_selection_needs_layout_document() {
        for path in ["$.a[?@.kind=='card'].pan", "$.a[-1]", "$.a[:-1]", "$.a[::-1]"] {
            let (place, detail) = fault(&token(&format!(r#""path":"{path}","bind":[]"#)));
            assert_eq!(place, "$['rules'][0]['path']");
            assert!(detail.contains("unauthenticated"), "{detail}");
            loads(&document(r#""bind":[],"#, &format!(r#""path":"{path}""#)));
        }
        fault(&token(r#""path":"$.a","bind":[],"selection":"unauthenticated""#));
    }

    #[test]
    fn case_64_named_needs_one_value() {
        fault(&token(r#""path":"$..a","position":"named","label":"x","bind":[]"#));
        fault(&token(r#""path":"$..a","position":"named","label":"x","bind":[{"label":"y","path":"$.b"}]"#));
        fault(&token(r#""path":"$..a","position":"named","label":"x","movable":true,"bind":[]"#));
        fault(&token(r#""path":"$.a","position":"named","bind":[]"#));
        fault(&token(r#""path":"$.a","position":"named","label":"","bind":[]"#));
        fault(&token(r#""path":"$.a","label":"x","bind":[]"#));
    }

    #[test]
    fn binds_that_cannot_hold_are_refused() {
        for bind in [
            r#""$""#,
            r#""$..id""#,
            r#""$.a[-1]""#,
            r#""$.a[*]""#,
            r#""id""#,
            r#""0/id""#,
            r#""01/id""#,
            r#""1""#,
            r#""1#""#,
            r#""1+1/id""#,
            r#""4/id""#,
            r#""1/a~2""#,
            r#""$.id","$.id""#,
            r#"{"label":"y","path":"$.b"}"#,
            "7",
        ] {
            fault(&token(&format!(r#""path":"$.a.b.c","bind":[{bind}]"#)));
        }
        fault(&token(r#""path":"$[*].a","position":"elements","bind":["$.b[0]"]"#));
        fault(&token(r#""path":"$","bind":["$.a"]"#));
        fault(&token(r#""path":"$.a","position":"named","label":"x","bind":["1/b"]"#));
        fault(&token(r#""path":"$.a","position":"named","label":"x","bind":[{"label":"x","path":"$.b"}]"#));
        fault(&document(r#""bind":["$","$.a"],"#, r#""path":"$.b""#));
        fault(&document(r#""bind":["1/a"],"#, r#""path":"$.b""#));
        fault(&document(r#""bind":["$._seal"],"#, r#""path":"$.b""#));
        fault(&document(r#""bind":[],"#, r#""path":"$._seal.x""#));
        loads(&token(r#""path":"$..a","bind":["9/id"]"#));
    }

    #[test]
    fn overlaps_are_proved_at_load() {
        for (one, two) in [("$.a", "$.a"), ("$.a", "$.a.b"), ("$..pan", "$.card.pan"), ("$.a[0]", "$.a[*]")] {
            let rules = format!(r#"{{"path":"{one}","bind":[]}},{{"path":"{two}","bind":[]}}"#);
            let (place, _) = fault(&format!(r#"{{"apiseal_policy":1,"id":"t","rules":[{rules}]}}"#));
            assert_eq!(place, "$['rules'][1]");
        }
    }

    #[test]
    fn malformed_members_are_refused() {
        for rule in [
            r#""path":"$.a","bind":[],"occurs":"sometimes""#,
            r#""path":"$.a","bind":[],"occurs":{"exactly":0}"#,
            r#""path":"$.a","bind":[],"occurs":"each""#,
            r#""path":"$[*]..a","bind":[],"occurs":"each""#,
            r#""path":"$.a","bind":[],"types":[]"#,
            r#""path":"$.a","bind":[],"types":["text"]"#,
            r#""path":"$.a","bind":[],"keys":"all""#,
            r#""path":"$.a","bind":[],"keys":[]"#,
            r#""path":"$.a","bind":[],"keys":["a.b"]"#,
            r#""path":"$.a","bind":[],"padding":"some""#,
            r#""path":"$.a","bind":[],"padding":{"multiple":1}"#,
            r#""path":"$.a","bind":[],"mask":{"keep_last":0}"#,
            r#""path":"$.a","bind":[],"nested":"yes""#,
            r#""path":"$.a","bind":[],"movable":true"#,
            r#""path":"$.a","bind":[],"migrate":{"accept_plain":true,"until":"2027-01-31"}"#,
            r#""path":"$.a","bind":[],"types":["string"],"migrate":{"accept_plain":true}"#,
            r#""path":"$.a","bind":[],"types":["string"],"migrate":{"accept_plain":true,"until":"soon"}"#,
            r#""path":"$.*.a","position":"elements","bind":[]"#,
            r#""path":"$[","bind":[]"#,
            r#""path":"$[?match(@,'a**')]","bind":[],"selection":"unauthenticated""#,
        ] {
            fault(&token(rule));
        }
        for text in [
            "[]",
            "{}",
            r#"{"apiseal_policy":2,"id":"x","rules":[]}"#,
            r#"{"apiseal_policy":1,"id":"x","rules":[]}"#,
            r#"{"apiseal_policy":1,"id":"","rules":[{"path":"$.a","bind":[]}]}"#,
            r#"{"apiseal_policy":1,"id":"x","header":"h","rules":[{"path":"$.a","bind":[]}]}"#,
            r#"{"apiseal_policy":1,"id":"x","layout":"compact","rules":[{"path":"$.a","bind":[]}]}"#,
            r#"{"apiseal_policy":1,"id":"x","id":"x","rules":[{"path":"$.a","bind":[]}]}"#,
        ] {
            fault(text);
        }
        let (place, detail) = fault(r#"{"apiseal_policy":1,"id":"x","rules":[{"path":"$.a","binds":[]}]}"#);
        assert_eq!(
            (place.as_str(), detail.as_str()),
            ("$['rules'][0]['binds']", "unknown member; did you mean `bind`?")
        );
    }
}
