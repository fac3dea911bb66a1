"""The scanner under the sanitizers of the compiler, with lines of recordings and damaged ones."""

import os
import random
import subprocess

import pytest

from tests import compiled
from tests.corpus import CORPUS, KEPT, captures, text_of
from tests.lanes import damaged

HARNESS = compiled.ROOT / "tests" / "native" / "fuzz_scan.c"
CHECKS = "-fsanitize=address,undefined"


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    made = tmp_path_factory.mktemp("sanitized") / "fuzz_scan"
    command = [compiled.compiler()[0], "-g", "-O1", CHECKS, "-fno-sanitize-recover=all", "-DSTANDALONE"]
    sources = [str(HARNESS), *(str(path) for path in compiled.NATIVE.glob("*.c") if path.name != "_scanner.c")]
    try:
        run = subprocess.run(
            [*command, "-Wall", "-Wextra", f"-I{compiled.NATIVE}", *sources, "-o", str(made)],
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        pytest.skip(f"no C compiler: {error}")
    if run.returncode and any(word in run.stderr for word in ("asan", "ubsan", "unrecognized", "unsupported")):
        pytest.skip("the compiler has no sanitizers")
    assert (run.returncode, run.stderr) == (0, "")
    return made


def test_no_byte_too_far(program, tmp_path):
    chance = random.Random(1)
    of = captures() if CORPUS.is_dir() else captures(KEPT)
    files = []
    for capture in of:
        if capture.trace is None or capture.is_huge:
            continue
        lines = text_of(capture.trace).splitlines()
        first = chance.randrange(max(len(lines) - 100, 1))
        data = "\n".join(lines[first : first + 100]).encode(errors="surrogateescape")
        if len(data) < 100:
            continue
        for number, version in enumerate(
            (data, damaged(data, chance), damaged(data, chance)[: chance.randrange(1, 2_000)])
        ):
            file = tmp_path / f"{len(files)}-{number}"
            file.write_bytes(version)
            files.append(str(file))
    run = subprocess.run(
        [str(program), *files],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"},
    )
    assert run.returncode == 0, run.stderr[-2000:]
    assert run.stdout == f"{len(files)} files\n"
