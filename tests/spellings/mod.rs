//! Dockerfiles that say the same in other words, and those that only look like it.

#![allow(dead_code, unreachable_pub, clippy::allow_attributes, reason = "each test file uses a part of it")]

/// Each line of texts builds one and the same image.
pub const SAME: &[&[&str]] = &[
    &[
        "FROM busybox\n",
        "FROM busybox:latest\n",
        "FROM docker.io/library/busybox:latest\n",
        "from index.docker.io/library/busybox\n",
    ],
    &[
        "FROM busybox AS build\nRUN echo 1 >/a\nFROM scratch\nCOPY --from=build /a /\n",
        "FROM busybox as BUILDER\nRUN echo 1 >/a\nFROM scratch AS last\nCOPY --from=builder /a /\n",
        "FROM busybox\nRUN echo 1 >/a\nFROM scratch\nCOPY --from=0 a /\n",
        "FROM scratch AS unused\nFROM busybox\nRUN echo 1 >/a\nFROM scratch\nCOPY --from=1 ./a /\n",
    ],
    &[
        "FROM busybox AS a\nRUN echo 1 >/x\nFROM busybox\nRUN --mount=type=bind,from=a,target=/m cp /m/x /y\n",
        "FROM busybox AS b\nRUN echo 1 >/x\nFROM busybox\nRUN --mount=type=bind,from=b,target=/m cp /m/x /y\n",
    ],
    &["FROM busybox AS a\nFROM a AS b\nRUN true\n", "FROM busybox AS x\nFROM x\nRUN true\n"],
    &[
        "FROM busybox\nCOPY a b /d/\n",
        "FROM busybox\nCOPY ./a b /d/\n",
        "FROM busybox\nCOPY /a .//b /d/\n",
        "FROM busybox\nCOPY [\"a\", \"./b\", \"/d/\"]\n",
        "FROM busybox\ncopy a \\\n  b /d/\n",
    ],
    &["FROM busybox\nCOPY . /d/\n", "FROM busybox\nCOPY ./ /d/\n", "FROM busybox\nCOPY / /d/\n"],
    &["FROM busybox\nVOLUME /a /b\n", "FROM busybox\nVOLUME [\"/a\", \"/b\"]\n"],
    &[
        "FROM busybox\nCOPY --chown=1:1 --from=busybox /bin/sh /x\n",
        "FROM busybox\nCOPY --from=busybox:latest --chown=1:1 /bin/sh /x\n",
    ],
    &[
        "FROM busybox\nHEALTHCHECK --interval=5s --timeout=3s CMD true\n",
        "FROM busybox\nHEALTHCHECK --timeout=3s --interval=5s CMD true\n",
    ],
    &[
        "FROM busybox\nCOPY a /\n",
        "FROM busybox\nARG UNREAD=1\nCOPY a /\n",
        "FROM busybox\nCOPY a /\nARG X\nARG Y=2\n",
    ],
    &["FROM busybox\nRUN true\n", "FROM busybox\nRUN true\nARG AFTERWARDS=1\n"],
    &[
        "FROM scratch\nCOPY a /\n",
        "ARG UNREAD=1\nFROM scratch\nCOPY a /\n",
        "ARG A=1\nARG B=2\nFROM scratch\nARG C\nCOPY a /\n",
    ],
];

/// No two of a line of texts have to build the same image.
pub const DIFFERENT: &[&[&str]] = &[
    &[
        "FROM busybox\n",
        "FROM busybox:1\n",
        "FROM quay.io/library/busybox\n",
        "FROM library/busybox:latest AS x\nENV A=1\n",
    ],
    &[
        // The names change places, and what takes from them does not.
        "FROM busybox AS a\nRUN echo a >/f\nFROM busybox AS b\nRUN echo b >/f\nFROM scratch\nCOPY --from=a /f /\nCOPY --from=b /f /g\n",
        "FROM busybox AS b\nRUN echo a >/f\nFROM busybox AS a\nRUN echo b >/f\nFROM scratch\nCOPY --from=a /f /\nCOPY --from=b /f /g\n",
    ],
    &[
        "FROM busybox AS a\nFROM busybox AS b\nENV X=1\nFROM a\nRUN --mount=from=b,target=/m true\n",
        "FROM busybox AS b\nFROM busybox AS a\nENV X=1\nFROM a\nRUN --mount=from=b,target=/m true\n",
    ],
    &[
        "FROM busybox\nRUN --mount=from=busybox,target=/m cmd x,from=busybox y\n",
        "FROM busybox\nRUN --mount=from=busybox,target=/m cmd x,from=busybox:latest y\n",
    ],
    // RUN sees every ARG.
    &["FROM busybox\nRUN env\n", "FROM busybox\nARG A=1\nRUN env\n", "FROM busybox\nARG A=2\nRUN env\n"],
    &[
        "FROM busybox AS a\nARG A=1\nFROM a\nRUN env\n",
        "FROM busybox AS a\nARG A=2\nFROM a\nRUN env\n",
        "FROM busybox AS a\nFROM a\nRUN env\n",
    ],
    &["FROM busybox\nARG A=1\nENV B=$A\n", "FROM busybox\nARG A=2\nENV B=$A\n", "FROM busybox\nENV B=$A\n"],
    &["FROM busybox\nARG A=1\nCOPY <<EOF /x\n$A\nEOF\n", "FROM busybox\nARG A=2\nCOPY <<EOF /x\n$A\nEOF\n"],
    &["ARG A=1\nFROM busybox\nARG A\nRUN env\n", "ARG A=2\nFROM busybox\nARG A\nRUN env\n"],
    // A trigger of a base that nobody has seen may declare it.
    &[
        "FROM vendor/onbuild\n",
        "ARG NODE_ENV=dev\nFROM vendor/onbuild\n",
        "ARG NODE_ENV=prod\nFROM vendor/onbuild\n",
    ],
    &[
        "FROM busybox\nARG SOURCE_DATE_EPOCH=1\nCOPY a /\n",
        "FROM busybox\nARG SOURCE_DATE_EPOCH=2\nCOPY a /\n",
    ],
    &["ARG T=1\nFROM busybox:$T\n", "ARG T=2\nFROM busybox:$T\n"],
    // What an image carries is its text.
    &[
        "FROM busybox\nONBUILD COPY a /\n",
        "FROM busybox\nONBUILD COPY ./a /\n",
        "FROM busybox\nONBUILD COPY [\"a\", \"/\"]\n",
    ],
    &[
        "FROM busybox AS a\nFROM busybox\nONBUILD COPY --from=a /x /\n",
        "FROM busybox AS b\nFROM busybox\nONBUILD COPY --from=b /x /\n",
    ],
    // SHELL may be the base's.
    &[
        "FROM busybox\nCMD true\n",
        "FROM busybox\nCMD [\"/bin/sh\", \"-c\", \"true\"]\n",
        "FROM busybox\nCMD [\"true\"]\n",
    ],
    &["FROM busybox\nRUN true\n", "FROM busybox\nRUN [\"/bin/sh\", \"-c\", \"true\"]\n"],
    &["FROM busybox\nCOPY a /d\n", "FROM busybox\nCOPY a /d/\n", "FROM busybox\nCOPY a/ /d\n"],
    &["FROM busybox\nCOPY --parents ./a/./b /\n", "FROM busybox\nCOPY --parents a/./b /\n"],
    &["FROM busybox\nCOPY [\"a b\", \"/\"]\n", "FROM busybox\nCOPY a b /\n"],
    &["FROM busybox\nLABEL a=1 a=2\n", "FROM busybox\nLABEL a=2 a=1\n"],
    &[
        "FROM busybox\nRUN --mount=type=cache,target=/a --mount=type=tmpfs,target=/a/b x\n",
        "FROM busybox\nRUN --mount=type=tmpfs,target=/a/b --mount=type=cache,target=/a x\n",
    ],
    &[
        "# syntax=acme/frontend\nFROM busybox\nCOPY a /\n",
        "# syntax=acme/frontend\nFROM busybox\nCOPY ./a /\n",
    ],
];
