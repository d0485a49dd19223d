//! What to do about an error where nothing nearer at hand is known.

use super::evaluation::ProblemKind;
use super::verb::Verb;

/// How an instruction is written.
pub(super) fn form(verb: Verb) -> String {
    let form = match verb {
        Verb::Add => "ADD [--OPTION…] SOURCE… DESTINATION",
        Verb::Arg => "ARG NAME[=VALUE]…",
        Verb::Cmd => "CMD COMMAND, or CMD [\"PROGRAM\", \"ARGUMENT\"]",
        Verb::Copy => "COPY [--from=STAGE] [--OPTION…] SOURCE… DESTINATION",
        Verb::Entrypoint => "ENTRYPOINT [\"PROGRAM\", \"ARGUMENT\"], or ENTRYPOINT COMMAND",
        Verb::Env => "ENV NAME=VALUE…",
        Verb::Expose => "EXPOSE PORT[/PROTOCOL]…",
        Verb::From => "FROM [--platform=OS/ARCHITECTURE] IMAGE [AS STAGE]",
        Verb::Healthcheck => "HEALTHCHECK [--OPTION…] CMD COMMAND, or HEALTHCHECK NONE",
        Verb::Label => "LABEL NAME=VALUE…",
        Verb::Maintainer => "MAINTAINER NAME",
        Verb::Onbuild => "ONBUILD INSTRUCTION, neither FROM, MAINTAINER nor ONBUILD",
        Verb::Run => "RUN [--mount=type=TYPE,…] [--OPTION…] COMMAND",
        Verb::Shell => "SHELL [\"PROGRAM\", \"ARGUMENT\"]",
        Verb::Stopsignal => "STOPSIGNAL SIGNAL",
        Verb::User => "USER NAME[:GROUP]",
        Verb::Volume => "VOLUME FOLDER…",
        Verb::Workdir => "WORKDIR FOLDER",
    };
    format!("it is written {form}")
}

/// For a word that stands where an instruction should.
pub(super) const INSTRUCTION: &str = "a line begins with an instruction such as FROM, COPY or RUN; if it goes on \
                                      from the line before, that one ends with a backslash";

pub(super) const REFERENCE: &str = "a reference reads [HOST/]NAME[:TAG][@DIGEST], the name in lower case";

pub(super) fn remedy(kind: &ProblemKind) -> &'static str {
    match kind {
        ProblemKind::BlankReference { .. } => "give it a value with --build-arg",
        ProblemKind::BadReference => REFERENCE,
        ProblemKind::Expansion => "quotes and braces come in pairs; names with blanks stand in JSON form",
        ProblemKind::Platform => {
            "write os/architecture, or an ARG in front of the first FROM that has such a value"
        }
        ProblemKind::UnknownTarget => "a stage gets its name by FROM … AS NAME",
        ProblemKind::NoStages => "a Dockerfile begins with FROM",
        ProblemKind::VariableInFrom => "name a stage by FROM … AS NAME and take from that",
        ProblemKind::StageIndex => "stages are counted from 0",
        ProblemKind::StageOrder => "a stage takes from those above it: move the other one up",
        ProblemKind::CircularStages => "a stage takes from those above it, and never from itself",
        ProblemKind::Mount => "it is written --mount=type=bind|cache|tmpfs|secret|ssh,target=PATH,…",
        ProblemKind::RemoteCopy => "ADD fetches what is elsewhere",
        ProblemKind::Checksum => "write sha256: and 64 hex digits",
        ProblemKind::Trigger => "fix the ONBUILD in the Dockerfile that has it",
        ProblemKind::System => "-H names another engine",
        ProblemKind::Size => "divide it into several Dockerfiles",
    }
}
