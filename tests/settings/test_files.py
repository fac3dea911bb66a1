import pytest

from pat_check.errors import ConfigError
from pat_check.settings.files import inline, nearest, read_document

COMMANDS = ("replay", "lint", "baseline")


@pytest.fixture
def read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def read(text, name="pat-check.toml"):
        (tmp_path / name).write_text(text)
        return read_document(tmp_path / name, COMMANDS)

    return read


def test_a_file_of_our_own_and_a_table_of_pyproject_say_the_same(read):
    own = read('fail-on = "error"\nstrict = true\nselect = ["memtype"]\n')
    table = read('[tool.pat-check]\nfail-on = "error"\nstrict = true\nselect = ["memtype"]\n', "pyproject.toml")
    assert own.values == table.values == {"fail-on": "error", "strict": True, "select": ["memtype"]}


def test_one_word_is_enough_where_a_list_is_taken(read):
    assert read('ignore = "model"\n').values == {"ignore": ["model"]}


def test_overrides_are_a_table(read):
    assert read('[severity]\nmemtype-leak = "fatal"\n').values == {"severity": ["memtype-leak=fatal"]}


def test_a_command_may_have_a_table_of_its_own(read):
    document = read('era = "6.12"\nbaseline = "b.json"\n[lint]\nera = ["vm-pat"]\n')
    assert document.values == {"era": ["6.12"], "baseline": "b.json"}
    assert document.of_command == {"lint": {"era": ["vm-pat"]}}


def test_paths_are_relative_to_their_file(tmp_path, monkeypatch):
    (tmp_path / "ci").mkdir()
    (tmp_path / "ci" / "pat-check.toml").write_text(
        'baseline = "b.json"\nsuppressions = ["s.supp"]\noutput = ["text", "sarif=out.sarif", "json=-"]\n'
        '[machines.lab]\niomem = "iomem.txt"\n'
    )
    monkeypatch.chdir(tmp_path)
    document = read_document(tmp_path / "ci" / "pat-check.toml", COMMANDS)
    assert document.values == {
        "baseline": "ci/b.json",
        "suppressions": ["ci/s.supp"],
        "output": ["text", "sarif=ci/out.sarif", "json=-"],
    }
    assert document.machines["lab"].iomem == "ci/iomem.txt"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('\nfail-om = "error"\n', "pat-check.toml:2: unknown key 'fail-om'; did you mean 'fail-on'?"),
        (
            "min_severity = 'info'\n",
            "pat-check.toml:1: unknown key 'min_severity'; did you mean 'min-severity' or 'severity'?",
        ),
        ("strict = 'yes'\n", "pat-check.toml:1: strict takes true or false"),
        ("fail-on = 3\n", "pat-check.toml:1: fail-on takes a string"),
        ("select = [1]\n", "pat-check.toml:1: select takes a list of strings"),
        ("severity = 'x'\nstrict = 1\n", "pat-check.toml:2: strict takes true or false"),
        ("fail-on = \n", "pat-check.toml:1:11: Invalid value"),
        ("[lint]\neras = 1\n", "pat-check.toml:2: unknown key 'eras'; did you mean 'era'?"),
        ("machines = 1\n", "pat-check.toml:1: machines takes a table for each machine"),
        ("[machines]\nlab = 1\n", "pat-check.toml:2: machines.lab is not a table"),
        ("[machines.lab]\niomen = 1\n", "pat-check.toml:2: unknown key of machines.lab 'iomen'; did you mean 'iomem'?"),
        ("[machines.lab]\niomem = 1\n", "pat-check.toml:1: machines.lab: iomem takes a string"),
        (
            "[machines.lab]\nbars = {a = '2-1'}\n",
            "pat-check.toml:1: machines.lab: bars.a ends before it begins",
        ),
        (
            "[machines.lab]\nbars = {a = 'x'}\n",
            'pat-check.toml:1: machines.lab: bars.a takes a range as in /proc/iomem: "fd000000-fdffffff"',
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(read, text, said):
    with pytest.raises(ConfigError) as error:
        read(text)
    assert str(error.value) == said


@pytest.mark.parametrize(
    ("trace", "own"),
    [
        ("/a/lab-7/boot.txt", True),
        ("/a/lab-7/run", True),
        ("/a/lab-7/run/trace.txt", True),
        ("/a/lab-7", False),
        ("/a/lab-8/lab-7.txt", False),
        ("/lab-7/run/deep/trace.txt", False),
    ],
)
def test_a_machine_has_the_traces_that_its_globs_match(read, trace, own):
    assert read('[machines.lab]\ntraces = ["lab-7/*"]\n').machines["lab"].recorded(trace) is own


def test_a_file_that_is_no_text_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pat-check.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        read_document(tmp_path / "pat-check.toml", COMMANDS)


def test_a_machine_has_ranges_that_end_with_their_last_byte(read):
    machine = read("[machines.lab]\nbars = {vga = '0xfd000000-0xfdffffff'}\ntraces = 'lab/*'\n").machines["lab"]
    assert machine.bars == (("vga", 0xFD000000, 0xFE000000),)
    assert machine.recorded("/srv/lab/one")
    assert not machine.recorded("/srv/other/one")


# --- which file -------------------------------------------------------------------------------------------


def test_the_nearest_file_counts(tmp_path):
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "pat-check.toml").touch()
    assert nearest(inner) == tmp_path / "pat-check.toml"
    (tmp_path / "a" / "pyproject.toml").write_text("[tool.other]\n")
    assert nearest(inner) == tmp_path / "pat-check.toml"
    (tmp_path / "a" / "pyproject.toml").write_text("[tool.pat-check]\n")
    assert nearest(inner) == tmp_path / "a" / "pyproject.toml"
    (tmp_path / "a" / "pat-check.toml").touch()
    assert nearest(inner) == tmp_path / "a" / "pat-check.toml"


def test_a_broken_pyproject_of_somebody_else_is_passed_over(tmp_path):
    (tmp_path / "pat-check.toml").touch()
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "pyproject.toml").write_text("[tool.other\n")
    assert nearest(tmp_path / "a") == tmp_path / "pat-check.toml"
    (tmp_path / "a" / "pyproject.toml").write_text("[tool.pat-check\n")
    assert nearest(tmp_path / "a") == tmp_path / "a" / "pyproject.toml"


# --- one key ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("fail-on=error", {"fail-on": "error"}),
        ('fail-on = "error"', {"fail-on": "error"}),
        ("strict=true", {"strict": True}),
        ('select=["memtype", "ioremap"]', {"select": ["memtype", "ioremap"]}),
        ("select=memtype", {"select": ["memtype"]}),
        ("baseline=", {"baseline": ""}),
        ("severity.memtype-leak=info", {"severity": ["memtype-leak=info"]}),
    ],
)
def test_a_key_is_toml_or_a_bare_word(text, values):
    assert inline(text, COMMANDS).values == values


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fail-om=error", "--config: unknown key 'fail-om'; did you mean 'fail-on'?"),
        ("=x", "--config =x: is neither a file nor KEY=VALUE"),
        ("a b=x", "--config a b=x: is neither a file nor KEY=VALUE"),
    ],
)
def test_a_bad_key_is_refused(text, said):
    with pytest.raises(ConfigError) as error:
        inline(text, COMMANDS)
    assert str(error.value) == said
