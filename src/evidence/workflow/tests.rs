use proptest::prelude::*;

use super::*;
use crate::evidence::shell::tests::shown;
use crate::git::memory_tree::MemoryTree;

const DOCKERFILES: [&str; 4] = ["Dockerfile", "api/Dockerfile", "docker/Dockerfile.dev", "web/Dockerfile"];

fn read_all(files: &[(&str, &str)]) -> Vec<Claim> {
    let tree = DOCKERFILES.iter().fold(MemoryTree::default(), |tree, file| tree.file(file, "FROM a"));
    let tree = files.iter().fold(tree, |tree, (path, text)| tree.file(path, text));
    let dockerfiles: Vec<TreePath> = DOCKERFILES.iter().map(|path| (*path).into()).collect();
    let mut paths: Vec<TreePath> = files.iter().map(|(path, _)| (*path).into()).collect();
    paths.sort();
    read(&paths, &Door::new(&tree, &dockerfiles, &[])).claims
}

fn github(text: &str) -> Vec<String> {
    shown(&read_all(&[(".github/workflows/ci.yml", text)]))
}

fn step(text: &str) -> Vec<String> {
    github(&format!(
        "env:\n  ORG: acme\njobs:\n  a:\n    steps:\n{}",
        text.replace('\n', "\n      ").replace('^', "      ")
    ))
}

#[test]
fn the_build_action_says_what_it_builds() {
    for (text, expected) in [
        (
            "^- uses: docker/build-push-action@v6\n  with:\n    context: api\n    tags: acme/api:latest,ghcr.io/acme/api",
            "api/Dockerfile api acme/api:latest",
        ),
        (
            "^- uses: docker/build-push-action@v6\n  with: {push: true, tags: acme/root}",
            "Dockerfile . acme/root",
        ),
        (
            "^- uses: docker/build-push-action@v6\n  with:\n    file: ./docker/Dockerfile.dev\n    target: dev\n    platforms: linux/amd64,linux/arm64\n    build-args: |\n      A=1\n      B=${{ env.ORG }}\n      C=${{ github.sha }}\n    tags: |\n      ghcr.io/${{ env.ORG }}/dev:${{ github.sha }}",
            "docker/Dockerfile.dev . ghcr.io/acme/dev target=dev A=1 B=acme linux/amd64 linux/arm64",
        ),
        (
            "^- uses: docker/metadata-action@v5\n  id: meta\n  with:\n    images: |\n      acme/api\n- uses: docker/build-push-action@v6\n  with:\n    context: ./api\n    tags: ${{ steps.meta.outputs.tags }}",
            "api/Dockerfile api acme/api",
        ),
        (
            "^- uses: docker/build-push-action@v6\n  with:\n    context: \"{{defaultContext}}:api\"",
            "api/Dockerfile api ?",
        ),
        (
            "^- run: docker build -t $ORG/api:${{ github.sha }} --build-arg ORG api",
            "api/Dockerfile api acme/api ORG=acme",
        ),
        ("^- run: |\n    cd api\n    docker build -t acme/api .", "api/Dockerfile api acme/api"),
        (
            "^- run: docker build -t acme/api .\n  working-directory: ${{ github.workspace }}/api",
            "api/Dockerfile api acme/api",
        ),
        (
            "^- run: docker build -f $GITHUB_WORKSPACE/api/Dockerfile -t acme/x:${{ inputs.tag || 'a' }} .",
            "api/Dockerfile . acme/x:a",
        ),
    ] {
        assert_eq!(step(text), [expected], "{text}");
    }
}

#[test]
fn matrices_are_gone_through() {
    let both = ["api/Dockerfile api acme/api", "web/Dockerfile web acme/web"];
    for matrix in [
        "{image: [api, web]}",
        "{include: [{image: api}, {image: web}]}",
        "{image: [api, web, docs], exclude: [{image: docs}]}",
        "{image: [api], include: [{image: web}]}",
    ] {
        let job = format!(
            "jobs:\n  a:\n    strategy:\n      matrix: {matrix}\n    env: {{I: '${{{{ matrix.image }}}}'}}\n    steps:\n      - run: docker build -t acme/$I ${{{{ matrix.image }}}}\n"
        );
        assert_eq!(github(&job), both, "{matrix}");
    }
    assert_eq!(
        github(
            "jobs:\n  a:\n    strategy:\n      matrix:\n        i: [{n: api, d: api}]\n    steps:\n      - uses: docker/build-push-action@v6\n        with: {context: '${{ matrix.i.d }}', tags: 'acme/${{ matrix.i.n }}'}\n"
        ),
        ["api/Dockerfile api acme/api"]
    );
    // One image for two platforms.
    assert_eq!(
        github(
            "jobs:\n  a:\n    strategy: {matrix: {p: [linux/amd64, linux/arm64]}}\n    steps:\n      - uses: docker/build-push-action@v6\n        with: {context: api, platforms: '${{ matrix.p }}', tags: 'a/b:${{ github.sha }},a/b:x'}\n"
        ),
        ["api/Dockerfile api a/b:x linux/amd64 linux/arm64"]
    );
    // What another step makes is not known.
    assert_eq!(
        github(
            "jobs:\n  a:\n    strategy:\n      matrix: ${{ fromJson(needs.x.outputs.y) }}\n    steps:\n      - run: docker build -t acme/x:${{ matrix.v }} api\n"
        ),
        ["api/Dockerfile api acme/x"]
    );
}

#[test]
fn what_is_called_calls_others() {
    let files = [
        (
            ".github/workflows/ci.yml",
            "jobs:\n  a:\n    strategy: {matrix: {i: [api, web]}}\n    uses: ./.github/workflows/build.yml\n    with: {image: '${{ matrix.i }}'}\n",
        ),
        (
            ".github/workflows/build.yml",
            "on: {workflow_call: {inputs: {image: {type: string}}}}\njobs:\n  a:\n    steps:\n      - uses: ./.github/actions/b\n        with: {name: '${{ inputs.image }}', target: prod}\n",
        ),
        (
            ".github/actions/b/action.yml",
            "inputs: {name: {required: true}, target: {}}\nruns:\n  using: composite\n  steps:\n    - run: docker build --target ${{ inputs.target }} -t acme/${{ inputs.name }} ${{ inputs.name }}\n",
        ),
    ];
    let claims = read_all(&files);
    assert_eq!(
        shown(&claims),
        ["api/Dockerfile api acme/api target=prod", "web/Dockerfile web acme/web target=prod"]
    );
    let rests_on: Vec<String> = claims[0].rests_on.iter().map(TreePath::to_text).collect();
    assert_eq!(rests_on, [".github/workflows/build.yml", ".github/workflows/ci.yml"]);
}

#[test]
fn what_workflows_and_actions_are_called_with() {
    let files = [
        (
            ".github/workflows/build.yml",
            "on:\n  workflow_call:\n    inputs:\n      image: {type: string}\n      variant: {default: none}\njobs:\n  a:\n    steps:\n      - run: docker build -t acme/${{ inputs.image }} ${{ inputs.image }}/${{ inputs.variant != 'none' && inputs.variant || '.' }}\n",
        ),
        (
            ".github/workflows/ci.yml",
            "jobs:\n  a:\n    uses: ./.github/workflows/build.yml\n    with: {image: api}\n  b:\n    strategy: {matrix: {i: [web]}}\n    uses: ./.github/workflows/build.yml\n    with: {image: '${{ matrix.i }}'}\n  c:\n    steps:\n      - uses: ./.github/actions/b\n        with: {name: acme/dev}\n",
        ),
        (
            ".github/actions/b/action.yml",
            "inputs: {name: {required: true}}\nruns:\n  using: composite\n  steps:\n    - run: docker build -f docker/Dockerfile.dev -t ${{ inputs.name }} .\n",
        ),
    ];
    assert_eq!(
        shown(&read_all(&files)),
        ["docker/Dockerfile.dev . acme/dev", "api/Dockerfile api acme/api", "web/Dockerfile web acme/web"]
    );
}

#[test]
fn lines_are_those_of_what_is_said() {
    let text = "jobs:\n  a:\n    steps:\n      - run: |\n          true\n          docker build api\n      - uses: docker/build-push-action@v6\n        with:\n          context: web\n          tags: acme/web\n";
    let claims = read_all(&[(".github/workflows/a.yml", text)]);
    assert_eq!(claims[0].place.line, 6);
    assert_eq!(claims[1].place.line, 7);
    assert_eq!(claims[1].context.as_ref().map(|context| context.place.line), Some(9));
    assert_eq!(claims[1].name.as_ref().map(|name| name.place.line), Some(10));
}

#[test]
fn gitlabs_jobs() {
    for (text, expected) in [
        (
            "a:\n  script:\n    - docker build -t $CI_REGISTRY_IMAGE/api:$CI_COMMIT_SHA api",
            "api/Dockerfile api …/api",
        ),
        (
            "variables:\n  D: api\na:\n  variables: {N: 'acme/$D'}\n  before_script: [cd $D]\n  script: docker build -t $N .",
            "api/Dockerfile api acme/api",
        ),
        (
            "a:\n  script:\n    - /kaniko/executor --context \"${CI_PROJECT_DIR}\" --dockerfile \"${CI_PROJECT_DIR}/api/Dockerfile\" --destination acme/api:1 --target x",
            "api/Dockerfile . acme/api:1 target=x",
        ),
        (
            ".b:\n  variables: {W: web}\n  script:\n    - docker build -t acme/$W $W\nb:\n  extends: .b\n  variables: {W: api}",
            "api/Dockerfile api acme/api",
        ),
        (
            "a:\n  parallel:\n    matrix:\n      - W: [api]\n  script: [\"docker build -t acme/$W $W\"]",
            "api/Dockerfile api acme/api",
        ),
    ] {
        assert_eq!(shown(&read_all(&[(".gitlab-ci.yml", text)])), [expected], "{text}");
    }
}

#[test]
fn bombs_end() {
    let axes: String =
        (0..20).map(|axis| format!("        a{axis}: [1, 2, 3, 4, 5, 6, 7, 8, 9]\n")).collect();
    let matrix = format!(
        "jobs:\n  a:\n    strategy:\n      matrix:\n{axes}    steps:\n      - run: docker build api\n"
    );
    let _ = github(&matrix);
    let calls = "jobs:\n  a:\n    uses: ./.github/workflows/ci.yml\n    with: {a: '${{ inputs.a }}${{ inputs.a }}x'}\n  b:\n    steps:\n      - run: docker build api\n";
    let _ = github(calls);
    let _ =
        github(&format!("jobs:\n  a:\n    steps:\n      - run: docker build {}\n", "${{ ".repeat(20_000)));
    let calls: String = (0..300)
        .map(|at| format!("  j{at}: {{uses: ./.github/workflows/b.yml, with: {{a: x{at}}}}}\n"))
        .collect();
    let called = format!(
        "jobs:\n  a:\n    strategy: {{matrix: {{a: [{}]}}}}\n    steps:\n{}",
        "1,".repeat(300),
        "    - run: docker build api\n".repeat(3_000)
    );
    let _ = read_all(&[
        (".github/workflows/a.yml", &format!("jobs:\n{calls}")),
        (".github/workflows/b.yml", &called),
    ]);
    let variables: String = (0..500).map(|at| format!("  V{}: $V{at}$V{at}\n", at + 1)).collect();
    let text = format!(
        "variables:\n  V0: aaaaaaaa\n{variables}a:\n  extends: a\n  script: docker build $V500 api\n"
    );
    let _ = read_all(&[(".gitlab-ci.yml", &text)]);
}

proptest! {
    #[test]
    fn any_expression_is_read(text in r"(\$\{\{|\}\}|matrix\.a|inputs\.b|'|&&|\|\||==|!=|!| )*") {
        let _ = github(&format!("jobs:\n  a:\n    steps:\n      - run: |\n          docker build {text}\n"));
    }
}
