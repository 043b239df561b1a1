"""Where the other implementations differ from RFC 9421, or support less of it: (who, case) and the reason. Each holds in both
directions, and is looked at: one that was mended has to leave the list."""

NORMALISED = (
    "@target-uri is the text of the URL as the caller wrote it; we normalise scheme, host and default port "
    "(RFC 9110, section 4.2.3), as for @authority, because a server sees no text but builds it anew"
)
URL_TYPE = "the components come from a WHATWG URL, which normalises what the wire holds: "
FORM = "query parameters are encoded by encodeURIComponent, not by the form set that RFC 9421, section 2.2.8, demands: "

FAULTS: dict[tuple[str, str], str] = {
    ("pypi", "sf of a field without a registered type"): "`sf` is for the fields of its registry only; nobody can state a type",
    ("pypi", "upper-case host in the target uri"): NORMALISED,
    ("npm", "upper-case host in the target uri"): NORMALISED,
    ("pypi", "default port in the target uri"): NORMALISED,
    ("npm", "default port in the target uri"): NORMALISED,
    ("npm", "empty query in the target"): URL_TYPE + "a `?` with nothing behind it is dropped from @request-target",
    ("npm", "quote in the query"): URL_TYPE + "`'` becomes `%27` in @query",
    ("npm", "dot segments"): URL_TYPE + "`/a/./b/../c` becomes `/a/c`",
    ("npm", "marks in a query parameter"): FORM + "`!'()` stay as they are",
    ("npm", "tilde in a query parameter"): FORM + "`~` stays as it is",
}

#: What they accept and we refuse, with our refusal: (who, what) and the reason.
LAX: dict[tuple[str, str], str] = {
    ("pypi", "content changed"): "verify() compares Content-Digest with the content only if the caller hands it over as `body`",
    ("npm", "content changed"): "Content-Digest is never compared with the content",
    ("pypi", "repeated query parameter"): "",
    ("npm", "repeated query parameter"): "a repeated parameter gives one line for each value where RFC 9421, section 2.2.8, forbids it",
    ("npm", "label twice"): "of two members of one label the last one counts (RFC 9651 lets parsers do so)",
    ("pypi", "label twice"): "",
    ("npm", "component twice"): "a component may stand twice, which RFC 9421, section 2.5, forbids",
    ("pypi", "component twice"): "",
    ("npm", "expired long ago"): "the age is looked at only if the caller sets `maxAge`",
    ("pypi", "expired long ago"): "with `max_age=None`, which a fixed clock needs, no age is looked at",
}
