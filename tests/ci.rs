//! What reviews a change in CI: the scripts are carried out in a repository, and what a host of code reads is judged by its schemas.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use support::{SEED, Spec, copy_program, examples, must, program, project, run, said};

const HOSTS: [&str; 3] = [
    "cp 10.0.0.1 control-plane etcd",
    "n1 10.0.0.2 worker",
    "lb 10.0.0.3 load-balancer",
];

/// A repository with a specification and its golden in a folder, both committed; the seed is not.
struct Repository {
    spec: Spec,
    folder: PathBuf,
}

impl Repository {
    fn new() -> Repository {
        let spec = Spec::new(&HOSTS, "layout = \"split\"\n[cluster]\nname = \"reviewed\"\n").with_ecdsa_keys();
        let folder = spec.path().parent().expect("a folder").to_owned();
        let repository = Repository { spec, folder };
        must(
            support::khw_gen()
                .args(["golden", "write", "cluster.toml", "golden"])
                .current_dir(&repository.folder),
        );
        fs::remove_file(repository.folder.join("seed")).expect("the seed");
        fs::write(repository.folder.join(".gitignore"), "seed\nreview\n").expect("a file");
        repository.git(&["init", "--quiet"]);
        repository.commit();
        repository
    }

    fn git(&self, arguments: &[&str]) -> String {
        git(&self.folder, arguments)
    }

    fn commit(&self) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "as it is"]);
        self.git(&["rev-parse", "HEAD"]).trim().to_owned()
    }

    fn edit(&self, from: &str, to: &str) {
        let path = self.spec.path();
        let text = fs::read_to_string(&path).expect("cluster.toml");
        assert!(text.contains(from), "{text}");
        fs::write(path, text.replace(from, to)).expect("cluster.toml");
    }

    fn review(&self, seed: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new("sh");
        command.arg(project().join("ci/review.sh")).args(arguments);
        command
            .env("KHW_GEN", env!("CARGO_BIN_EXE_khw-gen"))
            .env("OUT", "review")
            .env("SEED", seed);
        run(command.current_dir(&self.folder))
    }

    fn told(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join("review").join(name)).expect("what was told")
    }
}

/// Git as somebody who has told it no name.
fn git(folder: &Path, arguments: &[&str]) -> String {
    let who = [
        "-c",
        "user.name=somebody",
        "-c",
        "user.email=somebody@example.org",
        "-c",
        "commit.gpgsign=false",
    ];
    must(Command::new("git").args(who).args(arguments).current_dir(folder))
}

fn seed() -> String {
    SEED.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_change_is_checked_compared_and_told() {
    let repository = Repository::new();
    let base = repository.git(&["rev-parse", "HEAD"]).trim().to_owned();
    for seed in ["", &seed()] {
        let same = repository.review(seed, &["cluster.toml", "golden", &base]);
        assert!(same.status.success(), "{}", said(&same));
        assert_eq!(repository.told("khw-gen.md"), "No host changes.\n");
    }
    // A change that is not in the golden yet: it is told which host it changes, and the review fails.
    repository.edit("10.0.0.2", "10.0.0.22");
    let changed = repository.review("", &["cluster.toml", "golden", &base]);
    assert_eq!(changed.status.code(), Some(1), "{}", said(&changed));
    let told = repository.told("khw-gen.md");
    assert!(told.contains("n1") && told.contains("systemctl"), "{told}");
    // Without a golden, a difference is no failure.
    let changed = repository.review("", &["cluster.toml", "", &base]);
    assert!(changed.status.success(), "{}", said(&changed));
    assert_eq!(repository.told("khw-gen.md"), told);
    // One that is wrong: at its line.
    repository.edit("[cluster]", "[cluster]\nnaem = \"x\"");
    let wrong = repository.review("", &["cluster.toml", "golden", &base]);
    assert_eq!(wrong.status.code(), Some(1), "{}", said(&wrong));
    let log: Value = serde_json::from_str(&repository.told("khw-gen.sarif")).expect("SARIF");
    let results = log["runs"][0]["results"].as_array().expect("results");
    assert!(results.iter().any(|one| one["ruleId"] == "unknown-field"), "{log:#}");
    assert_eq!(
        repository.git(&["worktree", "list"]).lines().count(),
        1,
        "nothing stays of the other tree"
    );
}

#[test]
fn a_cluster_that_was_not_there_is_told_so() {
    let repository = Repository::new();
    let base = repository.git(&["rev-parse", "HEAD"]).trim().to_owned();
    fs::copy(repository.spec.path(), repository.folder.join("other.toml")).expect("a copy");
    let other = repository.review("", &["other.toml", "", &base]);
    assert!(other.status.success(), "{}", said(&other));
    assert_eq!(
        repository.told("khw-gen.md"),
        format!("There is no other.toml at {base}.\n")
    );
}

/// What a change names as a template may be anything that the program can read, its own environment too: the seed is not there.
#[test]
fn the_seed_is_in_nobodys_environment() {
    let repository = Repository::new();
    let folder = repository.folder.join("review");
    fs::create_dir_all(&folder).expect("a folder");
    let wrapper = folder.join("wrapper");
    let text = format!(
        "#!/bin/sh\nenv >>'{}/environment'\nexec '{}' \"$@\"\n",
        folder.display(),
        env!("CARGO_BIN_EXE_khw-gen")
    );
    fs::write(&wrapper, text).expect("a program");
    must(Command::new("chmod").arg("+x").arg(&wrapper));
    let mut command = Command::new("sh");
    command
        .arg(project().join("ci/review.sh"))
        .args(["cluster.toml", "golden", "HEAD"]);
    command
        .env("KHW_GEN", &wrapper)
        .env("OUT", "review")
        .env("SEED", seed());
    let output = run(command.current_dir(&repository.folder));
    assert!(output.status.success(), "{}", said(&output));
    let seen = fs::read_to_string(folder.join("environment")).expect("environments");
    assert!(seen.contains("PWD=") && !seen.contains(&seed()), "{seen}");
    // Nor is what a kernel tells of processes an input at all.
    repository.edit(
        "[cluster]",
        "[[files]]\non = \"all\"\nat = \"/etc/x\"\ntemplate = \"/proc/version\"\n[cluster]",
    );
    let of_kernel = run(support::khw_gen()
        .args(["check", "cluster.toml"])
        .current_dir(&repository.folder));
    assert!(
        said(&of_kernel).contains("unreadable-input")
            && said(&of_kernel).contains("/proc/version is what the kernel tells"),
        "{}",
        said(&of_kernel)
    );
}

/// Nothing that could not be compared is told as if nothing had changed.
#[test]
fn a_difference_that_can_not_be_told_is_no_review() {
    let repository = Repository::new();
    let unknown = repository.review("", &["cluster.toml", "", "nowhere"]);
    assert_eq!(unknown.status.code(), Some(1), "{}", said(&unknown));
    assert_eq!(
        repository.told("khw-gen.md"),
        "The difference can't be told: there is no commit nowhere here.\n"
    );
    let base = repository.git(&["rev-parse", "HEAD"]).trim().to_owned();
    // What does not compile at the base is no reason against the change that repairs it.
    repository.edit("[cluster]", "[cluster]\nnaem = \"x\"");
    let broken = repository.commit();
    repository.edit("[cluster]\nnaem = \"x\"", "[cluster]");
    let repaired = repository.review("", &["cluster.toml", "golden", &broken]);
    assert!(repaired.status.success(), "{}", said(&repaired));
    assert!(
        repository.told("khw-gen.md").contains("does not compile"),
        "{}",
        repository.told("khw-gen.md")
    );
    // The key of an authority is not in CI.
    let seed_path = repository.folder.join("seed");
    fs::write(&seed_path, seed()).expect("a seed");
    must(Command::new("chmod").arg("0600").arg(&seed_path));
    let (_folder, out) = support::build(&repository.spec.path());
    fs::remove_file(seed_path).expect("the seed");
    fs::copy(
        out.join("cp/rootfs/var/lib/kubernetes/ca.pem"),
        repository.folder.join("ca.pem"),
    )
    .expect("a certificate");
    repository.edit(
        "[cluster]",
        "[pki.ca]\ncert = \"ca.pem\"\nkey = \"ca-key.pem\"\n[cluster]",
    );
    let without = repository.review("", &["cluster.toml", "", &base]);
    assert_eq!(without.status.code(), Some(1), "{}", said(&without));
    assert_eq!(
        repository.told("khw-gen.md"),
        "The difference can't be told: the log of the job says why.\n"
    );
    let absolute = repository.review("", &["/cluster.toml", "", &base]);
    assert_eq!(absolute.status.code(), Some(2), "{}", said(&absolute));
}

#[test]
fn shellcheck_reads_what_ci_runs() {
    let Some(shellcheck) = program("shellcheck", "shellcheck reads ci/review.sh") else {
        return;
    };
    must(
        Command::new(shellcheck)
            .args(["-s", "sh"])
            .arg(project().join("ci/review.sh")),
    );
}

/// The action's own steps, carried out as a runner does: inputs and what it knows of the job are in the environment.
#[test]
fn the_steps_of_the_action_do_what_they_say() {
    let repository = Repository::new();
    let base = repository.git(&["rev-parse", "HEAD"]).trim().to_owned();
    repository.edit("10.0.0.2", "10.0.0.22");
    let steps = steps_of_action();
    let folder = repository.folder.join("review");
    fs::create_dir_all(&folder).expect("a folder");
    let at = |name: &str| folder.join(name);
    // Instead of gh, a program that keeps what it is asked, and lists the comment that is there.
    let gh = "#!/bin/sh\nprintf '%s\\n' \"$*\" >>\"$OUT/asked\"\ncase $* in *--jq*) cat \"$OUT/there\" ;; esac\n";
    fs::write(at("gh"), gh).expect("a program");
    must(Command::new("chmod").args(["+x"]).arg(at("gh")));
    let known = |text: &str| {
        let values = BTreeMap::from([
            ("inputs.cluster", "cluster.toml".to_owned()),
            ("inputs.golden", String::new()),
            ("inputs.base", base.clone()),
            ("inputs.seed", String::new()),
            ("inputs.program", env!("CARGO_BIN_EXE_khw-gen").to_owned()),
            ("github.action_path", project().display().to_string()),
            ("github.token", "token".to_owned()),
            ("github.repository", "somebody/clusters".to_owned()),
            ("github.event.pull_request.number", "7".to_owned()),
            ("runner.temp", folder.display().to_string()),
            (
                "steps.review.outputs.diff",
                at("khw-gen/khw-gen.md").display().to_string(),
            ),
        ]);
        let mut filled = text.to_owned();
        for (name, value) in values {
            filled = filled.replace(&format!("${{{{ {name} }}}}"), &value);
        }
        assert!(!filled.contains("${{"), "{filled}");
        filled
    };
    for (there, wanted) in [
        ("", "pr comment 7 --repo somebody/clusters"),
        ("42\n", "PATCH repos/somebody/clusters/issues/comments/42"),
    ] {
        fs::write(at("there"), there).expect("a comment");
        for name in ["asked", "summary", "output"] {
            let _ = fs::remove_file(at(name));
        }
        for (run_text, environment) in &steps {
            assert!(
                !run_text.contains("${{"),
                "what an input says is never a part of a script: {run_text}"
            );
            let mut command = Command::new("sh");
            command.args(["-e", "-c", run_text]).current_dir(&repository.folder);
            command
                .env("GITHUB_OUTPUT", at("output"))
                .env("GITHUB_STEP_SUMMARY", at("summary"))
                .env("OUT", &folder);
            let own = support::path();
            let path = std::iter::once(folder.clone()).chain(std::env::split_paths(&own));
            command.env("PATH", std::env::join_paths(path).expect("a path"));
            for (name, value) in environment {
                command.env(name, known(value));
            }
            let output = run(&mut command);
            assert!(output.status.success(), "{run_text}: {}", said(&output));
        }
        let asked = fs::read_to_string(at("asked")).expect("what was asked of gh");
        assert!(asked.contains(wanted), "{asked}");
    }
    let told = fs::read_to_string(at("khw-gen/khw-gen.md")).expect("the difference");
    assert!(told.contains("n1"), "{told}");
    assert_eq!(fs::read_to_string(at("summary")).expect("a summary"), told);
    let comment = fs::read_to_string(at("khw-gen/khw-gen.md.comment")).expect("a comment");
    assert_eq!(comment, format!("<!-- khw-gen -->\n{told}"));
    let outputs = fs::read_to_string(at("output")).expect("outputs");
    for line in outputs.lines() {
        let (_, path) = line.split_once('=').expect("a name and a value");
        assert!(Path::new(path).is_file(), "{line}");
    }
}

/// The script of each step, and its environment.
fn steps_of_action() -> Vec<(String, BTreeMap<String, String>)> {
    let text = fs::read_to_string(project().join("action.yml")).expect("action.yml");
    let action: Value = serde_saphyr::from_str(&text).expect("YAML");
    let steps = action["runs"]["steps"].as_array().expect("steps").clone();
    let step = |step: &Value| {
        let environment = step["env"].as_object().expect("an environment");
        let environment = environment
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().expect("a text").to_owned()));
        (
            step["run"].as_str().expect("a script").to_owned(),
            environment.collect(),
        )
    };
    steps.iter().map(step).collect()
}

#[test]
fn hosts_of_code_take_these_files() {
    const TEST: &str = "files for CI by their schemas";
    if let Some(judge) = program("check-jsonschema", TEST) {
        for (schema, file) in [
            ("vendor.github-actions", "action.yml"),
            ("vendor.gitlab-ci", "ci/gitlab.yml"),
        ] {
            must(
                Command::new(&judge)
                    .args(["--builtin-schema", schema])
                    .arg(project().join(file)),
            );
        }
    }
    let Some(actionlint) = program("actionlint", TEST) else {
        return;
    };
    // As a workflow of the repository itself, whose action is read too: inputs and outputs that it has not are found.
    let repository = Repository::new();
    let workflows = repository.folder.join(".github/workflows");
    fs::create_dir_all(&workflows).expect("a folder");
    fs::copy(project().join("action.yml"), repository.folder.join("action.yml")).expect("a copy");
    let workflow = examples::shown("github", "yaml").replace("OWNER/khw-gen@TAG", "./");
    let lint = |workflow: &str| {
        fs::write(workflows.join("review.yml"), workflow).expect("a workflow");
        run(Command::new(&actionlint)
            .args(["-no-color"])
            .current_dir(&repository.folder))
    };
    let right = lint(&workflow);
    assert!(right.status.success(), "{}", said(&right));
    for (from, to) in [("golden: golden", "goldn: golden"), ("outputs.sarif", "outputs.serif")] {
        assert!(!lint(&workflow.replace(from, to)).status.success(), "{to}");
    }
}

/// The image of the page has what the job calls, and the page says what to write for each name in capitals that nobody else knows.
#[test]
fn the_job_of_gitlab_finds_what_it_calls() {
    let read = |path: &str| fs::read_to_string(project().join(path)).expect("a file");
    let (job, image, page) = (read("ci/gitlab.yml"), read("ci/Containerfile"), read("docs/ci.md"));
    assert!(job.contains("\n  image: $KHW_GEN_IMAGE\n"), "{job}");
    for needed in ["review.sh", "khw-gen", "git"] {
        let has = |line: &str| {
            (line.starts_with("COPY") || line.contains("install")) && line.split(' ').any(|word| word == needed)
        };
        assert!(image.lines().any(has), "no {needed} in {image}");
    }
    let shown = examples::shown("gitlab", "yaml");
    for variable in shown.lines().filter_map(|line| line.trim().split_once(": ")) {
        let (name, _) = variable;
        assert!(
            name.starts_with("- ") || job.contains(&format!("    {name}: ")),
            "{name} in {job}"
        );
    }
    for name in ["OWNER", "TAG"] {
        assert!(page.contains(&format!("`{name}`")), "{name} is explained nowhere");
    }
}

#[test]
fn pre_commit_checks_what_changed() {
    const TEST: &str = "pre-commit runs the hook";
    let Some(pre_commit) = program("pre-commit", TEST) else {
        return;
    };
    must(
        Command::new(&pre_commit)
            .arg("validate-manifest")
            .arg(project().join(".pre-commit-hooks.yaml")),
    );
    // The repository of the hook, with what it has of it alone.
    let hooks = tempfile::TempDir::new().expect("a folder");
    fs::copy(
        project().join(".pre-commit-hooks.yaml"),
        hooks.path().join(".pre-commit-hooks.yaml"),
    )
    .expect("a copy");
    git(hooks.path(), &["init", "--quiet"]);
    git(hooks.path(), &["add", "--all"]);
    git(hooks.path(), &["commit", "--quiet", "--message", "hooks"]);
    // As the page names it: this version's tag.
    git(hooks.path(), &["tag", concat!("v", env!("CARGO_PKG_VERSION"))]);
    let repository = Repository::new();
    let config = examples::shown("pre-commit", "yaml")
        .replace("https://github.com/OWNER/khw-gen", &hooks.path().display().to_string());
    fs::write(repository.folder.join(".pre-commit-config.yaml"), config).expect("a configuration");
    // The program is on the path, as its users have it.
    let programs = tempfile::TempDir::new().expect("a folder");
    copy_program(
        Path::new(env!("CARGO_BIN_EXE_khw-gen")),
        &programs.path().join("khw-gen"),
    );
    let checked = || -> Output {
        repository.git(&["add", "--all"]);
        let own = support::path();
        let path = std::iter::once(programs.path().to_owned()).chain(std::env::split_paths(&own));
        let mut command = Command::new(&pre_commit);
        command
            .args(["run", "--all-files", "--color", "never"])
            .current_dir(&repository.folder);
        command.env("PATH", std::env::join_paths(path).expect("a path"));
        run(command.env("PRE_COMMIT_HOME", programs.path().join("cache")))
    };
    let right = checked();
    assert!(
        right.status.success() && said(&right).contains("Passed") && !said(&right).contains("mutable"),
        "{}",
        said(&right)
    );
    // One of several.
    let second = repository.folder.join("second");
    fs::create_dir(&second).expect("a folder");
    symlink_csrs(&second, &repository.folder);
    let text = fs::read_to_string(repository.spec.path()).expect("cluster.toml");
    fs::write(
        second.join("cluster.toml"),
        text.replace("[cluster]", "[cluster]\nnaem = \"x\""),
    )
    .expect("a specification");
    let wrong = checked();
    assert!(
        !wrong.status.success() && said(&wrong).contains("second/cluster.toml"),
        "{}",
        said(&wrong)
    );
}

fn symlink_csrs(second: &Path, first: &Path) {
    let csr: PathBuf = first.join("csr");
    symlink(csr, second.join("csr")).expect("a link");
}
