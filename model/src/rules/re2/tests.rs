use super::*;

#[test]
fn what_re2_takes_is_taken() {
    for regex in [
        "",
        "/items/[0-9]+",
        "a|b|",
        "(?i)x",
        "(?i:x)",
        "(?P<n>x)(?<m>y)",
        "(?-s).",
        "[]a]",
        "[^]a]",
        "[a-]",
        "[-a]",
        "[a[b]",
        "[[:alpha:]_]",
        r"\Qa(b\E+",
        r"\Qa(b",
        r"\C",
        r"\012",
        r"\0",
        r"\x41\x{FF}\377",
        r"\pL\p{Greek}\P{^Lu}",
        "a{2}",
        "a{2,}",
        "a{2,3}?",
        "a{,3}",
        "a{x}",
        "{",
        "x{1000}",
        "a??",
        "(a*)*",
        r"\.\-\/\_",
        r"\Aa\z\b",
        "^$",
        "ü+",
        "(a{10}){100}",
        "()",
    ] {
        assert_eq!(parse(regex).err(), None, "{regex}");
    }
}

#[test]
fn what_re2_refuses_is_refused() {
    for regex in [
        "(?=a)",
        "(?!a)",
        "(?<=a)",
        "(?<!a)",
        "(?>a)",
        "(?#a)",
        r"(a)\1",
        "(?P=n)",
        "(",
        ")",
        "a)",
        "(a",
        "[a",
        "[]",
        "[z-a]",
        "*",
        "{2}",
        "(?:{1,2}a)",
        "a|{3}",
        "+a",
        "a|*",
        "a**",
        "a++",
        "a*+",
        "a?{2}",
        "a{2}{3}",
        "a{1001}",
        "a{3,2}",
        "(a{100}){100}",
        "\\",
        r"\Z",
        r"\h",
        r"\u0041",
        r"\x",
        r"\x{100}",
        r"\x{10FFFF}",
        r"\x{110000}",
        r"\400",
        r"\p{",
        r"\p{!}",
        r"\p{Klingon}",
        r"\p{^^L}",
        r"\pX",
        "(?P<n>a)(?P<n>b)",
        "(?P<a-b>x)",
        "(?z)",
        "(?-)",
        "[[:nope:]]",
        r"\k<n>",
        r"[a-\d]",
        r"\ü",
        "(?<n",
    ] {
        assert!(parse(regex).is_err(), "{regex}");
    }
    assert!(parse(&"(".repeat(100_000)).is_err());
}

#[test]
fn sizes_grow_with_what_re2_compiles() {
    assert!(parse("/api/v[0-9]+/items/.*").unwrap() < 100);
    assert!(parse("[a-z]{100}").unwrap() < 1000);
    assert!(parse("[a-z]{1000}").unwrap() > 1000);
    assert!(parse("(.*x){100}").unwrap() > 1000);
}
