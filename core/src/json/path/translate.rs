//! I-Regexp (RFC 9485): checked by its grammar and translated into the syntax of the `regex` crate.
//!
//! The grammar lists `^` and `$` among the plain characters while the mappings of section 5 let them anchor; the
//! compliance suite of RFC 9535 expects anchors, and so do we. A dot matches neither `\n` nor `\r`.

use std::fmt::Write;
use std::iter::Peekable;
use std::str::Chars;

use super::iregexp::Fault;

/// The pattern in the syntax of the `regex` crate, and its size.
pub(super) fn translate(pattern: &str) -> Result<(String, Size), Fault> {
    let mut translator = Translator {
        input: pattern.chars().peekable(),
        out: String::with_capacity(2 * pattern.len()),
        size: Size::default(),
        atom: None,
    };
    translator.expression()?;
    Ok((translator.out, translator.size))
}

/// Size of a pattern with all repetitions written out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Size {
    /// Characters, classes and groups.
    pub(super) atoms: u64,
    /// What they take to compile, in plain characters.
    pub(super) weight: u64,
}

impl Size {
    fn atom(weight: u64) -> Self {
        Size { atoms: 1, weight }
    }

    fn plus(self, other: Self) -> Self {
        Size {
            atoms: self.atoms.saturating_add(other.atoms),
            weight: self.weight.saturating_add(other.weight),
        }
    }

    fn times(self, times: u64) -> Self {
        Size { atoms: self.atoms.saturating_mul(times), weight: self.weight.saturating_mul(times) }
    }
}

/// Groups that may be open at one place.
pub(super) const MAX_GROUPS: usize = 64;
/// Weight of a category such as `\p{L}`: hundreds of ranges.
const CATEGORY: u64 = 512;
/// Weight of a dot or a class.
const CLASS: u64 = 16;

struct Translator<'p> {
    input: Peekable<Chars<'p>>,
    out: String,
    /// Size of the innermost open group so far, but for `atom`.
    size: Size,
    /// Size of the atom or group just read, which a quantifier may follow.
    atom: Option<Size>,
}

impl Translator<'_> {
    fn expression(&mut self) -> Result<(), Fault> {
        let mut groups = Vec::new();
        while let Some(c) = self.input.next() {
            match c {
                '(' => {
                    if groups.len() == MAX_GROUPS {
                        return Err(Fault::TooLarge);
                    }
                    self.settle();
                    groups.push(std::mem::take(&mut self.size));
                    self.out.push_str("(?:");
                }
                ')' => {
                    let outer = groups.pop().ok_or(Fault::Invalid)?;
                    self.settle();
                    // Even an empty group takes a step.
                    self.atom = Some(std::mem::replace(&mut self.size, outer).plus(Size::atom(1)));
                    self.out.push(')');
                }
                '|' => {
                    self.settle();
                    self.out.push('|');
                }
                '*' | '+' | '?' => {
                    self.repeat(1)?;
                    self.out.push(c);
                }
                '{' => self.range()?,
                '.' => {
                    self.out.push_str(r"[^\n\r]");
                    self.next_atom(CLASS);
                }
                '[' => self.class()?,
                '\\' => {
                    let weight = self.escape()?;
                    self.next_atom(weight);
                }
                ']' | '}' => return Err(Fault::Invalid),
                '^' | '$' => {
                    self.out.push(c);
                    self.next_atom(1);
                }
                _ => {
                    self.literal(c);
                    self.next_atom(c.len_utf8() as u64);
                }
            }
        }
        self.settle();
        if groups.is_empty() { Ok(()) } else { Err(Fault::Invalid) }
    }

    fn next_atom(&mut self, weight: u64) {
        self.settle();
        self.atom = Some(Size::atom(weight));
    }

    /// No quantifier can follow the atom any more.
    fn settle(&mut self) {
        self.size = self.size.plus(self.atom.take().unwrap_or_default());
    }

    fn repeat(&mut self, times: u64) -> Result<(), Fault> {
        let atom = self.atom.take().ok_or(Fault::Invalid)?;
        self.size = self.size.plus(atom.times(times.max(1)));
        Ok(())
    }

    /// `range-quantifier`, behind its opening brace.
    fn range(&mut self) -> Result<(), Fault> {
        let least = self.digits()?;
        self.out.push('{');
        let _ = write!(self.out, "{least}");
        let mut most = least;
        if self.input.next_if_eq(&',').is_some() {
            self.out.push(',');
            if self.input.peek() == Some(&'}') {
                most = least.saturating_add(1);
            } else {
                most = self.digits()?;
                let _ = write!(self.out, "{most}");
            }
        }
        self.out.push('}');
        if self.input.next() != Some('}') || most < least {
            return Err(Fault::Invalid);
        }
        self.repeat(most)
    }

    fn digits(&mut self) -> Result<u64, Fault> {
        let mut value = None;
        while let Some(digit) = self.input.peek().and_then(|c| c.to_digit(10)) {
            value = Some(value.unwrap_or(0u64).saturating_mul(10).saturating_add(u64::from(digit)));
            self.input.next();
        }
        value.ok_or(Fault::Invalid)
    }

    /// `SingleCharEsc` or `charClassEsc`, behind its backslash; valid in a class too. Returns the weight.
    fn escape(&mut self) -> Result<u64, Fault> {
        let c = self.input.next().ok_or(Fault::Invalid)?;
        if let 'p' | 'P' = c {
            self.category(c)?;
            return Ok(CATEGORY);
        }
        let literal = single_escape(c).ok_or(Fault::Invalid)?;
        self.literal(literal);
        Ok(1)
    }

    /// `catEsc` or `complEsc`, behind its letter.
    fn category(&mut self, letter: char) -> Result<(), Fault> {
        let mut next = || self.input.next().ok_or(Fault::Invalid);
        if next()? != '{' {
            return Err(Fault::Invalid);
        }
        let major = next()?;
        let minors = match major {
            'L' => "lmotu",
            'M' => "cen",
            'N' => "dlo",
            'P' => "cdefios",
            'Z' => "lps",
            'S' => "ckmo",
            'C' => "cfno",
            _ => return Err(Fault::Invalid),
        };
        let _ = write!(self.out, r"\{letter}{{{major}");
        match next()? {
            '}' => {}
            minor if minors.contains(minor) && next()? == '}' => self.out.push(minor),
            _ => return Err(Fault::Invalid),
        }
        self.out.push('}');
        Ok(())
    }

    /// `charClassExpr = "[" [ "^" ] ( "-" / CCE1 ) *CCE1 [ "-" ] "]"`, behind its opening bracket.
    fn class(&mut self) -> Result<(), Fault> {
        self.out.push('[');
        let mut weight = CLASS;
        if self.input.next_if_eq(&'^').is_some() {
            if self.input.peek() == Some(&']') {
                // The grammar reads `[^]` as the class of the circumflex.
                self.literal('^');
                self.out.push(']');
                self.input.next();
                self.next_atom(CLASS);
                return Ok(());
            }
            self.out.push('^');
        }
        let mut first = true;
        loop {
            match self.input.next().ok_or(Fault::Invalid)? {
                ']' if !first => break,
                '-' if first => self.literal('-'),
                '-' => {
                    self.literal('-');
                    if self.input.next() != Some(']') {
                        return Err(Fault::Invalid);
                    }
                    break;
                }
                '\\' if matches!(self.input.peek(), Some('p' | 'P')) => weight += self.escape()?,
                c => {
                    let from = self.class_char(c)?;
                    self.literal(from);
                    if self.range_follows() {
                        self.input.next();
                        let c = self.input.next().ok_or(Fault::Invalid)?;
                        let to = self.class_char(c)?;
                        if to < from {
                            return Err(Fault::Invalid);
                        }
                        self.out.push('-');
                        self.literal(to);
                    }
                    weight += 4;
                }
            }
            first = false;
        }
        self.out.push(']');
        self.next_atom(weight);
        Ok(())
    }

    /// Whether `-` stands next and is not the last of the class.
    fn range_follows(&self) -> bool {
        let mut ahead = self.input.clone();
        ahead.next() == Some('-') && ahead.next() != Some(']')
    }

    /// `CCchar`, whose first character is `c`.
    fn class_char(&mut self, c: char) -> Result<char, Fault> {
        match c {
            '\\' => self.input.next().and_then(single_escape).ok_or(Fault::Invalid),
            '-' | '[' | ']' => Err(Fault::Invalid),
            _ => Ok(c),
        }
    }

    /// Writes a character that stands for itself, in a class or out of it.
    fn literal(&mut self, c: char) {
        if c.is_ascii_alphanumeric() || !c.is_ascii() {
            self.out.push(c);
        } else {
            let _ = write!(self.out, r"\x{{{:x}}}", u32::from(c));
        }
    }
}

/// The character that `SingleCharEsc` with `c` stands for.
fn single_escape(c: char) -> Option<char> {
    match c {
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        '('..='+' | '-' | '.' | '?' | '['..='^' | '{'..='}' => Some(c),
        _ => None,
    }
}
