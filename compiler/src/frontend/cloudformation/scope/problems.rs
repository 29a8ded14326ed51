//! What is wrong with expressions, and what has no value: each reported once, at its place.

use super::TemplateScope;
use crate::frontend::cloudformation::given::{MissingValue, how_to_give};
use crate::frontend::cloudformation::loops;
use crate::frontend::text::{place, shorten};
use crate::frontend::{codes, tags};
use meshform_model::diag::Diagnostic;
use meshform_model::validate::{MAX_SUGGESTIONS, closest};
use meshform_model::value::{Field, Node, Value};

/// What a name is looked for as.
pub(super) struct NameUse {
    what: &'static str,
    sections: &'static [&'static str],
}

impl NameUse {
    pub(super) const NAME: Self = Self {
        what: "parameter or resource",
        sections: &["Parameters", "Resources"],
    };
    pub(super) const RESOURCE: Self = Self {
        what: "resource",
        sections: &["Resources"],
    };
    pub(super) const CONDITION: Self = Self {
        what: "condition",
        sections: &["Conditions"],
    };
    pub(super) const OUTPUT: Self = Self {
        what: "output",
        sections: &["Outputs"],
    };
}

impl TemplateScope<'_> {
    /// The template has nothing of that name; what is wanted of it may be given.
    pub(super) fn lacks(&mut self, name: &str, at: &Node, sought: &NameUse, wanted: Option<MissingValue>) {
        let message = format!("the template has no {} `{}`", sought.what, shorten(name));
        if self.transformed() {
            let wanted = wanted.unwrap_or_else(|| MissingValue::Parameter(name.to_owned()));
            return self.miss(wanted, at, message);
        }
        let sections = sought
            .sections
            .iter()
            .filter_map(|section| self.section(section)?.as_object());
        let there: Vec<&str> = sections.flatten().map(|field| field.name.as_str()).collect();
        let near = suggestion(name, &there);
        let option = wanted.map(|wanted| wanted.option());
        let help = match (option, near.is_empty()) {
            (None, _) => near,
            (Some(option), true) => format!("if another template has it, give its value with `{option}`"),
            (Some(option), false) => format!("{near} Otherwise give its value with `{option}`"),
        };
        self.wrong_but(at, message, help);
    }

    /// An expression that cannot be right.
    pub(in crate::frontend::cloudformation) fn wrong(&mut self, at: &Node, message: String) {
        self.wrong_but(at, message, String::new());
    }

    /// The same, with what would be right.
    pub(super) fn wrong_but(&mut self, at: &Node, message: String, help: String) {
        let mut problem = Diagnostic::error(codes::BAD_EXPRESSION, message);
        if !help.is_empty() {
            problem = problem.help(help);
        }
        self.tell(at, problem);
    }

    /// Reports what stands at a place, once.
    pub(super) fn tell(&mut self, at: &Node, mut problem: Diagnostic) {
        if let Some(span) = at.span {
            problem = problem.at(place(span));
        }
        let place = at.span.map(|span| (span.source, span.start, span.end));
        if self
            .told
            .entry(place)
            .or_default()
            .insert(problem.message.clone())
        {
            self.problems.push(problem);
        }
    }

    /// A function that gave no value. Where that is for a name within, or the function is wrong, that has been reported.
    pub(in crate::frontend::cloudformation) fn unknown(
        &mut self,
        at: &Node,
        function: &str,
        argument: &Node,
    ) {
        let place = at.span.map(|span| (span.source, span.start, span.end));
        if !argument.is_wholly_known() || place.is_some() && self.told.contains_key(&place) {
            return;
        }
        let shown = match &argument.value {
            Value::String(text) => format!(" `{}`", shorten(text)),
            _ => String::new(),
        };
        let what = format!("{function}{shown}");
        self.told_once(
            what,
            at,
            format!("the value of `{function}`{shown} is not known here"),
            None,
        );
    }

    /// An object that has the form of a function which CloudFormation does not have. A macro may have one.
    pub(in crate::frontend::cloudformation) fn no_function(&mut self, field: &Field, at: &Node) {
        if field.name.starts_with(loops::PREFIX) {
            let message = format!("the list of `{}` is not known here", shorten(&field.name));
            let list = field.node.as_list().and_then(|parts| parts.get(1));
            let help = list.map(how_to_give).unwrap_or_default();
            return self.wrong_but(at, message, help);
        }
        if self.transformed() {
            return self.unknown(at, &field.name, &field.node);
        }
        let message = format!("CloudFormation has no function `{}`", shorten(&field.name));
        let near = tags::nearest_function(&field.name);
        let help = near.map_or_else(String::new, |near| format!("did you mean `{near}`?"));
        self.wrong_but(at, message, help);
    }

    /// A text that names a value in the Parameter Store or in Secrets Manager.
    pub(in crate::frontend::cloudformation) fn dynamic(&mut self, text: &str, at: &Node) {
        let message = format!("`{}` is known only once it is deployed", shorten(text));
        self.told_once(text.to_owned(), at, message, None);
    }

    /// What an expression refers to has no value, which only the user can give.
    pub(super) fn miss(&mut self, wanted: MissingValue, at: &Node, message: String) {
        let option = wanted.option();
        self.told_once(option.clone(), at, message, Some(option));
    }

    fn told_once(&mut self, what: String, at: &Node, message: String, option: Option<String>) {
        if self.missing.contains_key(&what) {
            return;
        }
        let mut problem = Diagnostic::warning(codes::NO_VALUE, message);
        problem = match option {
            Some(option) => problem.help(format!("give it with `{option}`")),
            None => problem.help("write the value literally: only CloudFormation can evaluate it"),
        };
        if let Some(span) = at.span {
            problem = problem.at(place(span));
        }
        self.missing.insert(what, problem);
    }
}

/// What a wrong name was probably meant to be; empty where nothing is near.
pub(super) fn suggestion(name: &str, there: &[&str]) -> String {
    // Comparing is slow, and who has thousands of names has not one in mind.
    let there = there.get(..MAX_SUGGESTIONS.min(there.len())).unwrap_or_default();
    closest(name, there).map_or_else(String::new, |near| format!("did you mean `{near}`?"))
}
