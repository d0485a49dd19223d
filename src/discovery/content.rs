use bstr::ByteSlice;

/// What can stand before the first FROM of a file that is meant to be a Dockerfile; only ARG may.
const INSTRUCTIONS: [&str; 17] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// Whether a file is what a program makes a Dockerfile of: the first line that is no comment begins with the mark of a
/// template language.
pub(super) fn is_template(source: &[u8]) -> bool {
    let mut lines = source.lines().map(ByteSlice::trim_start);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with(b"#"));
    first.is_some_and(|line| ["{{", "{%", "<%"].iter().any(|mark| line.starts_with_str(mark)))
}

/// Whether a file may be a Dockerfile, whatever it is called.
pub(crate) fn is_dockerfile_text(source: &[u8]) -> bool {
    has_from(source) && !is_template(source)
}

/// Whether a file whose name is a variant's is a Dockerfile: it has a FROM, and only instructions before it.
/// (`Dockerfile-build.sh` and `Dockerfile_gen.py` exist.)
pub(super) fn has_from(source: &[u8]) -> bool {
    let source = source.strip_prefix(b"\xef\xbb\xbf").unwrap_or(source);
    let mut escape = b'\\';
    let mut at_top = true;
    let mut continued = false;
    for line in source.lines() {
        let line = line.trim();
        if line.first() == Some(&b'#') {
            if at_top && let Some(character) = escape_directive(line) {
                escape = character;
            }
            continue;
        }
        at_top = false;
        if line.is_empty() {
            continue;
        }
        if !continued {
            let mut words = line.fields();
            let word = words.next().unwrap_or_default();
            if word.eq_ignore_ascii_case(b"FROM") {
                let second = words.next();
                // Python has lines that begin with `from` as well.
                return second.is_some() && words.next().is_none_or(|word| word != b"import");
            }
            if !INSTRUCTIONS.iter().any(|name| word.eq_ignore_ascii_case(name.as_bytes())) {
                return false;
            }
        }
        continued = line.last() == Some(&escape);
    }
    false
}

/// The character of `# escape=`.
fn escape_directive(line: &[u8]) -> Option<u8> {
    let (name, value) = line[1..].split_once_str("=")?;
    let value = value.trim();
    (name.trim().eq_ignore_ascii_case(b"escape") && value.len() == 1).then(|| value[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dockerfiles_have_a_from() {
        for source in [
            "FROM alpine",
            "from alpine",
            "\u{feff}FROM alpine\n",
            "# syntax=docker/dockerfile:1\n\n  FROM alpine AS x\r\nRUN x",
            "ARG A=1\nARG B=\\\n  2\nFROM $A",
            "# escape=`\nARG A=`\n  x\nFROM $A",
            "# comment\nARG A=1 \\\n# inside\n  B=2\nFROM $A",
            "RUN x\nFROM alpine",
            "FROM \\\n  alpine",
        ] {
            assert!(has_from(source.as_bytes()), "{source:?}");
        }
    }

    #[test]
    fn other_files_have_none() {
        for source in [
            "",
            "# FROM alpine",
            "ARG A=1",
            "#!/bin/sh\nset -e\ndocker build - <<E\nFROM alpine\nE",
            "import os\nfrom x import y",
            "from jinja2 import Template\n",
            "FROM",
            "FROMAGE x",
            "{\"a\": 1}",
            "ARG A=\\\nFROM alpine",
            "\u{0}\u{1}\u{2}FROM alpine",
        ] {
            assert!(!has_from(source.as_bytes()), "{source:?}");
        }
    }

    #[test]
    fn templates_begin_with_a_mark() {
        for template in ["{{\n  _ ARGS\n}}FROM x", "\n# c\n  {%- set a %}\nFROM x", "<% a %>"] {
            assert!(is_template(template.as_bytes()), "{template:?}");
        }
        for other in ["FROM x\n{{ y }}", "", "# {{", "ARG {{ x }}", "nothing"] {
            assert!(!is_template(other.as_bytes()), "{other:?}");
        }
    }
}
