"""How the benchmarks count: fits, medians, what is met. Nothing is timed here."""

import argparse
import json
import sys

import intervals
import measuring
import pytest


def test_a_straight_line_is_found_with_its_slope_and_nothing_left_over():
    fit = measuring.fitted([1, 2, 3, 4], [5, 7, 9, 11])
    assert (fit.slope, fit.offset, fit.r2) == pytest.approx((2, 3, 1))


def test_the_power_of_a_square_is_two():
    fit = measuring.powers([10, 100, 1000], [3 * 10**2, 3 * 100**2, 3 * 1000**2])
    assert (fit.slope, fit.r2) == pytest.approx((2, 1))


def test_points_that_are_off_the_line_lower_r2():
    assert measuring.fitted([1, 2, 3, 4], [1, 5, 2, 6]).r2 < 0.7


@pytest.mark.parametrize(("figures", "least", "met"), [([1, 2, 9], False, True), ([4, 5, 1], False, False)])
def test_a_target_is_met_by_the_median_and_not_by_the_best(figures, least, met):
    assert measuring.of_figures("id", "what", "x", figures, 3, least=least).met is met


def test_a_target_may_be_met_another_way():
    slow = measuring.of_figures("rate", "", "lines/s", [100], 1000, least=True)
    ratio = measuring.of_figures("", "", "x", [0.4], 0.5)
    assert slow.met is False
    assert measuring.of_figures("rate", "", "lines/s", [100], 1000, least=True, instead=ratio).met is True


def test_what_was_not_measured_is_neither_met_nor_missed():
    target = measuring.unmeasured("perf", "perf script", "x", 5, "perf is not installed", least=True)
    assert target.met is None
    assert str(target).startswith("not measured")
    assert "perf is not installed" in str(target)


def asked(*arguments):
    parser = argparse.ArgumentParser()
    measuring.add_options(parser)
    return parser.parse_args(arguments)


@pytest.mark.parametrize(("options", "code"), [([], 0), (["--check"], 1)])
def test_a_missed_target_fails_only_where_that_is_asked_for(tmp_path, options, code):
    arguments = asked("--json", str(tmp_path / "figures.json"), *options)
    target = measuring.of_figures("replay", "replay", "x", [4, 5, 6], 3)
    with pytest.raises(SystemExit) as ended:
        measuring.finish([target], arguments, "pat-check")
    assert ended.value.code == code
    (found,) = json.loads((tmp_path / "figures.json").read_text())["targets"]
    assert (found["figure"], found["low"], found["high"], found["limit"], found["met"]) == (5, 4, 6, 3, False)


def test_a_run_tells_its_time_memory_and_code():
    one = measuring.run([sys.executable, "-c", "bytearray(60_000_000); raise SystemExit(1)"], fine=(1,))
    assert one.code == 1
    assert one.seconds > 0
    assert one.busy > 0
    assert one.peak > 60_000_000


def test_a_run_does_not_count_the_memory_of_the_measuring_program():
    held = bytearray(b"x" * 200_000_000)
    assert measuring.run([sys.executable, "-S", "-c", ""]).peak < 100_000_000 < len(held)


def test_a_run_that_fails_ends_the_measuring_with_what_it_said():
    with pytest.raises(SystemExit, match="out of order"):
        measuring.run([sys.executable, "-c", "import sys; sys.exit('out of order')"])


def test_which_program_is_measured():
    assert measuring.Program(asked()).command == [sys.executable, "-m", "pat_check"]
    assert measuring.Program(asked("--python", "/opt/python")).command == ["/opt/python", "-P", "-m", "pat_check"]
    assert measuring.Program(asked("--program", "nice pat-check")).command == ["nice", "pat-check"]
    assert measuring.Program(asked("--program", "pat-check")).intervals() is None


@pytest.mark.parametrize("shape", intervals.SHAPES)
def test_every_shape_of_reservations_is_measured_by_every_operation(shape):
    times = intervals.measured(shape, 20)
    assert list(times) == list(intervals.OPERATIONS)
