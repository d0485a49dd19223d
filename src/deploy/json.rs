use serde_json::{Map, Value};

pub(crate) type Object = Map<String, Value>;

/// The object below a name; an empty one where there is none.
pub(crate) fn object(value: &Value, name: &str) -> Object {
    value[name].as_object().cloned().unwrap_or_default()
}

/// The text below a name; an empty one where there is none.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// The names in an object, or the words in a list.
pub(super) fn words(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Object(object)) => object.keys().cloned().collect(),
        Some(Value::Array(list)) => list.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    }
}

/// Whether a value says nothing: engines write an absent field in many ways.
pub(super) fn is_empty(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(list)) => list.is_empty(),
        Some(Value::Object(object)) => object.is_empty(),
        Some(Value::Number(number)) => number.as_i64() == Some(0),
        Some(Value::Bool(flag)) => !flag,
    }
}

/// Whether two values say the same.
pub(super) fn same(one: Option<&Value>, other: Option<&Value>) -> bool {
    (is_empty(one) && is_empty(other)) || one == other
}
