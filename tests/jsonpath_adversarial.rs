//! Queries and documents made to exhaust time, stack or memory: each must end soon with its nodes or a clear error.

use std::time::{Duration, Instant};

use apiseal::{Code, Limits, locate};

/// The number of nodes, or the code; fails if it takes far longer than linear work would, even in a debug build.
fn outcome(document: &str, query: &str, depth: usize) -> Result<usize, Code> {
    let begun = Instant::now();
    let mut limits = Limits::default();
    limits.depth = depth;
    let outcome =
        locate(document.as_bytes(), query, &limits).map(|found| found.len()).map_err(|error| error.code());
    let taken = begun.elapsed();
    assert!(taken < Duration::from_secs(10), "{taken:?} for {}", query.get(..60).unwrap_or(query));
    outcome
}

fn wide(n: usize) -> String {
    let members: Vec<String> = (0..n).map(|i| format!("\"k{i}\":{i}")).collect();
    format!("{{{}}}", members.join(","))
}

fn deep(n: usize) -> String {
    format!("{}{}", "[".repeat(n), "]".repeat(n))
}

#[test]
fn descendants_of_descendants() {
    let nested = deep(100);
    let many = format!("[{}]", vec![nested.as_str(); 50].join(","));
    for query in
        ["$..*..*..*", "$..*..*..*..*..*..*", "$..[*,*,*,*]..[*,*,*,*]", "$[?@..[?@..[?@..[?@..*]]]]"]
    {
        assert_eq!(outcome(&many, query, 128), Err(Code::LimitVisits), "{query}");
    }
    assert_eq!(outcome("[[[1]]]", "$..*..*", 128), Ok(3));
    let long = format!("${}", "[*,*]".repeat(800));
    assert_eq!(outcome("[[1],[2]]", &long, 128), Ok(0));
    assert_eq!(outcome(&deep(128), &long, 128), Err(Code::LimitVisits));
    assert_eq!(outcome("[1,2,3]", &format!("$[{}*]", "*,".repeat(2000)), 128), Ok(6003));
}

#[test]
fn nested_filters() {
    let nest = |n: usize| format!("${}@{}", "[?@".repeat(n - 1) + "[?", "]".repeat(n));
    assert_eq!(outcome(&deep(100), &nest(32), 128), Ok(1));
    assert_eq!(outcome("[]", &nest(33), 128), Err(Code::InvalidPath));
    assert_eq!(outcome("[]", &format!("$[?{}@", "(".repeat(4000)), 128), Err(Code::InvalidPath));
    assert_eq!(outcome("[]", &format!("$[?{}@", "!(".repeat(2000)), 128), Err(Code::InvalidPath));
    assert_eq!(outcome("[]", &format!("$[?{}@", "length(".repeat(500)), 128), Err(Code::InvalidPath));
    // Each level looks at all descendants again.
    let bushy = (0..12).fold("0".to_owned(), |inner, _| format!("[{inner},{inner}]"));
    assert_eq!(outcome(&bushy, &nest(32).replace("[?@", "[?@..*"), 128), Err(Code::LimitVisits));
    // A small stack is enough for the deepest nesting, in a debug build too.
    let small = std::thread::Builder::new().stack_size(512 << 10);
    let run = move || {
        let calls = format!("$[?{}@{}==1]", "length(".repeat(31), ")".repeat(31));
        let not = format!("$[?{}@{}]", "!(".repeat(31), ")".repeat(31));
        (outcome(&deep(100), &nest(32), 128), outcome("[[]]", &calls, 128), outcome("[[]]", &not, 128))
    };
    assert_eq!(small.spawn(run).unwrap().join().unwrap(), (Ok(1), Ok(0), Ok(0)));
}

#[test]
fn long_chains() {
    let document = format!("[{}]", vec!["{\"a\":1,\"b\":[]}"; 100].join(","));
    for (piece, last) in [("@.x||", "@.a"), ("@.a&&", "@.b"), ("@.x==1||", "@.a==1"), ("(@.x)||", "@.b")] {
        let query = format!("$[?{}{last}]", piece.repeat(4000 / piece.len()));
        let found = outcome(&document, &query, 128);
        assert!(matches!(found, Ok(100) | Err(Code::LimitVisits)), "{piece}: {found:?}");
    }
    assert_eq!(outcome("[{\"a\":1}]", &format!("$[?{}@.a]", "@.x||".repeat(800)), 128), Ok(1));
    let steps = format!("${}", ".a".repeat(2047));
    let document = format!("{}1{}", "{\"a\":".repeat(2047), "}".repeat(2047));
    assert_eq!(outcome(&document, &steps, 2047), Ok(1));
    assert_eq!(outcome(&document, &format!("{steps}aa"), 2047), Err(Code::InvalidPath));
}

#[test]
fn regular_expressions() {
    let text = "a".repeat(100_000);
    let document = format!("{{\"s\":\"{text}\",\"p\":\"(a*)*b\",\"big\":\"((a{{999}}){{999}}){{999}}\"}}");
    assert_eq!(outcome(&document, "$[?match(@,'(a*)*b')]", 128), Ok(0));
    assert_eq!(outcome(&document, "$[?search(@,'(a|a|aa)+$')]", 128), Ok(1));
    assert_eq!(outcome(&document, "$[?match($.s,$.p)]", 128), Ok(0));
    assert_eq!(outcome(&document, "$[?match($.s,$.big)]", 128), Err(Code::LimitVisits));
    assert_eq!(outcome(&document, "$[?match(@,'(a{1000}){1000}')]", 128), Err(Code::InvalidPath));
    // A quantifier on a quantifier is no I-Regexp.
    assert_eq!(outcome(&document, "$[?match(@,'a{1000}{1000}')]", 128), Ok(0));
    assert_eq!(
        outcome(&document, &format!("$[?match(@,'{}')]", "(".repeat(4000)), 128),
        Err(Code::InvalidPath)
    );
    // A large pattern over a long text, again and again.
    assert_eq!(outcome(&document, "$[?search($.s,'a{0,14000}b')]", 128), Err(Code::LimitVisits));
    // Another large pattern at each node.
    let nodes: Vec<String> =
        (0..2000).map(|i| format!("{{\"s\":\"x\",\"p\":\"[^a]{{{}}}\"}}", 200 + i % 500)).collect();
    assert_eq!(outcome(&format!("[{}]", nodes.join(",")), "$[?match(@.s,@.p)]", 128), Err(Code::LimitVisits));
    // Ordinary patterns at ordinary nodes are within the budget.
    let nodes: Vec<String> =
        (0..2000).map(|i| format!("{{\"iban\":\"DE{i:020}\",\"p\":\"DE[0-9]{{20}}\"}}")).collect();
    let list = format!("[{}]", nodes.join(","));
    assert_eq!(outcome(&list, "$[?match(@.iban,'[A-Z]{2}[0-9]{2}[A-Z0-9]{1,30}')]", 128), Ok(2000));
    assert_eq!(outcome(&list, "$[?match(@.iban,@.p)]", 128), Ok(2000));
}

#[test]
fn deep_documents() {
    let n = 100_000;
    let document = deep(n);
    assert_eq!(outcome(&document, "$..*", 128), Err(Code::LimitDepth));
    assert_eq!(outcome(&document, "$..[1]", n), Ok(0));
    assert_eq!(outcome(&document, "$[?@==$[0]]", n), Ok(1));
    assert_eq!(outcome(&document, "$[?count(@..*)>99990]", n), Ok(1));
    let named = |core: &str| format!("{}{core}{}", "{\"a\":".repeat(n), "}".repeat(n));
    let pair = format!("[{},{}]", named("1.0"), named("1"));
    assert_eq!(outcome(&pair, "$[?@==$[0]]", n + 1), Ok(2));
    assert_eq!(outcome(&pair, "$..[?@.b]", n + 1), Ok(0));
    // The paths would be far longer than the document.
    assert_eq!(outcome(&document, "$..*", n), Err(Code::LimitVisits));
}

#[test]
fn wide_documents() {
    let n = 20_000;
    let object = wide(n);
    assert_eq!(outcome(&object, &format!("$.k{}", n - 1), 128), Ok(1));
    assert_eq!(outcome(&object, "$[?@==19999]", 128), Ok(1));
    assert_eq!(outcome(&object, "$..k7", 128), Ok(1));
    let names: Vec<String> = (0..400).map(|i| format!("'k{}'", n - 1 - i)).collect();
    assert_eq!(outcome(&object, &format!("$[{}]", names.join(",")), 128), Err(Code::LimitVisits));
    // Every element against the whole: each comparison ends with the smaller side.
    let list = format!("[{}{object}]", "{},[],1,".repeat(5000));
    assert_eq!(outcome(&list, "$[?@==$[-1]]", 128), Ok(1));
    assert_eq!(outcome(&format!("[{object},{object}]"), "$[?@==$[0]]", 128), Ok(2));
    let array = format!("[{}0]", "0,".repeat(n));
    assert_eq!(outcome(&array, "$[::-1]", 128), Ok(n + 1));
    assert_eq!(outcome(&array, "$[-1]", 128), Ok(1));
    assert_eq!(outcome(&array, &format!("$[{}-1]", "-1,".repeat(1000)), 128), Err(Code::LimitVisits));
    assert_eq!(outcome(&array, "$[?$[?@==$[?@]]]", 128), Err(Code::InvalidPath));
    assert_eq!(outcome(&array, "$[?$[-1]==@]", 128), Ok(n + 1));
    assert_eq!(outcome(&array, "$[?count($[?count($[?count($..*)>@])>@])>@]", 128), Ok(n + 1));
    // Long names and paths.
    let name = "n".repeat(1 << 20);
    assert_eq!(
        outcome(&format!("{{\"{name}\":[{}0]}}", "0,".repeat(n)), "$.*[*]", 128),
        Err(Code::LimitVisits)
    );
}
