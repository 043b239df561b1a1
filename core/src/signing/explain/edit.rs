//! Messages that fail before any signature is looked at: without what was added to them they may verify.

use crate::error::Code;
use crate::http::message::{Header, Message, Start, trim};
use crate::signing::explain::Job;
use crate::signing::explain::change::{Change, ChangeKind};
use crate::signing::explain::target;
use crate::signing::rules;

/// Headers that are left out one by one.
const MAX_HEADERS: usize = 64;

impl Job<'_> {
    /// Tries the message without each header, and with what proxies are known to do to it undone.
    pub(super) fn try_edits(&mut self) {
        let message = self.message;
        let lines = message.header_lines().to_vec();
        let mut names: Vec<String> = Vec::new();
        for line in &lines {
            let name = line.name.to_ascii_lowercase();
            if !names.contains(&name) && names.len() < MAX_HEADERS {
                names.push(name);
            }
        }
        if self.told.remaining.as_ref().is_some_and(|error| error.code() == Code::MalformedMessage)
            && self.try_target_again()
        {
            return;
        }
        for name in &names {
            if self.try_without(name, &lines) || self.try_joined(name, &lines) {
                return;
            }
        }
        if !message.body.is_empty() {
            let none = message.clone().body(b"");
            if self.try_one(&none) {
                return self.tell(ChangeKind::ContentAdded, String::new(), None, None);
            }
        }
        // Content-Length differs from the content: what it was may be found by its digest.
        let head = self.own.verifier.head(message, self.request, self.now);
        if head.is_ok_and(|head| head.digest.is_some())
            && let Some(stated) = rules::joined(message, "content-digest")
            && !stated.is_empty()
        {
            self.try_content(message);
        }
    }

    /// A target with characters that a proxy decoded.
    fn try_target_again(&mut self) -> bool {
        let mut message = self.message.clone();
        let Start::Request { method, scheme, authority, target } = message.start else { return false };
        let legal = target::legal(target);
        message.start = Start::Request { method, scheme, authority, target: &legal };
        if legal == target || !self.try_one(&message) {
            return false;
        }
        let (signed, received) = (Some(legal.clone()), Some(target.to_owned()));
        self.tell(ChangeKind::PercentEncoding, "\"@path\"".to_owned(), signed, received);
        true
    }

    fn try_without(&mut self, name: &str, lines: &[Header<'_>]) -> bool {
        let is_own = |line: &&Header<'_>| line.name.eq_ignore_ascii_case(name);
        let rest: Vec<Header<'_>> = lines.iter().filter(|line| !is_own(line)).copied().collect();
        let own: Vec<&Header<'_>> = lines.iter().filter(is_own).collect();
        let what = format!("\"{name}\"");
        let values =
            own.iter().map(|line| String::from_utf8_lossy(trim(line.value))).collect::<Vec<_>>().join(", ");
        if self.try_one(&self.message.clone().headers(&rest)) {
            self.tell(ChangeKind::HeaderAdded, what, None, Some(values));
            return true;
        }
        if name == "content-encoding" {
            let decoded = self.own.decoded(self.message, &mut self.told.work);
            // The length is that of what was encoded.
            let rest: Vec<Header<'_>> = rest
                .iter()
                .filter(|line| !line.name.eq_ignore_ascii_case("content-length"))
                .copied()
                .collect();
            if let Some(decoded) = decoded
                && self.try_one(&self.message.clone().headers(&rest).body(&decoded))
            {
                self.tell(ChangeKind::ContentEncoded, what, None, Some(values));
                return true;
            }
        }
        // One line of several.
        for at in 0..own.len().min(8) {
            if own.len() < 2 {
                break;
            }
            let mut count = 0;
            let mut fewer = lines.to_vec();
            fewer.retain(|line| {
                let mine = line.name.eq_ignore_ascii_case(name);
                count += usize::from(mine);
                !(mine && count == at + 1)
            });
            if self.try_one(&self.message.clone().headers(&fewer)) {
                let line = own.get(at).map(|line| String::from_utf8_lossy(trim(line.value)).into_owned());
                self.tell(ChangeKind::HeaderAdded, what, None, line);
                return true;
            }
        }
        false
    }

    /// Several lines as one.
    fn try_joined(&mut self, name: &str, lines: &[Header<'_>]) -> bool {
        let own: Vec<&[u8]> = lines
            .iter()
            .filter(|line| line.name.eq_ignore_ascii_case(name))
            .map(|line| trim(line.value))
            .collect();
        if own.len() < 2 {
            return false;
        }
        for by in ["; ", ", ", ","] {
            let value = own.join(by.as_bytes());
            let mut first = true;
            let mut joined: Vec<Header<'_>> = Vec::with_capacity(lines.len());
            for line in lines {
                if !line.name.eq_ignore_ascii_case(name) {
                    joined.push(*line);
                } else if std::mem::take(&mut first) {
                    joined.push(Header::new(line.name, &value));
                }
            }
            if self.try_one(&self.message.clone().headers(&joined)) {
                let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
                let received = own.iter().map(|line| text(line)).collect::<Vec<_>>().join(" | ");
                self.tell(
                    ChangeKind::HeaderMerged,
                    format!("\"{name}\""),
                    Some(text(&value)),
                    Some(received),
                );
                return true;
            }
        }
        false
    }

    fn try_one(&mut self, message: &Message<'_>) -> bool {
        let headers: usize =
            message.header_lines().iter().map(|line| line.name.len() + line.value.len()).sum();
        self.may_spend(headers + message.body.len()) && self.check(message).is_ok()
    }

    fn tell(&mut self, kind: ChangeKind, what: String, signed: Option<String>, received: Option<String>) {
        self.told.changes.push(Change { kind, what, signed, received });
        self.told.remaining = None;
    }
}
