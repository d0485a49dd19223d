//! What bake's expressions come to when some variables have no known value. What depends on those is unknown.

use std::collections::{BTreeMap, HashMap};

use hcl_edit::expr::{
    BinaryOp, BinaryOperator, Conditional, Expression, ForExpr, FuncCall, Object, ObjectKey, Traversal,
    TraversalOperator, UnaryOp, UnaryOperator,
};

use super::document::{Document, Function};
use super::functions;
use super::value::Value;
use crate::limits;

/// Evaluates the expressions of the bake files of one folder.
pub(super) struct Evaluator<'d> {
    defaults: HashMap<&'d str, Option<&'d Expression>>,
    functions: HashMap<&'d str, &'d Function>,
    /// Values of variables; `None` while one is being evaluated.
    values: HashMap<&'d str, Option<Value>>,
    /// What a matrix, a `for` or a function's parameters name, innermost last.
    locals: Vec<(String, Value)>,
    steps: usize,
    depth: usize,
}

impl<'d> Evaluator<'d> {
    /// Of variables and functions with one name the last counts.
    pub(super) fn new(documents: &'d [Document]) -> Self {
        let mut defaults: HashMap<&str, Option<&Expression>> = HashMap::new();
        for variable in documents.iter().flat_map(|document| &document.variables) {
            let default = defaults.entry(&variable.name).or_default();
            *default = variable.default.as_ref().or(*default);
        }
        let functions = documents.iter().flat_map(|document| &document.functions);
        let mut evaluator = Self {
            defaults,
            functions: functions.map(|function| (&*function.name, function)).collect(),
            values: HashMap::new(),
            locals: Vec::new(),
            steps: 0,
            depth: 0,
        };
        // In the order of the files, so that a variable that uses the one before it goes no deeper than that one.
        for variable in documents.iter().flat_map(|document| &document.variables) {
            evaluator.variable(&variable.name);
        }
        evaluator
    }

    /// Whether all steps that are allowed have been taken.
    pub(super) fn is_exhausted(&self) -> bool {
        self.steps >= limits::BAKE_STEPS
    }

    /// Takes steps; `None` once there are none left.
    pub(super) fn spend(&mut self, steps: usize) -> Option<()> {
        self.steps = self.steps.saturating_add(steps).min(limits::BAKE_STEPS);
        (!self.is_exhausted()).then_some(())
    }

    /// Evaluates with names that mean something here only.
    pub(super) fn with<R>(&mut self, locals: &[(String, Value)], evaluate: impl FnOnce(&mut Self) -> R) -> R {
        let outside = self.locals.len();
        self.locals.extend_from_slice(locals);
        let result = evaluate(self);
        self.locals.truncate(outside);
        result
    }

    /// The value of an expression.
    pub(super) fn value(&mut self, expression: &Expression) -> Value {
        if self.depth >= limits::BAKE_DEPTH || self.spend(1).is_none() {
            return Value::Unknown;
        }
        self.depth += 1;
        let value = self.value_within(expression);
        self.depth -= 1;
        match self.spend(value.size() / 4) {
            Some(()) => value,
            None => Value::Unknown,
        }
    }

    fn value_within(&mut self, expression: &Expression) -> Value {
        match expression {
            Expression::Null(_) => Value::Null,
            Expression::Bool(value) => Value::Bool(*value.value()),
            Expression::Number(number) => number.value().as_f64().map_or(Value::Unknown, Value::Number),
            Expression::String(text) => Value::of_text((&**text.value()).into()),
            Expression::StringTemplate(template) => self.template(template),
            Expression::HeredocTemplate(heredoc) => self.template(&heredoc.template),
            Expression::Parenthesis(inner) => self.value(inner.inner()),
            Expression::Variable(name) => self.named(name.as_str()),
            Expression::Array(array) => {
                let items = array.iter().map(|item| self.value(item)).collect();
                Value::list(items)
            }
            Expression::Object(object) => self.object(object),
            Expression::Conditional(conditional) => self.conditional(conditional),
            Expression::FuncCall(call) => self.call(call),
            Expression::Traversal(traversal) => self.traversal(traversal),
            Expression::UnaryOp(operation) => self.unary(operation),
            Expression::BinaryOp(operation) => self.binary(operation),
            Expression::ForExpr(comprehension) => self.comprehension(comprehension),
        }
    }

    fn named(&mut self, name: &str) -> Value {
        if self.spend(self.locals.len() / 8).is_none() {
            return Value::Unknown;
        }
        match self.locals.iter().rev().find(|(local, _)| local == name) {
            Some((_, value)) => value.clone(),
            None => self.variable(name),
        }
    }

    fn variable(&mut self, name: &str) -> Value {
        if name == "BAKE_CMD_CONTEXT" {
            return Value::text("cwd://");
        }
        let Some((name, default)) =
            self.defaults.get_key_value(name).map(|(name, default)| (*name, *default))
        else {
            return Value::Unknown;
        };
        if let Some(known) = self.values.get(name) {
            return known.clone().unwrap_or(Value::Unknown);
        }
        self.values.insert(name, None);
        let locals = std::mem::take(&mut self.locals);
        // What has no default, or `null`, is there to be given from outside.
        let value = match default.map(|default| self.value(default)) {
            None | Some(Value::Null) => Value::Unknown,
            Some(value) => value,
        };
        self.locals = locals;
        self.values.insert(name, Some(value.clone()));
        value
    }

    fn object(&mut self, object: &Object) -> Value {
        let mut items = BTreeMap::new();
        for (key, value) in object {
            let Some(key) = self.key(key) else { return Value::Unknown };
            items.insert(key, self.value(value.expr()));
        }
        Value::map(items)
    }

    /// A key of an object, if it is known.
    pub(super) fn key(&mut self, key: &ObjectKey) -> Option<String> {
        match key {
            ObjectKey::Ident(name) => Some(name.as_str().to_owned()),
            ObjectKey::Expression(expression) => self.value(expression).known_text(),
        }
    }

    fn conditional(&mut self, conditional: &Conditional) -> Value {
        match self.value(&conditional.cond_expr).as_bool() {
            Some(true) => self.value(&conditional.true_expr),
            Some(false) => self.value(&conditional.false_expr),
            None => {
                let yes = self.value(&conditional.true_expr);
                let no = self.value(&conditional.false_expr);
                yes.either(no)
            }
        }
    }

    fn call(&mut self, call: &FuncCall) -> Value {
        let mut arguments: Vec<Value> = call.args.iter().map(|argument| self.value(argument)).collect();
        if call.args.expand_final() {
            match arguments.pop() {
                Some(Value::List(list)) => arguments.extend(list.items.iter().cloned()),
                _ => return Value::Unknown,
            }
        }
        let work = arguments.iter().map(Value::size).sum();
        if call.name.is_namespaced() || self.spend(work).is_none() {
            return Value::Unknown;
        }
        let name = call.name.name.as_str();
        match self.functions.get(name).copied() {
            Some(function) => self.call_own(function, arguments),
            None => functions::call(self, name, &arguments).unwrap_or(Value::Unknown),
        }
    }

    /// A function that a bake file defines sees its parameters and the variables of the files.
    fn call_own(&mut self, function: &Function, mut arguments: Vec<Value>) -> Value {
        let is_called_well = arguments.len() >= function.parameters.len();
        if !is_called_well || self.spend(arguments.len()).is_none() {
            return Value::Unknown;
        }
        let rest = arguments.split_off(function.parameters.len());
        let mut parameters: Vec<(String, Value)> =
            function.parameters.iter().cloned().zip(arguments).collect();
        parameters.extend(function.rest.iter().map(|name| (name.clone(), Value::list(rest.clone()))));
        let outside = std::mem::replace(&mut self.locals, parameters);
        let value = self.value(&function.result);
        self.locals = outside;
        value
    }

    fn traversal(&mut self, traversal: &Traversal) -> Value {
        let mut value = self.value(&traversal.expr);
        for (at, operator) in traversal.operators.iter().enumerate() {
            let next = match operator.value() {
                TraversalOperator::GetAttr(name) => functions::member(&value, &Value::text(name.as_str())),
                TraversalOperator::LegacyIndex(index) => {
                    functions::member(&value, &Value::text(index.value().to_string()))
                }
                TraversalOperator::Index(index) => {
                    let index = self.value(index);
                    functions::member(&value, &index)
                }
                TraversalOperator::AttrSplat(_) | TraversalOperator::FullSplat(_) => {
                    return self.splat(&value, &traversal.operators[at + 1..]);
                }
            };
            let Some(next) = next else { return Value::Unknown };
            value = next;
        }
        value
    }

    /// `list[*].name`
    fn splat(&mut self, value: &Value, names: &[hcl_edit::Decorated<TraversalOperator>]) -> Value {
        let Some(list) = value.as_list() else { return Value::Unknown };
        if self.spend(list.len().saturating_mul(1 + names.len())).is_none() {
            return Value::Unknown;
        }
        let pick = |item: &Value| {
            names.iter().try_fold(item.clone(), |value, name| match name.value() {
                TraversalOperator::GetAttr(name) => functions::member(&value, &Value::text(name.as_str())),
                _ => None,
            })
        };
        Value::list(list.iter().map(|item| pick(item).unwrap_or(Value::Unknown)).collect())
    }

    fn unary(&mut self, operation: &UnaryOp) -> Value {
        let value = self.value(&operation.expr);
        let result = match operation.operator.value() {
            UnaryOperator::Neg => value.as_number().map(|number| Value::Number(-number)),
            UnaryOperator::Not => value.as_bool().map(|value| Value::Bool(!value)),
        };
        result.unwrap_or(Value::Unknown)
    }

    fn binary(&mut self, operation: &BinaryOp) -> Value {
        let left = self.value(&operation.lhs_expr);
        let right = self.value(&operation.rhs_expr);
        let name = match operation.operator.value() {
            BinaryOperator::Eq => "equal",
            BinaryOperator::NotEq => "notequal",
            BinaryOperator::LessEq => "lessthanorequalto",
            BinaryOperator::GreaterEq => "greaterthanorequalto",
            BinaryOperator::Less => "lessthan",
            BinaryOperator::Greater => "greaterthan",
            BinaryOperator::Plus => "add",
            BinaryOperator::Minus => "subtract",
            BinaryOperator::Mul => "multiply",
            BinaryOperator::Div => "divide",
            BinaryOperator::Mod => "modulo",
            BinaryOperator::And => "and",
            BinaryOperator::Or => "or",
        };
        let work = left.size() + right.size();
        if self.spend(work).is_none() {
            return Value::Unknown;
        }
        functions::call(self, name, &[left, right]).unwrap_or(Value::Unknown)
    }

    fn comprehension(&mut self, comprehension: &ForExpr) -> Value {
        let intro = &comprehension.intro;
        let key_name = intro.key_var.as_ref().map(|name| name.as_str());
        let (mut list, mut map) = (Vec::new(), BTreeMap::<String, Value>::new());
        let collection = self.value(&intro.collection_expr);
        let Some(items) = self.items(&collection, key_name, intro.value_var.as_str()) else {
            return Value::Unknown;
        };
        let mut size = 0;
        for locals in items {
            let item = self.with(&locals, |inside| {
                let is_wanted = match &comprehension.cond {
                    Some(condition) => inside.value(&condition.expr).as_bool()?,
                    None => true,
                };
                if !is_wanted {
                    return Some(None);
                }
                let key = match &comprehension.key_expr {
                    Some(key) => Some(inside.value(key).known_text()?),
                    None => None,
                };
                Some(Some((key, inside.value(&comprehension.value_expr))))
            });
            match item {
                // How many there are depends on what is unknown.
                None => return Value::Unknown,
                Some(None) => {}
                Some(Some((key, value))) => {
                    size += value.size();
                    if size > limits::BAKE_VALUE {
                        return Value::Unknown;
                    }
                    match key {
                        Some(_) if comprehension.grouping => return Value::Unknown,
                        Some(key) => drop(map.insert(key, value)),
                        None => list.push(value),
                    }
                }
            }
        }
        if comprehension.key_expr.is_some() { Value::map(map) } else { Value::list(list) }
    }

    /// What `for` gives its names to, one after the other.
    pub(super) fn items(
        &mut self,
        collection: &Value,
        key_name: Option<&str>,
        value_name: &str,
    ) -> Option<Vec<Vec<(String, Value)>>> {
        self.spend(collection.size())?;
        let locals = |key: Value, value: &Value| {
            let key = key_name.map(|name| (name.to_owned(), key));
            key.into_iter().chain([(value_name.to_owned(), value.clone())]).collect()
        };
        match collection {
            Value::List(list) => {
                let numbered = list.items.iter().enumerate();
                Some(numbered.map(|(at, value)| locals(functions::number(at), value)).collect())
            }
            Value::Map(map) => {
                Some(map.items.iter().map(|(key, value)| locals(Value::text(key), value)).collect())
            }
            _ => None,
        }
    }
}
