"""``pat-check lint`` and ``fmt`` as people and CI jobs use them."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from pat_check import api
from pat_check.cli import cli
from tests.test_cli import on_a_terminal, process, run

GOLDEN = Path(__file__).parent / "scenario" / "golden"

CLEAN = """\
# Mapped and unmapped
bar fb = 0xfd000000 size 32K
process app

app: v = mmap 32K
app: remap_pfn_range v, fb
app: munmap v
"""

SPLIT = """\
# The head first
bar fb = 0xfd000000 size 32K
process app

app: v = mmap 32K
app: remap_pfn_range v, fb
app: munmap v, 16K   #! memtype-invalid-free@!pfnmap-ctx
app: munmap v + 16K, 16K
app: exit            #! memtype-leak@!pfnmap-ctx
"""


@pytest.fixture
def written(tmp_path):
    def write(text, name="x.pat"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        return str(file)

    return write


# --- the matrix -------------------------------------------------------------------------------------------


def test_a_scenario_is_a_matrix_of_rules_by_era(written):
    file = written(SPLIT)
    result = run("lint", file)
    assert result.exit_code == 0
    assert result.stdout == (
        f"{file}: The head first\n"
        "rule                  vm-pat  vm-pat-6.12  unmap-region  pfnmap-ctx\n"
        "memtype-invalid-free       1            1             1           -\n"
        "memtype-leak               1            1             1           -\n"
        "  as claimed\n"
        "\n"
    )


def test_a_scenario_without_findings_says_so(written):
    file = written(CLEAN)
    result = run("lint", file)
    assert result.exit_code == 0
    assert result.stdout == f"{file}: Mapped and unmapped\n  no findings in any era\n  as claimed\n\n"


def test_what_is_still_held_at_the_end_is_no_finding(written):
    result = run("lint", written(CLEAN.replace("app: munmap v\n", "")))
    assert (result.exit_code, result.stdout.splitlines()[1]) == (0, "  no findings in any era")


def test_only_the_eras_that_were_asked_for_are_columns(written):
    result = run("lint", written(SPLIT), "--era", "pfnmap-ctx", "--era", "vm-pat")
    assert result.stdout.splitlines()[1].split() == ["rule", "pfnmap-ctx", "vm-pat"]


def test_an_era_that_is_named_twice_is_one_column(written):
    result = run("lint", written(SPLIT), "--era", "vm-pat", "--era", "vm-pat")
    assert result.stdout.splitlines()[1].split() == ["rule", "vm-pat"]


def test_the_golden_vectors_fit_a_terminal_of_80_columns():
    code, shown = on_a_terminal("lint", str(GOLDEN), NO_COLOR="1")
    assert code == 0
    assert max(map(len, shown.splitlines())) <= 80
    assert shown.count("  as claimed\n") == len(list(GOLDEN.glob("*.pat")))


def test_a_long_complaint_is_wrapped_on_a_terminal_and_not_in_a_pipe(written):
    file = written(SPLIT.replace("#! memtype-invalid-free@!pfnmap-ctx", ""))
    piped = process("lint", file).stdout.splitlines()
    _, shown = on_a_terminal("lint", file, NO_COLOR="1")
    assert sum(line.startswith(f"{file}:7: error: ") for line in piped) == 1
    assert any("[memtype-invalid-free], which nothing claims" in line for line in piped)
    assert max(map(len, shown.splitlines())) <= max(80, len(file) + 4)


def test_colour_is_for_terminals(written):
    file = written(SPLIT)
    assert "\x1b[" in on_a_terminal("lint", file)[1]
    assert "\x1b[" not in process("lint", file).stdout
    assert "\x1b[" in process("lint", "--color", "always", file).stdout


# --- what is not as the scenario says ---------------------------------------------------------------------


def test_a_claim_that_nothing_meets_is_an_error_at_its_line(written):
    file = written(CLEAN.replace("munmap v\n", "munmap v   #! memtype-leak\n"))
    result = run("lint", file)
    assert result.exit_code == 1
    assert f"{file}:7: error: memtype-leak is claimed here and not found (in every era)\n" in result.stdout
    assert "  1 not as claimed\n" in result.stdout


def test_a_finding_that_nothing_claims_is_an_error_at_its_line(written):
    file = written(SPLIT.replace("#! memtype-invalid-free@!pfnmap-ctx", ""))
    result = run("lint", file)
    assert result.exit_code == 1
    (said,) = [line for line in result.stdout.splitlines() if ": error: " in line]
    assert said.startswith(f"{file}:7: error: untrack_pfn frees memtype [0xfd000000-0xfd004000), which is not reserved")
    assert said.endswith("[memtype-invalid-free], which nothing claims (in vm-pat, vm-pat-6.12, unmap-region)")


def test_a_finding_that_nothing_claims_keeps_its_severity(written):
    mapped = "app: w = mmap 32K, wc\napp: remap_pfn_range w, fb, wc\n"
    file = written(CLEAN.replace("app: munmap v\n", f"{mapped}app: munmap w\napp: munmap v\n"))
    result = run("lint", file)
    assert result.exit_code == 1
    (said,) = [line for line in result.stdout.splitlines() if line.startswith(f"{file}:8: ")]
    assert said.startswith(f"{file}:8: info: ")
    assert said.endswith("[memtype-downgrade], which nothing claims (in every era)")


@pytest.mark.parametrize(
    ("expectation", "said"),
    [
        ("expect memtypes fb = [0, 16K) wc", "memtypes of fb are none, not [0, 16K) wc"),
        ("expect ret = -EINVAL", "the operation returned 0, not -EINVAL"),
        ("expect pte v = fb", "the entry is none, not 0xfd000000"),
        ('expect dmesg "freeing"', 'the kernel says nothing, not "freeing"'),
    ],
)
def test_an_expectation_that_fails_is_an_error_at_its_line(written, expectation, said):
    file = written(f"{CLEAN}{expectation}   @vm-pat*\n")
    result = run("lint", file)
    assert result.exit_code == 1
    assert f"{file}:8: error: {said} (in vm-pat, vm-pat-6.12)\n" in result.stdout


def test_what_an_era_cannot_do_for_want_of_a_child_is_told_and_no_complaint(written):
    text = """\
bar fb = 0xfd000000 size 32K
process app
app: v = mmap 32K, private, wb
app: remap_pfn_range v, fb
app: write v
app: fork child   #! tracking-fork-failed@!pfnmap-ctx
child: exit
app: exit
"""
    result = run("lint", written(text))
    assert result.exit_code == 0
    assert (
        "x.pat:7: not played: there is no child, for line 6 failed (in vm-pat, vm-pat-6.12, unmap-region)\n"
        in result.output
    )


def test_a_claim_of_another_era_does_not_count(written):
    file = written(SPLIT.replace("memtype-leak@!pfnmap-ctx", "memtype-leak@pfnmap-ctx"))
    said = run("lint", file).stdout
    assert f"{file}:9: error: memtype-leak is claimed here and not found (in pfnmap-ctx)\n" in said
    assert "[memtype-leak], which nothing claims (in vm-pat, vm-pat-6.12, unmap-region)\n" in said
    assert run("lint", file, "--era", "vm-pat", "--era", "pfnmap-ctx").exit_code == 1


def test_what_a_comment_ignores_needs_no_claim(written):
    text = SPLIT.replace("app: munmap v, 16K   #! memtype-invalid-free@!pfnmap-ctx", "app: munmap v, 16K")
    text = text.replace("app: munmap v, 16K\n", "# pat-check: ignore[memtype-invalid-free] known\napp: munmap v, 16K\n")
    assert run("lint", written(text)).exit_code == 0


# --- what cannot be played --------------------------------------------------------------------------------


def test_a_syntax_error_has_a_place_a_caret_and_a_guess(written):
    file = written(CLEAN.replace("size", "sise"))
    result = run("lint", file)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == (
        f"pat-check: error: {file}:2:21: expected 'size', not 'sise'; did you mean 'size'?\n"
        "    bar fb = 0xfd000000 sise 32K\n"
        "                        ^\n"
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("munmap v", "munmpa v", "no operation is called 'munmpa'; did you mean 'munmap'?"),
        ("app: munmap", "apq: munmap", "'apq' is no process or driver; did you mean 'app'?"),
        ("remap_pfn_range v, fb", "remap_pfn_range v, fbb", "'fbb' names nothing here; did you mean 'fb'?"),
        ("remap_pfn_range v", "remap_pfn_range vv", "'vv' names nothing here"),
        ("remap_pfn_range v", "remap_pfn_range w", "'w' names nothing here\n"),
        ("munmap v", "madvise v, dontneed", "madvise does not take 'dontneed': it takes MAPPING[, SIZE] and the words"),
        ("munmap v", "iounmap fb", "'fb' is nothing that an ioremap returned"),
        ("process app", "process app\nbar fb = 0xfe000000 size 4K", "'fb' is a BAR already, since line 2"),
        ("process app", "process app\ndriver app", "'app' is a process already, since line"),
        ("v = mmap", "fb = mmap", "'fb' is a BAR already, since line 2"),
        ("app: munmap v", "app: v = ioremap fb", "'v' is a mapping already, since line"),
    ],
)
def test_a_statement_that_makes_no_sense_has_a_place_and_a_guess(written, old, new, said):
    text = CLEAN.replace(old, new)
    at, line = next((number, line) for number, line in enumerate(text.splitlines(), 1) if new.split("\n")[-1] in line)
    column = re.search(rf"\b{said.split(chr(39))[1]}\b", line).start()
    result = run("lint", file := written(text))
    assert result.exit_code == 2
    assert result.stderr.startswith(f"pat-check: error: {file}:{at}:{column + 1}: {said}")
    assert result.stderr.endswith(f"\n    {line}\n    {' ' * column}^\n")


def test_an_era_with_a_typo_is_guessed():
    result = run("lint", "--era", "vm-pta", "x.pat")
    assert result.exit_code == 2
    assert "Unknown era 'vm-pta'. Did you mean 'vm-pat'" in result.stderr


def test_a_file_that_is_not_there_is_told_in_one_line(tmp_path):
    result = run("lint", str(tmp_path / "no.pat"))
    assert (result.exit_code, result.stderr) == (2, f"pat-check: error: {tmp_path}/no.pat: No such file or directory\n")


# --- directories ------------------------------------------------------------------------------------------


def test_a_directory_is_every_scenario_below_it_in_order(written, tmp_path):
    files = [written(CLEAN, name) for name in ("b.pat", "a/z.pat", "a.pat")]
    written("no scenario", "a/readme.txt")
    result = run("lint", str(tmp_path))
    titles = [line.partition(": ")[0] for line in result.stdout.splitlines() if line.endswith(": Mapped and unmapped")]
    assert titles == sorted(files)


def test_one_scenario_that_fails_makes_the_directory_fail(written, tmp_path):
    written(CLEAN, "a.pat")
    written(SPLIT.replace("#! memtype-leak@!pfnmap-ctx", ""), "b.pat")
    assert run("lint", str(tmp_path)).exit_code == 1


def test_a_directory_without_scenarios_is_a_mistake(tmp_path):
    result = run("lint", str(tmp_path))
    assert (result.exit_code, result.stderr) == (
        2,
        f"pat-check: error: {tmp_path}: is a directory without .pat files\n",
    )


# --- fmt --------------------------------------------------------------------------------------------------


def test_fmt_lays_out_what_is_not(written):
    file = written(SPLIT)
    assert (run("fmt", "--check", file).exit_code, Path(file).read_text()) == (1, SPLIT)
    result = run("fmt", file)
    assert (result.exit_code, result.stderr) == (0, f"formatted {file}\n")
    assert Path(file).read_text() == api.formatted(SPLIT, file)
    again = run("fmt", file)
    assert (again.exit_code, again.stderr) == (0, "")
    assert run("fmt", "--check", file).exit_code == 0


def test_fmt_leaves_a_file_alone_that_it_cannot_read(written):
    text = CLEAN.replace("size", "sise")
    file = written(text)
    assert run("fmt", file).exit_code == 2
    assert Path(file).read_text() == text


def test_the_golden_vectors_are_laid_out():
    assert run("fmt", "--check", str(GOLDEN)).exit_code == 0


def test_a_task_without_its_colon_is_told(written):
    text = CLEAN.replace("app: munmap v", "app munmap v")
    result = run("lint", written(text))
    assert result.exit_code == 2
    assert "not 'v'; a task has a colon behind it: app: munmap\n" in result.stderr


def test_what_is_claimed_twice_and_not_found_names_each_era_once(written):
    result = run("lint", written(CLEAN + "app: exit  #! memtype-leak memtype-leak\n"))
    assert result.exit_code == 1
    assert "memtype-leak is claimed here and not found (in every era)" in result.stdout


@pytest.mark.parametrize(
    ("data", "said"),
    [(b"\x7fELF\0\1", ": is binary data and no scenario\n"), (b"# a\n# caf\xe9\n", ":2: is not UTF-8\n")],
)
def test_fmt_writes_nothing_over_what_is_no_text(tmp_path, data, said):
    file = tmp_path / "x.pat"
    file.write_bytes(data)
    result = run("fmt", str(file))
    assert (result.exit_code, result.stderr) == (2, f"pat-check: error: {file}{said}")
    assert file.read_bytes() == data
    result = CliRunner().invoke(cli, ["fmt", "-"], input=data)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"pat-check: error: <stdin>{said}")
