"""A few captures are kept here, so that the checks of the whole corpus always run on something."""

import pytest

from tests import test_corpus
from tests.corpus import KEPT, LOST, UNKNOWABLE, captures

CAPTURES = captures(KEPT)
LOSSY = [capture for capture in CAPTURES if capture.explained_by(LOST)]
SILENT = [capture for capture in CAPTURES if capture.explained_by(UNKNOWABLE)]
COMPLETE = [capture for capture in CAPTURES if capture not in LOSSY and capture not in SILENT]


def name(test):
    return test.__name__.removeprefix("test_")


def test_the_kept_captures_come_from_four_kernels():
    assert {capture.kernel for capture in COMPLETE} == set(test_corpus.ERA)


def test_some_kept_captures_hold_complaints_and_some_do_not():
    assert {capture.kernel_complained for capture in COMPLETE} == {True, False}


@pytest.mark.parametrize("check", test_corpus.CHECKS, ids=name)
@pytest.mark.parametrize("capture", COMPLETE, ids=str)
def test_a_kept_capture(capture, check):
    check(capture)


@pytest.mark.parametrize("capture", LOSSY, ids=str)
def test_a_kept_capture_that_lost_events(capture):
    test_corpus.test_lost_events_are_told(capture)
    test_corpus.test_lost_events_make_surprises_no_errors(capture)


@pytest.mark.parametrize("capture", SILENT, ids=str)
def test_a_kept_capture_that_cannot_know(capture):
    test_corpus.test_a_recording_that_cannot_know_says_so_in_a_sentence(capture)
