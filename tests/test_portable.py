import pytest

from pat_check.portable import portable, portable_text


@pytest.fixture
def lab(tmp_path, monkeypatch):
    here = tmp_path / "lab"
    here.mkdir()
    monkeypatch.chdir(here)
    return here


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("captures/fork/trace.txt.xz", "captures/fork/trace.txt.xz"),
        ("./captures//fork/../fork/trace.txt", "captures/fork/trace.txt"),
        ("../other/fork/trace.txt.xz", "fork/trace.txt.xz"),
        ("/home/me/fork/dmesg.txt", "fork/dmesg.txt"),
        ("/home/me/fork/snaps/snap-01-after.txt", "fork/snaps/snap-01-after.txt"),
        ("/home/me/fork.pat", "fork.pat"),
        ("/home/me/my-trace.log", "my-trace.log"),
        ("/trace.txt", "trace.txt"),
        ("<stdin>", "<stdin>"),
        ("-", "-"),
        ("", ""),
    ],
)
def test_a_path_says_nothing_of_the_machine(lab, given, shown):
    assert portable(given) == shown


def test_an_absolute_path_below_the_current_directory_is_relative(lab):
    assert portable(str(lab / "captures" / "x.txt")) == "captures/x.txt"


def test_a_neighbour_with_the_same_beginning_is_not_below(lab):
    assert portable(f"{lab}-two/x.log") == "x.log"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/home/me/fork/trace.txt:3: bad", "fork/trace.txt:3: bad"),
        ("../../lab/fork/trace.txt is empty", "fork/trace.txt is empty"),
        ("see '/home/me/x.log' and (/tmp/y.log)", "see 'x.log' and (y.log)"),
        ("read /proc/iomem, /sys/kernel/debug/x86/pat_memtype_list and /dev/mem", None),
        ("x86/PAT: a:1 freeing invalid memtype [mem 0x1-0x2]", None),
        ("kept/or not, 3/4/5 of it, http://x.example/a/b", None),
    ],
)
def test_a_message_loses_absolute_paths_only(lab, text, shown):
    assert portable_text(text) == (text if shown is None else shown)


def test_a_known_path_is_not_the_beginning_of_another(lab):
    assert portable_text("there/bc is not there/b", "there/b") == "there/bc is not there/b"
    assert portable_text("/x/y z-2 is not /x/y z", "/x/y z") == "y z-2 is not y z"


def test_a_known_path_may_hold_anything(lab):
    assert portable_text("/home/my lab/x y.log: bad", "/home/my lab/x y.log") == "x y.log: bad"
