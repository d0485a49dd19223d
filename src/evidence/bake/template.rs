//! Texts with `${…}`, `%{if …}` and `%{for …}`.

use hcl_edit::template::{Directive, Element, ForDirective, IfDirective, Strip, Template};

use super::evaluate::Evaluator;
use super::value::{Value, text_size};
use crate::evidence::Text;
use crate::limits;

impl Evaluator<'_> {
    /// The value of a text. One that is nothing but `${…}` is what stands inside, whatever that is.
    pub(super) fn template(&mut self, template: &Template) -> Value {
        let mut elements = template.iter();
        if let (Some(Element::Interpolation(only)), None) = (elements.next(), elements.next()) {
            return self.value(&only.expr);
        }
        self.text(template, false, false).map_or(Value::Unknown, Value::Text)
    }

    /// `None` if it is too long.
    fn text(&mut self, template: &Template, trim_start: bool, trim_end: bool) -> Option<Text> {
        let elements: Vec<&Element> = template.iter().collect();
        let mut text = Text::default();
        for (at, element) in elements.iter().enumerate() {
            match element {
                Element::Literal(literal) => {
                    let before = at.checked_sub(1).map_or(trim_start, |before| trims(elements[before]).1);
                    let after = elements.get(at + 1).map_or(trim_end, |after| trims(after).0);
                    let literal: &str = literal.value();
                    let literal = if before { literal.trim_start() } else { literal };
                    text.push_str(if after { literal.trim_end() } else { literal });
                }
                Element::Interpolation(interpolation) => {
                    text.push(&self.value(&interpolation.expr).to_text());
                }
                Element::Directive(directive) => match &**directive {
                    Directive::If(directive) => text.push(&self.choice(directive)?),
                    Directive::For(directive) => text.push(&self.repetition(directive)?),
                },
            }
            if text_size(&text) > limits::BAKE_TEXT {
                return None;
            }
        }
        Some(text)
    }

    fn choice(&mut self, directive: &IfDirective) -> Option<Text> {
        let end = directive.endif_expr.strip.strip_start();
        let (yes, no) = (&directive.if_expr, directive.else_expr.as_ref());
        let before_else = no.map_or(end, |no| no.strip.strip_start());
        match self.value(&yes.cond_expr).as_bool() {
            Some(true) => self.text(&yes.template, yes.strip.strip_end(), before_else),
            Some(false) => match no {
                Some(no) => self.text(&no.template, no.strip.strip_end(), end),
                None => Some(Text::default()),
            },
            None => Some(Text::unknown()),
        }
    }

    fn repetition(&mut self, directive: &ForDirective) -> Option<Text> {
        let intro = &directive.for_expr;
        let collection = self.value(&intro.collection_expr);
        let key_name = intro.key_var.as_ref().map(|name| name.as_str());
        let Some(items) = self.items(&collection, key_name, intro.value_var.as_str()) else {
            return Some(Text::unknown());
        };
        let mut text = Text::default();
        for locals in items {
            self.spend(1)?;
            let (start, end) = (intro.strip.strip_end(), directive.endfor_expr.strip.strip_start());
            text.push(&self.with(&locals, |inside| inside.text(&intro.template, start, end))?);
            if text_size(&text) > limits::BAKE_TEXT {
                return None;
            }
        }
        Some(text)
    }
}

/// Whether an element takes the spaces in front of it and behind it.
fn trims(element: &Element) -> (bool, bool) {
    let of = |first: Strip, last: Strip| (first.strip_start(), last.strip_end());
    match element {
        Element::Literal(_) => (false, false),
        Element::Interpolation(interpolation) => of(interpolation.strip, interpolation.strip),
        Element::Directive(directive) => match &**directive {
            Directive::If(directive) => of(directive.if_expr.strip, directive.endif_expr.strip),
            Directive::For(directive) => of(directive.for_expr.strip, directive.endfor_expr.strip),
        },
    }
}
