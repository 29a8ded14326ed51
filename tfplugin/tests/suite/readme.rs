//! The README shows what is there.

#[test]
fn the_example_in_the_readme_is_the_example_and_short() {
    let readme = include_str!("../../README.md");
    let example = include_str!("../../examples/note.rs");
    assert!(
        readme.contains(&format!("```rust\n{example}```")),
        "the README shows an old examples/note.rs"
    );
    assert!(example.lines().count() < 60);
}
