//! The parser for filters and function extensions (RFC 9535, sections 2.3.5 and 2.4).
//!
//! Well-typedness is checked while parsing: only singular queries, literals and functions of ValueType are compared,
//! and each argument fits its parameter.

use super::parse::Parser;
use super::{Comparison, Filter, FilterQuery, Literal, Operand, Pattern, Segment, iregexp};
use crate::error::{Code, Error, Result};

/// An operand before it is known whether it is compared or tested.
enum Term {
    /// A query, and whether it has the form of `singular-query`.
    Query(FilterQuery, bool),
    /// A literal, or a function of ValueType.
    Value(Operand),
    /// A function of LogicalType.
    Logical(Filter),
}

impl Parser<'_> {
    /// `logical-or-expr = logical-and-expr *(S "||" S logical-and-expr)`
    pub(super) fn filter(&mut self) -> Result<Filter> {
        let mut choices = vec![self.all_of()?];
        while self.operator("||") {
            choices.push(self.all_of()?);
        }
        Ok(only_or(choices, Filter::Or))
    }

    /// `logical-and-expr = basic-expr *(S "&&" S basic-expr)`
    fn all_of(&mut self) -> Result<Filter> {
        let mut parts = vec![self.basic()?];
        while self.operator("&&") {
            parts.push(self.basic()?);
        }
        Ok(only_or(parts, Filter::And))
    }

    /// `basic-expr = paren-expr / comparison-expr / test-expr`
    fn basic(&mut self) -> Result<Filter> {
        let negated = self.take(b'!');
        if negated {
            self.space();
        }
        let start = self.at;
        let filter = if self.take(b'(') {
            self.enter()?;
            self.space();
            let inner = self.filter()?;
            self.space();
            if !self.take(b')') {
                return self.fault("expected `)`, `&&` or `||`");
            }
            self.leave();
            inner
        } else {
            let term = self.term()?;
            let behind = self.at;
            self.space();
            match self.comparison() {
                Some(_) if negated => {
                    return self.fault_at(start, "`!` before a comparison needs parentheses");
                }
                Some(comparison) => {
                    let left = self.comparable(term, start)?;
                    self.space();
                    let start = self.at;
                    let right = self.term()?;
                    Filter::Compare(left, comparison, self.comparable(right, start)?)
                }
                None => {
                    self.at = behind;
                    match term {
                        Term::Query(query, _) => Filter::Exists(query),
                        Term::Logical(filter) => filter,
                        Term::Value(_) => {
                            return self.fault("a value alone is no test: expected a comparison");
                        }
                    }
                }
            }
        };
        Ok(if negated { Filter::Not(Box::new(filter)) } else { filter })
    }

    fn comparable(&self, term: Term, start: usize) -> Result<Operand> {
        match term {
            Term::Value(operand) => Ok(operand),
            Term::Query(query, true) => Ok(Operand::Query(query)),
            Term::Query(..) => self.fault_at(start, "only a singular query can be compared"),
            Term::Logical(_) => self.fault_at(start, "the result of this function cannot be compared"),
        }
    }

    /// A query, a literal or a function call.
    fn term(&mut self) -> Result<Term> {
        let rest = self.rest();
        match self.peek() {
            Some(b'@' | b'$') => {
                let (query, singular) = self.filter_query()?;
                Ok(Term::Query(query, singular))
            }
            Some(b'\'' | b'"') => Ok(Term::Value(Operand::Literal(Literal::Text(self.string()?)))),
            Some(b'-' | b'0'..=b'9') => Ok(Term::Value(Operand::Literal(Literal::Number(self.number()?)))),
            Some(b'a'..=b'z') => {
                let len = rest.find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'));
                let (word, behind) = rest.split_at(len.unwrap_or(rest.len()));
                if behind.starts_with('(') {
                    return self.function(word);
                }
                let literal = match word {
                    "true" => Literal::Boolean(true),
                    "false" => Literal::Boolean(false),
                    "null" => Literal::Null,
                    _ => return self.fault("expected a query, a literal or a function call"),
                };
                self.at += word.len();
                Ok(Term::Value(Operand::Literal(literal)))
            }
            _ => self.fault("expected a query, a literal or a function call"),
        }
    }

    /// `filter-query`, from `@` or `$` on.
    fn filter_query(&mut self) -> Result<(FilterQuery, bool)> {
        let absolute = self.peek() == Some(b'$');
        self.at += 1;
        let (segments, singular) = self.segments()?;
        let absolute = absolute.then_some(self.absolutes);
        self.absolutes += usize::from(absolute.is_some());
        Ok((FilterQuery { segments, absolute }, singular))
    }

    /// A call of the function `name`, which stands here with its opening parenthesis.
    fn function(&mut self, name: &str) -> Result<Term> {
        self.enter()?;
        let start = self.at;
        self.at += name.len() + 1;
        self.space();
        let term = match name {
            "length" => Term::Value(Operand::Length(Box::new(self.value_argument()?))),
            "count" => Term::Value(Operand::Count(self.nodes_argument()?)),
            "value" => Term::Value(Operand::Value(self.nodes_argument()?)),
            "match" | "search" => {
                let whole = name == "match";
                let input = self.value_argument()?;
                self.space();
                if !self.take(b',') {
                    return self.fault("expected `,` and a second argument");
                }
                self.space();
                let at = self.at;
                let pattern = match self.value_argument()? {
                    Operand::Literal(Literal::Text(text)) => Pattern::Fixed(self.compile(&text, whole, at)?),
                    operand => Pattern::Computed(operand),
                };
                Term::Logical(Filter::Matches { input, pattern, whole })
            }
            _ => {
                return self
                    .fault_at(start, "no such function: there are length, count, match, search and value");
            }
        };
        self.space();
        if !self.take(b')') {
            return self.fault("expected `)`");
        }
        self.leave();
        Ok(term)
    }

    /// An argument for a parameter of ValueType.
    fn value_argument(&mut self) -> Result<Operand> {
        let start = self.at;
        match self.term()? {
            Term::Value(operand) => Ok(operand),
            Term::Query(query, _) if query.segments.iter().all(Segment::is_singular) => {
                Ok(Operand::Query(query))
            }
            Term::Query(..) => self.fault_at(start, "the argument must be a value or a singular query"),
            Term::Logical(_) => self.fault_at(start, "the argument must be a value"),
        }
    }

    /// An argument for a parameter of NodesType.
    fn nodes_argument(&mut self) -> Result<FilterQuery> {
        let start = self.at;
        match self.term()? {
            Term::Query(query, _) => Ok(query),
            _ => self.fault_at(start, "the argument must be a query"),
        }
    }

    fn compile(&mut self, pattern: &str, whole: bool, at: usize) -> Result<Option<iregexp::Regexp>> {
        match iregexp::compile(pattern, whole) {
            Ok(regexp) => Ok(Some(regexp)),
            Err(iregexp::Fault::Invalid) => {
                self.invalid_pattern.get_or_insert_with(|| pattern.to_owned());
                Ok(None)
            }
            Err(iregexp::Fault::TooLarge) => {
                Err(Error::because(Code::InvalidPath, "the regular expression is too large").with_offset(at))
            }
        }
    }

    /// Takes `S word S` if `word` is there.
    fn operator(&mut self, word: &str) -> bool {
        let before = self.at;
        self.space();
        let found = self.take_word(word);
        if found {
            self.space();
        } else {
            self.at = before;
        }
        found
    }

    fn comparison(&mut self) -> Option<Comparison> {
        let operators = [
            ("==", Comparison::Equal),
            ("!=", Comparison::NotEqual),
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        operators.into_iter().find(|(word, _)| self.take_word(word)).map(|(_, comparison)| comparison)
    }
}

fn only_or(mut list: Vec<Filter>, several: fn(Vec<Filter>) -> Filter) -> Filter {
    match list.pop() {
        Some(only) if list.is_empty() => only,
        last => {
            list.extend(last);
            several(list)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Query, Selector};
    use super::*;

    fn parse(filter: &str) -> Result<Filter> {
        let mut query = Query::parse(&format!("$[?{filter}]"))?;
        match query.segments.remove(0).selectors.remove(0) {
            Selector::Filter(filter) => Ok(filter),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn accepts_what_the_grammar_allows() {
        for filter in [
            "@",
            "$",
            "!@",
            "! @.a",
            "@.a==1",
            "1==@.a",
            "1==1",
            "'a'<\"b\"",
            "@.a == -0",
            "@.a == -0.0e-0",
            "@.a>=1E+3",
            "null!=true",
            "(@.a)",
            "((@.a)&&(@.b))||!(@.c)",
            "@.a==1&&@.b||@.c",
            "@[0]['b'].c==$[-1]",
            "@ .a [0]==1",
            "length(@)==1",
            "length('abc')==3",
            "length( @.a )>0",
            "length(value(@..a))==1",
            "length(length(@))==1",
            "count(@.*)>1",
            "count($..*)==count(@..*)",
            "value(@..a)==null",
            "match(@.a,'a')",
            "!search( @ , $.p )",
            "match(value(@..a),@[ 'p' ])",
            "match(1,true)",
            "@[?@.a>1]",
            "@..a",
            "@[ 'a' ]",
            "@['a','b']",
            "length(@)<count(@.*)",
            "@.true",
            "@.a==@",
            "@.a\n&&\t@.b\r|| @.c",
        ] {
            parse(filter).unwrap_or_else(|e| panic!("{filter}: {e}"));
        }
    }

    #[test]
    fn refuses_the_rest_where_it_begins() {
        for (filter, offset) in [
            ("", 0),
            ("1", 1),
            ("'a'", 3),
            ("true", 4),
            ("!1", 2),
            ("True", 0),
            ("@.a==True", 5),
            ("@.a=1", 3),
            ("@.a===1", 5),
            ("@.a<>1", 4),
            ("@.a==1==2", 6),
            ("!@.a==1", 1),
            ("!!@", 1),
            ("@.*==1", 0),
            ("@..a==1", 0),
            ("1==@[0:1]", 3),
            ("@[0,1]==1", 0),
            ("@[ 'a' ]==1", 0),
            ("@['a' ]==1", 0),
            ("@.a==(1)", 5),
            ("(@.a==1)==true", 8),
            ("@.a==01", 5),
            ("@.a==1.", 7),
            ("@.a==.5", 5),
            ("@.a==1e", 7),
            ("@.a==+1", 5),
            ("@.a==-", 6),
            ("@.a==0x1", 6),
            ("@.a==[1]", 5),
            ("@.a=={}", 5),
            ("@.a&&", 5),
            ("@.a&@.b", 3),
            ("&&@.a", 0),
            ("@.a and @.b", 4),
            ("(@.a", 4),
            ("@.a)", 3),
            ("()", 1),
            ("length(@)", 9),
            ("length()==1", 7),
            ("length(@.*)==1", 7),
            ("length(@,@)==1", 8),
            ("length (@)==1", 0),
            ("length((@))==1", 7),
            ("length(@.a==1)==1", 10),
            ("length(match(@,'a'))==1", 7),
            ("count(1)==1", 6),
            ("count(value(@.*))==1", 6),
            ("count(@.*)", 10),
            ("match(@.a,'a')==true", 0),
            ("true==search(@,'a')", 6),
            ("match(@.a)", 9),
            ("match(@.a,'a','b')", 13),
            ("match(@.*,'a')", 6),
            ("nope(@)", 0),
            ("Length(@)==1", 0),
            ("value(@.a)", 10),
            ("length(@.a==1", 10),
        ] {
            let error = parse(filter).expect_err(filter);
            assert_eq!(
                (error.code(), error.offset()),
                (Code::InvalidPath, Some(offset + 3)),
                "{filter}: {error}"
            );
        }
    }

    #[test]
    fn and_binds_tighter_than_or() {
        let Filter::Or(choices) = parse("@.a||@.b&&@.c||@.d").unwrap() else { panic!() };
        assert!(matches!(choices.as_slice(), [Filter::Exists(_), Filter::And(_), Filter::Exists(_)]));
        let Filter::And(parts) = parse("!(@.a||@.b)&&@.c").unwrap() else { panic!() };
        assert!(matches!(parts.as_slice(), [Filter::Not(_), Filter::Exists(_)]));
    }

    #[test]
    fn a_large_pattern_is_an_error_not_a_silence() {
        let error = parse("match(@,'((a{1000}){1000}){1000}')").expect_err("too large");
        assert_eq!(error.detail(), Some("the regular expression is too large"));
    }

    #[test]
    fn each_absolute_query_has_its_slot() {
        let query = Query::parse("$[?$.a==@.b && @[?$.c] && count($.*)>@.d]").unwrap();
        assert_eq!(query.absolutes, 3);
    }
}
