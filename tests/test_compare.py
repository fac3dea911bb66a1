"""``pat-check compare``: scenarios and recordings under several kernels."""

import pytest

from pat_check import api
from tests.corpus import KEPT
from tests.test_cli import on_a_terminal, run
from tests.test_lint import CLEAN, SPLIT, written

__all__ = ["written"]

CAPTURE = KEPT / "6.12" / "fork-partial"
OLD_AND_NEW = ("--era", "vm-pat", "--era", "pfnmap-ctx")


def test_what_is_the_same_everywhere_is_said_in_one_line(written):
    file = written(CLEAN)
    result = run("compare", file)
    assert result.exit_code == 0
    assert result.stdout == f"{file}: the same in vm-pat, vm-pat-6.12, unmap-region, pfnmap-ctx\n"


def test_what_differs_has_its_first_line_its_findings_and_its_end(written):
    file = written(SPLIT)
    result = run("compare", file, *OLD_AND_NEW)
    assert result.exit_code == 1
    assert result.stdout == (
        f"{file}:7: the eras part here: app: munmap v, 16K\n"
        "\n"
        "vm-pat: 2 findings, 2 that not every era has\n"
        f"  {file}:7: error: untrack_pfn frees memtype [0xfd000000-0xfd004000), which is not reserved: it is the head"
        " of [0xfd000000-0xfd008000) uncached-minus [memtype-invalid-free]\n"
        f"  {file}:9: error: memtype [0xfd000000-0xfd004000) uncached-minus is leaked: its owner, app:101"
        " (remap_pfn_range), is gone [memtype-leak]\n"
        "\n"
        "pfnmap-ctx: 0 findings\n"
        "\n"
        "the reservations at the end differ:\n"
        "  --- vm-pat\n"
        "  +++ pfnmap-ctx\n"
        "  -PAT: [mem 0x00000000fd000000-0x00000000fd004000] uncached-minus\n"
    )


def test_eras_that_agree_on_a_scenario_are_the_same_although_others_differ(written):
    assert run("compare", written(SPLIT), "--era", "vm-pat", "--era", "vm-pat-6.12").exit_code == 0


def test_a_result_that_differs_is_where_eras_part(written):
    text = CLEAN.replace("mmap 32K", "mmap 32K, private").replace(
        "app: munmap", "app: write v\napp: fork c\napp: munmap"
    )
    result = api.compare(written(text), ["vm-pat", "pfnmap-ctx"], api.Options())
    assert (result.parts_at, result.parts_text) == (8, "app: fork c")


def test_a_state_that_differs_only_for_a_while_is_a_difference(written):
    text = CLEAN.replace("app: munmap v\n", "app: munmap v + 16K, 16K\napp: munmap v, 16K\n")
    result = api.compare(written(text), ["vm-pat", "pfnmap-ctx"], api.Options())
    assert not result.is_same
    assert result.parts_at == 7
    assert [side.state for side in result.sides] == ["PAT memtype list:\n"] * 2


def test_a_capture_is_compared_at_the_lines_of_its_trace():
    result = run("compare", str(CAPTURE), "--era", "vm-pat-6.12", "--era", "pfnmap-ctx")
    trace = next(CAPTURE.glob("trace.txt*"))
    assert result.exit_code == 1
    assert result.stdout.startswith(f"{trace}:")
    assert "the eras part here: patlab_" in result.stdout
    assert "  +++ pfnmap-ctx\n" in result.stdout


def test_the_operations_of_a_capture_are_played_as_each_kernel_does_them():
    result = api.compare(str(CAPTURE), ["vm-pat-6.12", "pfnmap-ctx"], api.Options())
    old, new = ({finding.rule for finding in side.only} for side in result.sides)
    assert (old, new) == ({"memtype-invalid-free", "memtype-leak"}, set())
    assert result.parts_text == "patlab_879: fork patlab_880"
    assert "[mem 0x0000000185c00000-0x0000000185c08000] write-combining" in result.sides[0].state
    assert "185c00000" not in result.sides[1].state


def test_a_capture_of_a_kernel_is_played_as_that_kernel_does():
    result = api.compare(str(CAPTURE), ["vm-pat", "vm-pat-6.12"], api.Options())
    assert result.is_same


def test_a_capture_that_unmaps_nothing_in_part_is_the_same_everywhere():
    assert run("compare", str(KEPT / "7.2" / "devmem-vs-bar")).exit_code == 0


def test_one_era_is_nothing_to_compare(written):
    result = run("compare", written(CLEAN), "--era", "vm-pat")
    assert result.exit_code == 2
    assert "Name at least two eras" in result.stderr


def test_an_era_with_a_typo_is_guessed(written):
    result = run("compare", written(CLEAN), "--era", "vm-pta", "--era", "pfnmap-ctx")
    assert result.exit_code == 2
    assert "Did you mean 'vm-pat'" in result.stderr


@pytest.mark.parametrize("name", ["no.pat", "no.txt"])
def test_a_file_that_is_not_there_is_told_in_one_line(tmp_path, name):
    result = run("compare", str(tmp_path / name))
    assert (result.exit_code, result.stderr) == (2, f"pat-check: error: {tmp_path}/{name}: No such file or directory\n")


def test_a_comparison_fits_80_columns(written):
    file = written(SPLIT)
    _, shown = on_a_terminal("compare", file, *OLD_AND_NEW, NO_COLOR="1")
    assert max(map(len, shown.splitlines())) <= max(80, len(file) + 8)


def test_a_fork_that_fails_in_one_era_only_is_where_the_eras_part():
    capture = str(KEPT / "7.2" / "pl-switch-fork")
    result = run("compare", capture, "--era", "unmap-region", "--era", "pfnmap-ctx")
    assert result.exit_code == 1
    assert "the eras part here: patlab_267: fork patlab_268\n" in result.output
    assert "[tracking-fork-failed]" in result.output
