"""Claims name rules and eras that exist: a slip of the fingers would claim nothing, in silence."""

import pytest

from tests.test_lint import SPLIT, run

CLAIM = "#! memtype-invalid-free@!pfnmap-ctx"


@pytest.fixture
def written(tmp_path):
    def write(text):
        file = tmp_path / "x.pat"
        file.write_text(text)
        return str(file)

    return write


@pytest.mark.parametrize("command", ["lint", "replay", "compare"])
@pytest.mark.parametrize(
    ("old", "new", "word", "said"),
    [
        (CLAIM, "#! memtype-lek", "memtype-lek", "no rule is called 'memtype-lek'; did you mean 'memtype-leak'?"),
        (CLAIM, "#! memtype-leak zzz", "zzz", "no rule is called 'zzz'"),
        (CLAIM, "#! memtype-leak@vm-pta", "vm-pta", "no era is called 'vm-pta'; did you mean 'vm-pat'?"),
        (CLAIM, "#! memtype-leak@!pfnmap-ctz", "!pfnmap", "no era is called '!pfnmap-ctz'; did you mean 'pfnmap-ctx'?"),
        (CLAIM, "#! memtype-leak@6*", "6*", "no era is called '6*'"),
        (f"app: munmap v, 16K   {CLAIM}", "expect ret = 0 @vm-pta", "vm-pta", "no era is called 'vm-pta'"),
        (CLAIM, "# pat-check: ignore[memtype-lek] known", "memtype-lek", "no rule is called 'memtype-lek'"),
        (f"v, 16K   {CLAIM}", "v {\n  app: exit #! x-y\n}", "x-y", "no rule is called 'x-y'"),
    ],
)
def test_a_claim_of_what_does_not_exist_is_refused_where_it_stands(written, command, old, new, word, said):
    text = SPLIT.replace(old, new)
    at, line = next((at, line) for at, line in enumerate(text.splitlines(), 1) if word in line)
    result = run(command, file := written(text))
    assert result.exit_code == 2
    assert result.stderr.startswith(f"pat-check: error: {file}:{at}:{line.index(word) + 1}: {said}")
    assert result.stderr.endswith(f"\n    {line}\n    {' ' * line.index(word)}^\n")


@pytest.mark.parametrize("eras", ["", "@vm-pat", "@vm-*", "@!vm-pat*", "@*", "@unmap-regio?"])
def test_a_pattern_that_some_era_matches_is_one(written, eras):
    assert run("lint", written(SPLIT.replace("@!pfnmap-ctx", eras))).exit_code in (0, 1)


def test_a_comment_in_a_block_ignores_what_it_names(written):
    text = SPLIT.replace(
        f"app: munmap v, 16K   {CLAIM}", "app: mmap_write_lock {\n  munmap v, 16K  # pat-check: ignore[x]\n}"
    )
    assert run("lint", written(text.replace("[x]", "[memtype-leak]"))).exit_code == 1
    assert run("lint", written(text.replace("[x]", "[memtype-invalid-free]"))).exit_code == 0
