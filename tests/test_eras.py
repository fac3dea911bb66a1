"""Every change of an era has a witness: a trace that tells it from the era before."""

import pytest

from pat_check.cli.options import unknown
from pat_check.eras import ERAS, era_of, era_of_release
from pat_check.errors import UnknownEra
from tests.claims import claims, found

WITNESSES = [(era.name, change) for era in ERAS for change in era.changes if change.witness]


@pytest.mark.parametrize("era", [era.name for era in ERAS])
@pytest.mark.parametrize(("owner", "change"), WITNESSES, ids=lambda value: value if isinstance(value, str) else "")
def test_a_witness_shows_what_it_claims_in_every_era(owner, change, era, tmp_path):
    assert found(change.witness, era, {}, tmp_path) == claims(change.witness, era)


@pytest.mark.parametrize(("owner", "change"), WITNESSES, ids=lambda value: value if isinstance(value, str) else "")
def test_a_witness_tells_two_eras_apart(owner, change):
    assert len({tuple(sorted(claims(change.witness, era.name))) for era in ERAS}) > 1


@pytest.mark.parametrize(
    ("release", "name"),
    [
        ("6.1.0-56-amd64", "vm-pat"),
        ("6.11", "vm-pat"),
        ("6.12.107+deb13-amd64", "vm-pat-6.12"),
        ("6.15.3-rc1", "vm-pat-6.12"),
        ("6.16.12+deb13-amd64", "pfnmap-ctx"),
        ("7.2.12", "pfnmap-ctx"),
        ("10.0-rc1", "pfnmap-ctx"),
        ("6.13.4-rc1+deb13-amd64", "vm-pat-6.12"),
        ("6.6.30+", "vm-pat"),
        ("5.15.0-91-generic", "vm-pat"),
        ("4.18.0-553.el8_10.x86_64", "vm-pat"),
        ("6.12.5rc1", "vm-pat-6.12"),
        ("6.12.y", "vm-pat-6.12"),
    ],
)
def test_a_release_picks_its_era(release, name):
    assert era_of_release(release).name == name


@pytest.mark.parametrize(
    "text", ["", "six.one", "6", "6.", "x.y.z", "-1.2", "6.13x", "6.1 2", "6.1.2-", "6.1.", "v6.1", "6.1\n"]
)
def test_what_is_no_release_picks_no_era(text):
    assert era_of_release(text) is None


@pytest.mark.parametrize(("word", "near"), [("6.13x", "6.13"), ("v6.16,", "6.16"), ("6.1.2-", "6.1.2")])
def test_a_word_that_only_begins_as_a_release_is_refused_with_what_was_meant(word, near):
    assert unknown("era", word, [era.name for era in ERAS]) == f"Unknown era {word!r}. Did you mean {near!r}?"
    with pytest.raises(UnknownEra, match="a kernel release such as"):
        era_of(word)


def test_an_unknown_era_names_those_there_are():
    with pytest.raises(UnknownEra, match=r"vm-pat-6\.12"):
        era_of("vmpat")


def test_eras_form_a_tree_from_the_oldest():
    names = [era.name for era in ERAS]
    assert ERAS[0].before == ""
    assert all(era.before in names[: names.index(era.name)] for era in ERAS[1:])
