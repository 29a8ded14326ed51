//! Quoted texts with a line break in them: `hcl-edit` reads them and Terraform does not, and what such a file means is
//! anybody's guess.

use hcl_edit::Span as _;
use hcl_edit::expr::Expression;
use hcl_edit::structure::{BlockLabel, Body};
use hcl_edit::template::{Element, StringTemplate};
use hcl_edit::visit::{self, Visit};
use std::ops::Range;

/// The first quoted text of a file that goes over several lines, in bytes.
pub(super) fn broken(text: &str, body: &Body) -> Option<Range<usize>> {
    let mut search = Search { text, found: None };
    search.visit_body(body);
    search.found
}

struct Search<'t> {
    text: &'t str,
    found: Option<Range<usize>>,
}

impl Search<'_> {
    fn look(&mut self, span: Option<Range<usize>>) {
        let Some(span) = span else { return };
        let breaks = |text: &str| text.contains('\n');
        if self.found.is_none() && self.text.get(span.clone()).is_some_and(breaks) {
            self.found = Some(span);
        }
    }
}

impl Visit for Search<'_> {
    fn visit_block_label(&mut self, node: &BlockLabel) {
        self.look(node.span());
    }

    fn visit_expr(&mut self, node: &Expression) {
        match node {
            Expression::String(text) => self.look(text.span()),
            other => visit::visit_expr(self, other),
        }
    }

    /// Its texts alone: an expression within it may go over several lines.
    fn visit_string_template(&mut self, node: &StringTemplate) {
        for element in node {
            match element {
                Element::Literal(text) => self.look(text.span()),
                other => self.visit_element(other),
            }
        }
    }
}
