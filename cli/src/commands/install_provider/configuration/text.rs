//! The text of a CLI configuration: its blocks and the texts of their arguments, in HCL or in JSON.
//!
//! The full grammars are not needed: the files have blocks, texts, lists and, in HCL, comments.

/// A block: what is around it, and its bytes.
#[derive(Debug)]
pub(super) struct Block {
    /// The names of the blocks around it and its own.
    pub(super) path: Vec<String>,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Block {
    pub(super) fn text<'t>(&self, text: &'t str) -> &'t str {
        text.get(self.start..self.end).unwrap_or_default()
    }
}

/// The blocks of a configuration file.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    // What a block is called is a word in HCL, perhaps with labels in quotes behind it; in JSON all names are quoted.
    let json = text.trim_start().starts_with('{');
    let mut blocks = Vec::new();
    let mut open: Vec<(String, usize)> = Vec::new();
    let mut name: Option<(usize, usize, String)> = None;
    for token in tokens(text) {
        match token {
            Token::Word(start, end) if !json => name = Some((start, end, text_at(text, start, end))),
            Token::Text(start, end) if json => name = Some((start, end, text_at(text, start + 1, end - 1))),
            Token::Word(..) | Token::Text(..) => {}
            Token::Open(at) => {
                let (start, name) = name
                    .take()
                    .map_or((at, String::new()), |(start, _, name)| (start, name));
                open.push((name, start));
            }
            Token::Close(at) => {
                blocks.extend(closed(&mut open, at + 1));
                name = None;
            }
        }
    }
    // A block that nobody closed reaches to the end.
    while let Some(block) = closed(&mut open, text.len()) {
        blocks.push(block);
    }
    blocks
}

fn closed(open: &mut Vec<(String, usize)>, end: usize) -> Option<Block> {
    // JSON has a block without a name around everything.
    let names = open.iter().map(|(name, _)| name.clone());
    let path = names.filter(|name| !name.is_empty()).collect();
    let (_, start) = open.pop()?;
    Some(Block { path, start, end })
}

fn text_at(text: &str, start: usize, end: usize) -> String {
    text.get(start..end).unwrap_or_default().to_owned()
}

/// The line on which a byte is.
pub(super) fn line(text: &str, at: usize) -> usize {
    text.get(..at).map_or(0, |before| before.matches('\n').count()) + 1
}

enum Token {
    Word(usize, usize),
    Text(usize, usize),
    Open(usize),
    Close(usize),
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let step = if rest.starts_with('#') || rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if rest.starts_with('"') {
            let length = quoted_length(rest);
            tokens.push(Token::Text(at, at + length));
            length
        } else if rest.starts_with('{') {
            tokens.push(Token::Open(at));
            1
        } else if rest.starts_with('}') {
            tokens.push(Token::Close(at));
            1
        } else {
            let word = rest
                .find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-')))
                .unwrap_or(rest.len());
            if word > 0 {
                tokens.push(Token::Word(at, at + word));
            }
            word.max(rest.chars().next().map_or(1, char::len_utf8))
        };
        at += step.max(1);
    }
    tokens
}

/// How long the text in quotes is that is here.
fn quoted_length(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The texts of an argument of a block: one for `name = "…"`, all for `name = ["…", …]`.
pub(super) fn texts(block: &str, name: &str) -> Option<Vec<String>> {
    let mut all = tokens(block).into_iter().peekable();
    while let Some(token) = all.next() {
        // In JSON the name is in quotes, and a colon and not an equals sign comes next.
        let (found, end) = match token {
            Token::Word(start, end) => (block.get(start..end) == Some(name), end),
            Token::Text(start, end) => (inner(block, start, end) == name, end),
            Token::Open(_) | Token::Close(_) => continue,
        };
        let rest = block.get(end..).unwrap_or_default().trim_start();
        if !found || !rest.starts_with(['=', ':']) {
            continue;
        }
        let mut texts = Vec::new();
        // As far as the list or the text reaches.
        let value = rest.get(1..).unwrap_or_default().trim_start();
        let many = value.starts_with('[');
        let until = block.len() - value.len()
            + if many {
                value.find(']').unwrap_or(value.len())
            } else {
                1
            };
        while let Some(Token::Text(start, end)) = all.peek() {
            if *start >= until {
                break;
            }
            texts.push(inner(block, *start, *end));
            all.next();
        }
        return Some(texts);
    }
    None
}

/// What is between the quotes.
fn inner(text: &str, start: usize, end: usize) -> String {
    let inner = text.get(start + 1..end.saturating_sub(1)).unwrap_or_default();
    inner.replace("\\\\", "\\").replace("\\\"", "\"")
}
