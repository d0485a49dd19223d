/// What the builders put in front of a message: their transport's and solver's names for themselves.
const PREFIXES: [&str; 6] = [
    "failed to solve with frontend dockerfile.v0: ",
    "failed to solve with frontend gateway.v0: ",
    "failed to solve: ",
    "failed to build LLB: ",
    "failed to receive status: ",
    "ERROR: ",
];

/// Goes on with an opaque id and, after a colon, the path that is missing.
const CHECKSUM: &str = "failed to compute cache key: failed to calculate checksum of ref ";

/// A builder's message without the layers of transport and solver around it, such as
/// `process "/bin/sh -c false" did not complete successfully: exit code: 1`.
pub(crate) fn clean_message(message: &str) -> String {
    let mut rest = message.trim();
    loop {
        let before = rest;
        if let Some(described) = rest.strip_prefix("rpc error: code = ") {
            rest = described.split_once(" desc = ").map_or(rest, |(_, text)| text);
        }
        if let Some((_, missing)) = rest.strip_prefix(CHECKSUM).and_then(|it| it.split_once(": ")) {
            rest = missing;
        }
        for prefix in PREFIXES {
            rest = rest.strip_prefix(prefix).unwrap_or(rest);
        }
        rest = rest.trim_start();
        if rest == before {
            break;
        }
    }
    let text = if rest.is_empty() { message.trim() } else { rest };
    if text.is_empty() {
        "the build failed and the builder did not say why".to_owned()
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_layers_off() {
        for (message, clean) in [
            (
                "rpc error: code = Unknown desc = failed to solve: process \"/bin/sh -c false\" did not \
                 complete successfully: exit code: 1",
                "process \"/bin/sh -c false\" did not complete successfully: exit code: 1",
            ),
            (
                "failed to solve with frontend dockerfile.v0: failed to build LLB: executor failed running \
                 [/bin/sh -c false]: exit code: 1\n",
                "executor failed running [/bin/sh -c false]: exit code: 1",
            ),
            (
                "failed to solve: failed to compute cache key: failed to calculate checksum of ref \
                 moby::y4n: \"/nowhere\": not found",
                "\"/nowhere\": not found",
            ),
            (
                "The command '/bin/sh -c false' returned a non-zero code: 1",
                "The command '/bin/sh -c false' returned a non-zero code: 1",
            ),
            ("failed to solve: ", "failed to solve:"),
            ("  ", "the build failed and the builder did not say why"),
        ] {
            assert_eq!(clean_message(message), clean);
        }
    }

    #[test]
    fn keeps_such_words_in_the_middle() {
        let message = "process \"echo 'failed to solve: x'\" did not complete";
        assert_eq!(clean_message(message), message);
    }
}
