//! `apiseal diagnose`, `apiseal locate`, `apiseal policy`, completion scripts and the manual page.

use apiseal::{Context, FieldCipher, Limits, Lint, Policy};
use clap::CommandFactory;

use crate::args::{Cli, DiagnoseArgs, LocateArgs, PolicyCommand};
use crate::crypt::pairs;
use crate::keyring::load;
use crate::output::{Result, print, quoted, read_document, read_text, steady};

pub(crate) fn locate(args: &LocateArgs) -> Result<()> {
    let document = read_document(args.file.as_deref())?;
    let mut lines = String::new();
    for place in apiseal::locate(&document, &args.path, &Limits::default())? {
        let (path, start, end) = (quoted(&place.path), place.start, place.end);
        lines.push_str(&format!("{{\"path\":{path},\"start\":{start},\"end\":{end}}}\n"));
    }
    print(lines.as_bytes())
}

pub(crate) fn diagnose(args: &DiagnoseArgs) -> Result<()> {
    let policy = Policy::from_json(&read_text(&args.policy)?)?;
    let context = Context::from_pairs(pairs("--context", &args.context)?)?;
    let mut candidates = Vec::new();
    for candidate in &args.candidate {
        let texts: Vec<String> = candidate.split(',').map(str::to_owned).collect();
        candidates.push(Context::from_pairs(pairs("--candidate", &texts)?)?);
    }
    let cipher = FieldCipher::new(load(&args.keyring)?, policy)?;
    let document = read_document(args.file.as_deref())?;
    let diagnosis = cipher.diagnose(&document, &context, &candidates)?;
    let text = |text: Option<&str>| text.map_or_else(|| "null".to_owned(), quoted);
    let mut lines = String::new();
    for finding in &diagnosis.findings {
        let stage = finding.stage.name();
        let fault = finding.fault.as_ref().map(ToString::to_string);
        let candidate = finding.candidate.and_then(|at| args.candidate.get(at));
        lines.push_str(&format!(
            "{{\"path\":{},\"kid\":{},\"stage\":\"{stage}\",\"fault\":{},\"candidate\":{}}}\n",
            text(finding.path.as_deref()),
            text(finding.key_id.as_deref()),
            text(fault.as_deref()),
            text(candidate.map(String::as_str)),
        ));
    }
    print(lines.as_bytes())
}

pub(crate) fn policy(command: PolicyCommand) -> Result<()> {
    let PolicyCommand::Lint { policy, sample, json } = command;
    let policy = Policy::from_json(&read_text(&policy)?)?;
    let sample = sample.map(|path| read_document(Some(&path))).transpose()?;
    let lint = policy.lint(sample.as_ref().map(|bytes| bytes.as_slice()), &Limits::default())?;
    print(if json { as_json(&lint) } else { as_text(&policy, &lint, sample.is_some()) }.as_bytes())
}

pub(crate) fn completion(shell: clap_complete::Shell) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "apiseal", &mut script);
    print(&script)
}

pub(crate) fn man() -> Result<()> {
    let mut command = Cli::command();
    command.build();
    let mut pages = Vec::new();
    write_pages(command, &mut pages);
    print(&pages)
}

/// The page of a command, and behind it those of its parts.
fn write_pages(command: clap::Command, pages: &mut Vec<u8>) {
    let parts: Vec<_> = command.get_subcommands().filter(|part| part.get_name() != "help").cloned().collect();
    // Writing to memory does not fail.
    let _ = clap_mangen::Man::new(command).render(pages);
    for part in parts {
        write_pages(part, pages);
    }
}

fn as_text(policy: &Policy, lint: &Lint, sampled: bool) -> String {
    let mut out = format!("policy {} loads; {} rules\n", policy.id(), lint.rules.len());
    for note in &lint.notes {
        out.push_str(&format!("  note: {note}\n"));
    }
    for rule in &lint.rules {
        out.push_str(&format!("rule {}\n", rule.path));
        if sampled && rule.encrypts.is_empty() {
            out.push_str("  encrypts nothing in the sample\n");
        }
        for path in &rule.encrypts {
            out.push_str(&format!("  encrypts {path}\n"));
        }
        for note in &rule.notes {
            out.push_str(&format!("  note: {note}\n"));
        }
    }
    for (path, reason) in &lint.clear {
        out.push_str(&format!("in clear: {path} ({reason})\n"));
    }
    steady(&out)
}

fn as_json(lint: &Lint) -> String {
    let list = |texts: &[String]| {
        format!("[{}]", texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(","))
    };
    let rules: Vec<String> = lint
        .rules
        .iter()
        .map(|rule| {
            let (encrypts, notes) = (list(&rule.encrypts), list(&rule.notes));
            format!(r#"{{"path":{},"encrypts":{encrypts},"notes":{notes}}}"#, quoted(&rule.path))
        })
        .collect();
    let clear: Vec<String> = lint
        .clear
        .iter()
        .map(|(path, reason)| format!(r#"{{"path":{},"reason":{}}}"#, quoted(path), quoted(reason)))
        .collect();
    let (notes, rules, clear) = (list(&lint.notes), rules.join(","), clear.join(","));
    format!("{{\"notes\":{notes},\"rules\":[{rules}],\"clear\":[{clear}]}}\n")
}
