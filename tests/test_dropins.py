"""What lies at the top of the tree for other people's pipelines, run as far as that goes without their services."""

import json
import re
import shlex
import stat
import subprocess
from pathlib import Path

import pytest
import yaml

from pat_check import api
from pat_check.reporters import reporters
from tests import console

ROOT = console.ROOT
CAPTURE = ROOT / "examples" / "fork-partial-6.12"
HOOKS = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS = {step.get("id", step["name"]): step for step in ACTION["runs"]["steps"]}
TEMPLATE = list(yaml.safe_load_all((ROOT / "templates" / "pat-check.yml").read_text()))
MATCHERS = json.loads((ROOT / ".github" / "pat-check-matcher.json").read_text())["problemMatcher"]
EXAMPLES = sorted(path for path in (ROOT / "docs" / "examples").iterdir() if path.suffix in (".yml", ".yaml"))
INPUT = re.compile(r"\$\{\{\s*inputs\.([\w-]+)\s*\}\}")
CLAIMED = "# Two calls\nbar vram = 0xfd000000 size 4K\ndriver drv\n\ndrv: p = ioremap vram\ndrv: iounmap p\n"
UNTIDY = CLAIMED.replace("drv: p = ioremap", "drv:  p=ioremap")
LEAKS = CLAIMED.replace("drv: iounmap p", "drv: unload")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A directory of its own, with the program under test in ``bin``."""
    console.program(tmp_path)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


def bash(place, script, *flags, **variables):
    return subprocess.run(
        ["bash", *flags, "-c", script],
        env=console.environment(place / "bin", **variables),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


# --- pre-commit ----------------------------------------------------------------------------------------


def hooked(place, hook, *names):
    """Run a hook as pre-commit does: its entry, its arguments, and the files that it is for."""
    chosen = [name for name in names if re.search(HOOKS[hook]["files"], name)]
    assert chosen, "pre-commit would skip the hook"
    entry = [*shlex.split(HOOKS[hook]["entry"]), *HOOKS[hook].get("args", ()), *chosen]
    return bash(place, shlex.join(entry))


def test_hooks_say_what_pre_commit_needs():
    assert set(HOOKS) == {"pat-check-fmt", "pat-check-lint"}
    for hook in HOOKS.values():
        assert {"id", "name", "entry", "language", "files"} <= set(hook)
        assert hook["language"] == "python"
        assert console.parsed([*shlex.split(hook["entry"])[1:], "x.pat"])


def test_the_lint_hook_passes_what_is_as_claimed_and_fails_what_is_not(place):
    Path("fine.pat").write_text(CLAIMED)
    Path("notes.txt").write_text("no scenario")
    assert hooked(place, "pat-check-lint", "fine.pat", "notes.txt").returncode == 0
    Path("leaks.pat").write_text(LEAKS)
    done = hooked(place, "pat-check-lint", "fine.pat", "leaks.pat")
    assert done.returncode == 1
    assert "leaks.pat:6: error:" in done.stdout


def test_the_fmt_hook_mends_the_file_which_pre_commit_takes_for_a_failure(place):
    Path("untidy.pat").write_text(UNTIDY)
    assert hooked(place, "pat-check-fmt", "untidy.pat").returncode == 0
    assert Path("untidy.pat").read_text() == CLAIMED


def test_the_hooks_pass_the_examples_of_this_repository(place, monkeypatch):
    monkeypatch.chdir(ROOT)
    names = [str(path.relative_to(ROOT)) for path in sorted((ROOT / "examples").glob("*.pat"))]
    before = [(ROOT / name).read_text() for name in names]
    for hook in HOOKS:
        assert hooked(place, hook, *names).returncode == 0
    assert [(ROOT / name).read_text() for name in names] == before


# --- the GitHub action ---------------------------------------------------------------------------------


def step(place, name, **inputs):
    """Run a step of the action as the runner does: inputs through `env` alone, bash with -eo pipefail."""
    known = {key: str(value.get("default", "")) for key, value in ACTION["inputs"].items()}
    assert set(inputs) <= set(known)
    known |= inputs
    variables = {key: INPUT.sub(lambda found: known[found[1]], text) for key, text in STEPS[name]["env"].items()}
    folders = {"RUNNER_TEMP": place / "temp", "GITHUB_ACTION_PATH": ROOT, "GITHUB_WORKSPACE": Path.cwd()}
    files = {key: place / key for key in ("GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_ENV", "GITHUB_STEP_SUMMARY")}
    for file in files.values():
        file.touch()
    variables |= {key: str(path) for key, path in {**folders, **files}.items()}
    return bash(place, STEPS[name]["run"], "--noprofile", "--norc", "-eo", "pipefail", **variables)


def outputs(place):
    return dict(line.split("=", 1) for line in (place / "GITHUB_OUTPUT").read_text().splitlines())


def test_no_step_pastes_an_expression_into_a_script():
    for one in STEPS.values():
        assert one["shell"] == "bash"
        assert "${{" not in one["run"]
        assert all(INPUT.fullmatch(text) for text in one["env"].values())


def test_the_action_uses_nobody_elses_action_and_every_input():
    assert ACTION["runs"]["using"] == "composite"
    assert not any("uses" in one for one in STEPS.values())
    used = {found for one in STEPS.values() for text in one["env"].values() for found in INPUT.findall(text)}
    assert used == set(ACTION["inputs"])
    assert all(one["description"] for one in (*ACTION["inputs"].values(), *ACTION["outputs"].values()))


def test_the_action_installs_itself_beside_the_job(place):
    """Python is a stand-in that says how it was called and makes what a venv has."""
    log = place / "log"
    stand_in = place / "python"
    stand_in.write_text(
        f'#!/bin/sh\necho "$@" >> {log}\n[ "$2" = venv ] && mkdir -p "$3/bin" && cp "$0" "$3/bin/python" || true\n'
    )
    stand_in.chmod(stand_in.stat().st_mode | stat.S_IXUSR)
    assert step(place, "Install pat-check", python=str(stand_in)).returncode == 0
    venv = place / "temp" / "pat-check"
    assert log.read_text().splitlines() == [f"-m venv {venv}", f"-m pip install --quiet {ROOT}"]
    assert (place / "GITHUB_PATH").read_text() == f"{venv}/bin\n"


def test_the_action_replays_and_says_how_it_ended(place):
    done = step(place, "replay", traces=str(CAPTURE))
    assert done.returncode == 1
    assert outputs(place) == {"exit-code": "1"}
    assert "[memtype-leak]" in done.stdout
    done = step(place, "replay", traces=str(CAPTURE), args="--fail-on\nfatal\n")
    assert done.returncode == 0
    assert "exit-code=0" in (place / "GITHUB_OUTPUT").read_text()


def test_the_action_takes_globs_and_names_with_spaces_and_finds_nothing_where_nothing_is(place):
    Path("a b.pat").write_text(CLAIMED)
    Path("c.pat").write_text(CLAIMED)
    done = step(place, "replay", traces="*.pat\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert "no findings in 2 inputs" in done.stdout
    done = step(place, "replay", traces="nothing-*.pat")
    assert done.returncode == 2
    assert "nothing-*.pat" in done.stderr
    assert step(place, "replay", traces="").returncode == 2


@pytest.mark.parametrize(
    "name", ["$(touch pwned).pat", "`touch pwned`.pat", "x;touch pwned;.pat", "--output=text=pwned"]
)
def test_the_name_of_a_file_is_no_command_and_no_option(place, name):
    Path(name).write_text(CLAIMED)
    done = step(place, "replay", traces=name)
    assert done.returncode == (0 if name.endswith(".pat") else 2), done.stderr
    assert not Path("pwned").exists()
    done = step(place, "replay", traces="*")
    assert not Path("pwned").exists()


def test_an_option_of_the_action_is_no_command_and_no_glob(place):
    Path("fine.pat").write_text(CLAIMED)
    done = step(place, "replay", traces="fine.pat", args="--ignore=$(touch pwned)\n--ignore=*")
    assert done.returncode == 2
    assert not Path("pwned").exists()


def test_the_runner_obeys_no_line_of_a_trace(place):
    Path("log.txt").write_text("[    1.0] x86/PAT: ::set-env name=A::b freeing invalid memtype [mem 0x1000-0x1fff]\n")
    lines = step(place, "replay", traces="log.txt").stdout.splitlines()
    stop = next(at for at, line in enumerate(lines) if line.startswith("::stop-commands::"))
    token = lines[stop].removeprefix("::stop-commands::")
    assert re.fullmatch(r"[0-9a-f]{32}", token)
    again = lines.index(f"::{token}::")
    assert [line for line in lines[:stop] if not line.startswith("::add-matcher::")] == []
    assert lines[again + 1 :] == []
    assert again > stop + 1


def test_the_action_registers_the_matcher_unless_told_not_to(place):
    Path("fine.pat").write_text(CLAIMED)
    (line,) = [line for line in step(place, "replay", traces="*.pat").stdout.splitlines() if "add-matcher" in line]
    assert Path(line.removeprefix("::add-matcher::")) == ROOT / ".github" / "pat-check-matcher.json"
    assert "add-matcher" not in step(place, "replay", traces="*.pat", annotate="false").stdout


def test_the_action_asks_for_sarif(place):
    """The report is there once the reporter is; before, the request is refused by name and nothing is written."""
    done = step(place, "replay", traces=str(CAPTURE), sarif="out dir.sarif")
    if "sarif" in reporters():
        assert done.returncode == 1
        assert json.loads(Path("out dir.sarif").read_text())["version"] == "2.1.0"
    else:
        assert done.returncode == 2
        assert "'sarif'" in done.stderr


# --- the problem matcher -------------------------------------------------------------------------------


def marked(line):
    """What the runner would mark for a line: owner, severity, file, line, message and code of the last that matches."""
    found = None
    for matcher in MATCHERS:
        (pattern,) = matcher["pattern"]
        match = re.search(pattern["regexp"], line)
        if match:
            found = {"severity": matcher["severity"]} | {
                key: match[group] for key, group in pattern.items() if key != "regexp"
            }
    return found


@pytest.mark.parametrize("form", [form for form in ("text", "concise") if form in reporters()])
def test_the_matcher_marks_every_finding_and_nothing_else(place, form):
    done = bash(place, f"pat-check replay --output {form} {shlex.quote(str(CAPTURE))}")
    report = api.check([str(CAPTURE)])
    seen = [mark for line in done.stdout.splitlines() if (mark := marked(line))]
    assert seen == [
        {
            "severity": str(finding.severity),
            "file": finding.file,
            "line": str(finding.line),
            "message": finding.message,
            "code": finding.rule,
        }
        for finding in report.findings
    ]
    assert seen


@pytest.mark.parametrize(
    ("severity", "shown"), [("fatal", "error"), ("error", "error"), ("warning", "warning"), ("info", "notice")]
)
def test_every_severity_is_one_that_github_knows(severity, shown):
    mark = marked(f"a b/trace.txt:12: {severity}: it [0x0-0x1000) broke: so [memtype-leak]")
    assert mark == {
        "severity": shown,
        "file": "a b/trace.txt",
        "line": "12",
        "message": "it [0x0-0x1000) broke: so",
        "code": "memtype-leak",
    }


def test_the_matcher_marks_findings_without_a_line_and_inputs_that_cannot_be_read():
    assert marked("trace.txt: warning: the recording lost 3 events [trace-lost-events]")["line"] is None
    assert marked("pat-check: error: x.txt: No such file or directory")["message"] == "x.txt: No such file or directory"


@pytest.mark.parametrize(
    "line",
    [
        "  trace.txt:9: note: first freed here",
        "     176 | a.txt:1: error: quoted [memtype-leak]",
        "trace.txt:9: baselined: it broke [memtype-leak]",
        "3 findings (3 error) in 1 input",
        "error  memtype-leak  1",
    ],
)
def test_the_matcher_marks_no_other_line(line):
    assert marked(line) is None


def test_every_matcher_has_an_owner_of_its_own():
    assert len({matcher["owner"] for matcher in MATCHERS}) == len(MATCHERS)


# --- the GitLab template -------------------------------------------------------------------------------


def job(**inputs):
    """The job of the template with its inputs put in, as GitLab does."""
    spec = TEMPLATE[0]["spec"]["inputs"]
    assert set(inputs) <= set(spec)
    values = {name: str(one.get("default", "")) for name, one in spec.items()} | inputs

    def put(value):
        if isinstance(value, dict):
            return {key: put(one) for key, one in value.items()}
        if isinstance(value, list):
            return [put(one) for one in value]
        return (
            re.sub(r"\$\[\[ inputs\.(\w+) \]\]", lambda found: values[found[1]], value)
            if isinstance(value, str)
            else value
        )

    return put(TEMPLATE[1])["pat-check"]


def test_the_template_pastes_no_input_into_a_script():
    own = TEMPLATE[1]["pat-check"]
    assert "$[[" not in "\n".join([*own["before_script"], *own["script"]])


def test_the_template_installs_what_it_is_told(place):
    """Python is a stand-in, as above."""
    log = place / "log"
    (place / "bin" / "python3").write_text(
        f'#!/bin/sh\necho "$@" >> {log}\n[ "$2" = venv ] && mkdir -p "$3/bin" && cp "$0" "$3/bin/python" || true\n'
    )
    (place / "bin" / "python3").chmod(0o755)
    own = job(package="pat-check @ git+https://example.org/x y")
    done = bash(place, "\n".join([*own["before_script"], 'echo "$PATH"']), "-eo", "pipefail", **own["variables"])
    assert done.returncode == 0, done.stderr
    assert log.read_text().splitlines() == [
        "-m venv .pat-check",
        f"-m pip install --quiet {own['variables']['PACKAGE']}",
    ]
    assert done.stdout.startswith(f"{Path.cwd()}/.pat-check/bin:")


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_the_template_replays_and_writes_what_it_hands_over(place, shell):
    Path("captures").mkdir()
    (Path("captures") / "fork partial").symlink_to(CAPTURE)
    own = job(args="--fail-on=fatal\n--quiet")
    script = "\n".join(own["script"])
    done = subprocess.run(
        [shell, "-e", "-c", script],
        env=console.environment(place / "bin", **own["variables"]),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    wanted = {form: own["artifacts"]["reports"][kind] for form, kind in (("gitlab", "codequality"), ("junit", "junit"))}
    assert all(f"--output {form}={file}" in script for form, file in wanted.items())
    if set(wanted) <= set(reporters()):
        assert done.returncode == 0, done.stderr
        assert all(Path(file).stat().st_size for file in wanted.values())
        assert len(json.loads(Path(wanted["gitlab"]).read_text())) == len(api.check([str(CAPTURE)]).findings)
    else:
        assert done.returncode == 2
        assert "'gitlab'" in done.stderr


def test_the_template_hands_its_reports_over_when_something_was_found():
    assert job()["artifacts"]["when"] == "always"


# --- examples ------------------------------------------------------------------------------------------


def example(name):
    return yaml.safe_load((ROOT / "docs" / "examples" / name).read_text())


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_shown_and_is_not_run_by_accident(path):
    assert path.read_text() in (ROOT / "docs" / "how-to" / "gate.md").read_text()
    assert not (ROOT / ".github" / "workflows" / path.name).exists()


def test_the_workflow_gives_the_action_inputs_that_it_has(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    steps = example("github-workflow.yml")["jobs"]["pat-check"]["steps"]
    (ours,) = [one for one in steps if one.get("uses", "").startswith("OWNER/pat-check@")]
    assert set(ours["with"]) <= set(ACTION["inputs"])
    assert {name for name, one in ACTION["inputs"].items() if one.get("required")} <= set(ours["with"])
    assert console.parsed(["replay", *ours["with"]["args"].splitlines(), "x"])
    for one in steps:
        assert all(console.parsed(arguments) for arguments in console.ours(one.get("run", "")))


def test_the_gitlab_example_gives_inputs_that_the_template_has():
    (included,) = example("gitlab-ci.yml")["include"]
    assert (ROOT / included["file"]).is_file()
    assert set(included["inputs"]) <= set(TEMPLATE[0]["spec"]["inputs"])


def test_the_pre_commit_example_names_hooks_that_there_are():
    (repo,) = example("pre-commit-config.yaml")["repos"]
    assert {hook["id"] for hook in repo["hooks"]} == set(HOOKS)
