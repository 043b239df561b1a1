//! Headers that were dropped, added, joined, re-ordered, re-cased or rewritten.

use crate::http::component::Component;
use crate::http::digest;
use crate::http::message;
use crate::signing::explain::change::ChangeKind;
use crate::signing::explain::judge::{Judge, Step, View};
use crate::signing::explain::target::permutations;

/// The most lines of one header whose every order is tried.
const MAX_PERMUTED: usize = 4;

/// The most members of a list that are tried one by one.
const MAX_MEMBERS: usize = 24;

impl Judge<'_> {
    /// The covered fields of the message itself.
    fn own_fields(&self) -> Vec<String> {
        let own = |component: &&Component<'_>| !component.is_derived() && !component.req && !component.tr;
        let mut names: Vec<String> =
            self.suspect.components.iter().filter(own).map(|own| own.name.to_string()).collect();
        names.dedup();
        names
    }

    /// Other values of the fields that are there.
    pub(super) fn try_fields(&mut self) -> Step {
        let view = self.received.clone();
        for name in self.own_fields() {
            let lines: Vec<Vec<u8>> = view.lines(&name).map(|line| message::trim(line).to_vec()).collect();
            if lines.is_empty() || !self.is_short(lines.iter().map(Vec::len).sum()) {
                continue;
            }
            for (kind, lines) in joinings(&lines, &name) {
                self.attempt(kind, view.with_lines(&name, &lines))?;
            }
            for (at, line) in lines.iter().enumerate().take(MAX_MEMBERS) {
                for (kind, value) in values(&name, &String::from_utf8_lossy(line)) {
                    let mut own = lines.clone();
                    if let Some(line) = own.get_mut(at) {
                        *line = value.into_bytes();
                    }
                    self.attempt(kind, view.with_lines(&name, &own))?;
                }
            }
            for value in self.known(&view, &name) {
                self.attempt(ChangeKind::HeaderValue, view.with_lines(&name, &[value.into_bytes()]))?;
            }
        }
        Step::Continue(())
    }

    /// Values for a covered field that is not there.
    pub(super) fn try_dropped(&mut self) -> Step {
        let view = self.received.clone();
        let absent = |name: &String| view.lines(name).next().is_none();
        let names: Vec<String> = self.own_fields().into_iter().filter(absent).collect();
        // A single change: where two are gone, nothing can be proved.
        let [name] = names.as_slice() else { return Step::Continue(()) };
        for value in self.known(&view, name) {
            self.attempt(ChangeKind::HeaderDropped, view.with_lines(name, &[value.into_bytes()]))?;
        }
        Step::Continue(())
    }

    /// What a header of this name may have said.
    fn known(&mut self, view: &View, name: &str) -> Vec<String> {
        let mut out = Vec::new();
        for other in ["x-original-", "x-forwarded-", "original-", "x-"] {
            let other = format!("{other}{name}");
            out.extend(view.lines(&other).map(|line| String::from_utf8_lossy(line).into_owned()));
        }
        for line in self.message.trailers.iter().filter(|line| line.name.eq_ignore_ascii_case(name)) {
            out.push(String::from_utf8_lossy(line.value).into_owned());
        }
        let body = self.message.body;
        let add: &[&str] = match name {
            "content-type" => &[
                "application/json",
                "application/json; charset=utf-8",
                "application/json;charset=utf-8",
                "application/json; charset=UTF-8",
                "text/plain",
                "text/plain; charset=utf-8",
                "text/plain;charset=UTF-8",
                "application/octet-stream",
                "application/x-www-form-urlencoded",
                "application/xml",
                "text/xml",
                "text/html",
                "text/html; charset=utf-8",
                "application/problem+json",
                "application/merge-patch+json",
                "application/json-patch+json",
                "application/vnd.api+json",
            ],
            "content-encoding" => &["gzip", "br", "deflate", "zstd", "identity", "x-gzip"],
            "accept-encoding" => &[
                "gzip, deflate, br",
                "gzip, deflate, br, zstd",
                "gzip, deflate",
                "gzip",
                "identity",
                "br, gzip",
                "*",
            ],
            "accept" => &["*/*", "application/json", "application/json, */*", "text/plain, */*"],
            "connection" => &["keep-alive", "close", "upgrade"],
            "te" => &["trailers"],
            "expect" => &["100-continue"],
            "transfer-encoding" => &["chunked"],
            "cache-control" => &["no-cache", "no-store", "max-age=0"],
            "range" => &["bytes=0-"],
            _ => &[],
        };
        out.extend(add.iter().map(|value| (*value).to_owned()));
        match name {
            "host" => out.push(view.authority.clone()),
            "content-length" => out.push(body.len().to_string()),
            "content-digest" | "repr-digest" if self.spend(0, 2 * body.len()).is_continue() => {
                out.extend(digest::all_digests(body));
            }
            "date" => out.extend(
                self.created()
                    .into_iter()
                    .flat_map(|at| {
                        [0, 1, 2]
                            .into_iter()
                            .flat_map(move |off| [at.saturating_sub(off), at.saturating_add(off)])
                    })
                    .map(http_date),
            ),
            _ => {}
        }
        out.push(String::new());
        out
    }

    /// `created` as it stands in the text of the parameters.
    fn created(&self) -> Option<u64> {
        let after = self.received.text.rsplit_once(";created=")?.1;
        after.split(|byte: char| !byte.is_ascii_digit()).next()?.parse().ok()
    }
}

/// The same lines, joined or ordered otherwise.
fn joinings(lines: &[Vec<u8>], name: &str) -> Vec<(ChangeKind, Vec<Vec<u8>>)> {
    use ChangeKind::{HeaderAdded, HeaderMerged, HeaderOrder};
    let mut out = Vec::new();
    let whole = lines.join(&b", "[..]);
    let text = String::from_utf8_lossy(&whole).into_owned();
    let one = |text: String| vec![text.into_bytes()];
    // HTTP/2 sends cookies in crumbs (RFC 9113, section 8.2.3).
    for by in [",", "; ", ";", " ", " , "] {
        out.push((HeaderMerged, vec![lines.join(by.as_bytes())]));
    }
    let members: Vec<&str> = text.split(',').map(str::trim).collect();
    for by in [", ", ",", " , "] {
        out.push((HeaderMerged, one(members.join(by))));
    }
    // `bs` sees lines.
    out.push((HeaderMerged, members.iter().map(|member| member.as_bytes().to_vec()).collect()));
    out.push((HeaderMerged, vec![whole.clone()]));
    if name == "cookie" || text.contains(';') {
        let crumbs: Vec<&str> = text.split([';', ',']).map(str::trim).collect();
        out.push((HeaderMerged, one(crumbs.join("; "))));
    }
    let mut order = |items: &[&str], lines: bool| {
        let build = |own: &[&str]| match lines {
            true => own.iter().map(|line| line.as_bytes().to_vec()).collect(),
            false => one(own.join(", ")),
        };
        let mut sorted = items.to_vec();
        sorted.sort_unstable();
        out.push((HeaderOrder, build(&sorted)));
        out.push((HeaderOrder, build(&items.iter().rev().copied().collect::<Vec<_>>())));
        if items.len() <= MAX_PERMUTED {
            permutations(items.len(), &mut |order| {
                let own: Vec<&str> = order.iter().filter_map(|at| items.get(*at).copied()).collect();
                out.push((HeaderOrder, build(&own)));
            });
        }
        for at in 0..items.len().min(MAX_MEMBERS) {
            if items.len() < 2 {
                break;
            }
            let mut own = items.to_vec();
            if at + 1 < own.len() {
                own.swap(at, at + 1);
                out.push((HeaderOrder, build(&own)));
            }
            let mut own = items.to_vec();
            own.remove(at);
            out.push((HeaderAdded, build(&own)));
        }
    };
    let texts: Vec<String> = lines.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    order(&texts.iter().map(String::as_str).collect::<Vec<_>>(), true);
    if members.len() > 1 {
        order(&members, false);
    }
    out
}

/// Other spellings of one value.
fn values(name: &str, value: &str) -> Vec<(ChangeKind, String)> {
    use ChangeKind::{HeaderCase, HeaderValue};
    let mut out = vec![(HeaderCase, value.to_ascii_lowercase()), (HeaderCase, value.to_ascii_uppercase())];
    out.push((HeaderCase, value.replace("utf-8", "UTF-8")));
    out.push((HeaderCase, capitals(value)));
    let spaced: Vec<&str> = value.split(';').map(str::trim).collect();
    for by in ["; ", ";", " ; "] {
        out.push((HeaderValue, spaced.join(by)));
    }
    out.push((HeaderValue, value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")));
    out.push((HeaderValue, value.replace('"', "")));
    if let Some((before, charset)) = value.split_once("charset=") {
        out.push((HeaderValue, format!("{before}charset=\"{}\"", charset.trim_matches('"'))));
    }
    match name {
        "content-type" => {
            for charset in [
                "; charset=utf-8",
                ";charset=utf-8",
                "; charset=UTF-8",
                ";charset=UTF-8",
                "; charset=iso-8859-1",
            ] {
                out.push((HeaderValue, format!("{value}{charset}")));
            }
            out.push((HeaderValue, spaced.first().copied().unwrap_or_default().to_owned()));
        }
        // Proxies weaken or mark entity tags of what they compress.
        "etag" | "if-match" | "if-none-match" | "if-range" => {
            let strong = value.trim_start_matches("W/");
            out.push((HeaderValue, strong.to_owned()));
            out.push((HeaderValue, format!("W/{strong}")));
            for mark in ["-gzip", "--gzip", ";gzip", "-df"] {
                out.push((HeaderValue, value.replace(&format!("{mark}\""), "\"")));
            }
        }
        "authorization" => {
            if let Some((scheme, rest)) = value.split_once(' ') {
                out.push((HeaderCase, format!("{} {rest}", capitals(scheme))));
                out.push((HeaderCase, format!("{} {rest}", scheme.to_ascii_lowercase())));
            }
        }
        _ => {}
    }
    out.retain(|(_, other)| other != value);
    out
}

/// The first letter large.
fn capitals(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7).
fn http_date(at: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [(&str, u64); 12] = [
        ("Jan", 31),
        ("Feb", 28),
        ("Mar", 31),
        ("Apr", 30),
        ("May", 31),
        ("Jun", 30),
        ("Jul", 31),
        ("Aug", 31),
        ("Sep", 30),
        ("Oct", 31),
        ("Nov", 30),
        ("Dec", 31),
    ];
    let (days, seconds) = (at.min(1 << 38) / 86_400, at % 86_400);
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let (mut year, mut rest) = (1970 + days / 146_097 * 400, days % 146_097);
    while rest >= 365 + u64::from(leap(year)) {
        rest -= 365 + u64::from(leap(year));
        year += 1;
    }
    let mut month = "Dec";
    for (name, length) in MONTHS {
        let length = length + u64::from(name == "Feb" && leap(year));
        if rest < length {
            month = name;
            break;
        }
        rest -= length;
    }
    let weekday = usize::try_from(days % 7).ok().and_then(|at| DAYS.get(at)).copied().unwrap_or_default();
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{weekday}, {:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT", rest + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_http() {
        assert_eq!(http_date(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(http_date(951_782_400), "Tue, 29 Feb 2000 00:00:00 GMT");
        assert_eq!(http_date(1_735_689_599), "Tue, 31 Dec 2024 23:59:59 GMT");
        assert!(http_date(u64::MAX).ends_with("GMT"));
    }
}
