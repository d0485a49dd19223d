/// The fields of one line of comma-separated values; one that holds a comma is in quotes, as `"device=0,1"`.
pub(super) fn fields(line: &str) -> Result<Vec<String>, String> {
    let mut fields = vec![String::new()];
    let mut chars = line.chars().peekable();
    let mut is_quoted = false;
    while let Some(next) = chars.next() {
        let Some(field) = fields.last_mut() else { break };
        match next {
            '"' if is_quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' if is_quoted => is_quoted = false,
            '"' if field.is_empty() => is_quoted = true,
            ',' if !is_quoted => fields.push(String::new()),
            other => field.push(other),
        }
    }
    if is_quoted {
        return Err("a quotation mark is missing".to_owned());
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_keep_commas() {
        assert_eq!(fields("a=1,b").expect("valid"), ["a=1", "b"]);
        assert_eq!(fields(r#""device=0,1",count=2"#).expect("valid"), ["device=0,1", "count=2"]);
        assert_eq!(fields(r#""a""b""#).expect("valid"), [r#"a"b"#]);
        assert!(fields(r#""a"#).is_err());
    }
}
