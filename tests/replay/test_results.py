"""What a call returns must fit what was seen to happen inside it."""

import pytest

from pat_check import api

IOMEM = "00001000-2fffffff : System RAM\nfd000000-fdffffff : 0000:00:02.0\n"
EMPTY = "PAT memtype list:\n"
HELD = EMPTY + "PAT: [mem 0x00000000fd000000-0x00000000fd002000] uncached-minus\n"


@pytest.fixture
def divergences(tmp_path):
    """The model-divergences of a trace."""

    def run(trace, era="vm-pat-6.12", memtypes=EMPTY):
        (tmp_path / "iomem.txt").write_text(IOMEM)
        (tmp_path / "list.txt").write_text(memtypes)
        lines = [line for line in trace.split("\n") if line]
        text = "".join(f"app-7 [000] {at:03}.0: {line}\n" for at, line in enumerate(lines))
        (tmp_path / "trace.txt").write_text(text)
        options = api.Options(era=era, iomem=str(tmp_path / "iomem.txt"), memtypes=str(tmp_path / "list.txt"))
        report = api.check([str(tmp_path / "trace.txt")], options)
        every = [one for root in report.findings for one in root.all() if one.rule == "model-divergence"]
        return [(one.message, str(one.severity)) for one in every]

    return run


# --- memtype_free() -----------------------------------------------------------------------------------------

FREE = """
memtype_free: start=0xfd000000 end=0xfd002000
memtype_erase: start=0xfd000000 end=0xfd002000
memtype_erase__ret: (memtype_free+0x7c/0x110 <- memtype_erase) ret={erased}
memtype_free__ret: (pfnmap_untrack+0x1a/0x30 <- memtype_free) ret={freed}
"""
BY_RETURNS = """
memtype_erase__ret: (memtype_free+0x7c/0x110 <- memtype_erase) start=0xfd000000 end=0xfd002000 ret={erased}
memtype_free__ret: (iounmap+0x1a/0x30 <- memtype_free) start=0xfd000000 end=0xfd002000 ret={freed}
"""
NODE, EINVAL = "0xff11000101f31280", "0xffffffffffffffea"


@pytest.mark.parametrize("trace", [FREE, BY_RETURNS], ids=["calls", "returns alone"])
def test_a_free_that_fails_though_its_entry_was_removed_is_told(divergences, trace):
    message = (
        "memtype_free of [0xfd000000-0xfd002000) returned -EINVAL; "
        "the model predicts 0, as memtype_erase() removed an entry"
    )
    assert divergences(trace.format(erased=NODE, freed=-22), memtypes=HELD) == [(message, "error")]


@pytest.mark.parametrize("trace", [FREE, BY_RETURNS], ids=["calls", "returns alone"])
def test_a_free_that_succeeds_though_no_entry_was_found_is_told(divergences, trace):
    message = (
        "memtype_free of [0xfd000000-0xfd002000) returned 0; "
        "the model predicts -EINVAL, as memtype_erase() found no entry"
    )
    assert divergences(trace.format(erased=EINVAL, freed=0)) == [(message, "error")]


@pytest.mark.parametrize("trace", [FREE, BY_RETURNS], ids=["calls", "returns alone"])
def test_a_free_that_returns_what_its_erase_came_to_is_no_surprise(divergences, trace):
    assert divergences(trace.format(erased=NODE, freed=0), memtypes=HELD) == []
    assert divergences(trace.format(erased=EINVAL, freed=-22)) == []
