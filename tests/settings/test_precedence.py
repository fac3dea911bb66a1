"""Flag, ``--config``, environment, file, default: each beats those behind it."""

import json

import pytest
from click.testing import CliRunner

from pat_check.cli import cli
from pat_check.errors import ConfigError
from pat_check.settings import KEYS, Layers, key_named
from pat_check.settings.keys import Kind

FILE = 'fail-on = "error"\n'


@pytest.fixture
def config(tmp_path, monkeypatch):
    """Runs ``pat-check config --json`` in a folder with a file; gives the settings."""
    monkeypatch.chdir(tmp_path)

    def run(*args, file=FILE, **env):
        (tmp_path / "pat-check.toml").write_text(file)
        result = CliRunner().invoke(cli, ["config", "--json", *args], prog_name="pat-check", env=env)
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)["settings"]

    return run


def refused(*args, **env):
    result = CliRunner().invoke(cli, ["config", *args], prog_name="pat-check", env=env)
    assert result.exit_code == 2
    return result.stderr


@pytest.mark.parametrize(
    ("args", "env", "value", "origin"),
    [
        ((), {}, "error", "pat-check.toml"),
        ((), {"PAT_CHECK_FAIL_ON": "info"}, "info", "PAT_CHECK_FAIL_ON"),
        ((), {"PAT_CHECK_FAIL_ON": ""}, "error", "pat-check.toml"),
        (("--config", "fail-on=fatal"), {"PAT_CHECK_FAIL_ON": "info"}, "fatal", "--config"),
        (("--config", "fail-on=fatal", "--config", "fail-on=info"), {}, "info", "--config"),
        (("--config", "fail-on=fatal", "--fail-on", "info"), {}, "info", "command line"),
        (("--isolated",), {}, "warning", "default"),
        ((), {"PAT_CHECK_ISOLATED": "1"}, "warning", "default"),
        ((), {"PAT_CHECK_CONFIG": "fail-on=fatal"}, "fatal", "--config"),
    ],
)
def test_the_nearer_one_wins(config, args, env, value, origin):
    assert config(*args, **env)["fail-on"] == {"value": value, "origin": origin}


def test_a_file_can_be_named(config, tmp_path):
    (tmp_path / "other.toml").write_text('fail-on = "info"\n')
    assert config("--config", "other.toml")["fail-on"] == {"value": "info", "origin": "other.toml"}
    assert config("--config", "other.toml", "--isolated")["fail-on"]["value"] == "info"


def test_a_list_of_the_environment_has_commas(config):
    assert config(PAT_CHECK_SELECT="memtype, ioremap")["select"]["value"] == ["memtype", "ioremap"]


def test_a_list_of_the_command_line_has_commas_too(config):
    assert config("--select", "memtype,ioremap", "--select", "model")["select"]["value"] == [
        "memtype",
        "ioremap",
        "model",
    ]


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_every_setting_has_one_name_everywhere(key, config):
    value = {
        "era": "vm-pat",
        "select": "memtype",
        "ignore": "memtype",
        "severity": "memtype-leak=info",
        "min-severity": "error",
        "fail-on": "error",
        "output": "json",
        "sarif-anchor": "a.c:3",
        "color": "never",
        "links": "never",
        "pager": "never",
        "input-format": "ftrace",
        "jobs": "2",
    }.get(key.name, "true" if key.kind is Kind.FLAG else "x")
    shown = True if key.kind is Kind.FLAG else [value] if key.is_many and key.name != "era" else value
    flag = [f"--{key.name}"] if key.kind is Kind.FLAG else [f"--{key.name}", value]
    table = '[severity]\nmemtype-leak = "info"\n'
    text = (
        table if key.kind is Kind.TABLE else f"{key.name} = {value if key.kind is Kind.FLAG else json.dumps(value)}\n"
    )
    assert config(*flag)[key.name] == {"value": shown, "origin": "command line"}
    assert config(**{key.variable: value})[key.name] == {"value": shown, "origin": key.variable}
    assert config(file=text)[key.name] == {"value": shown, "origin": "pat-check.toml"}


def test_a_bad_value_says_where_it_comes_from(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pat-check.toml").write_text('fail-on = "eror"\n')
    said = "fail-on: Unknown severity 'eror'. Did you mean 'error'?\n"
    assert refused() == f"pat-check: error: pat-check.toml:1: {said}"
    assert refused(PAT_CHECK_FAIL_ON="eror") == f"pat-check: error: PAT_CHECK_FAIL_ON: {said}"
    assert refused("--fail-on", "eror").endswith(
        "Error: Invalid value for '--fail-on': Unknown severity 'eror'. Did you mean 'error'?\n"
    )


def test_a_variable_that_is_no_setting_is_told(config, tmp_path, monkeypatch):
    result = CliRunner().invoke(cli, ["config"], env={"PAT_CHECK_FAIL_OM": "x", "PAT_CHECK_DEBUG": ""})
    assert result.exit_code == 0
    assert result.stderr == "pat-check: warning: PAT_CHECK_FAIL_OM is no setting; did you mean PAT_CHECK_FAIL_ON?\n"


def test_a_flag_of_the_environment_is_true_or_false():
    layers = Layers((), isolated=True, environment={"PAT_CHECK_STRICT": "maybe"})
    with pytest.raises(ConfigError, match="PAT_CHECK_STRICT: 'maybe' is neither true nor false"):
        layers.find(key_named("strict"))


def test_two_files_are_one_too_many(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.toml").touch()
    (tmp_path / "b.toml").touch()
    assert "--config names 2 files" in refused("--config", "a.toml", "--config", "b.toml")


def test_a_file_that_is_not_there_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert refused("--config", "nowhere.toml") == "pat-check: error: nowhere.toml: No such file or directory\n"


def test_a_command_takes_its_own_table_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pat-check.toml").write_text('era = "6.12"\n[lint]\nera = "vm-pat"\n')
    (tmp_path / "b.pat").write_text(
        "bar fb = 0xfd000000 size 32K\nprocess app\napp: v = mmap 32K\napp: remap_pfn_range v, fb\n"
        "app: munmap v + 8K, 8K\n"
    )
    shown = CliRunner().invoke(cli, ["lint", "b.pat"]).stdout
    assert "vm-pat\n" in shown
    assert "vm-pat-6.12" not in shown
    replayed = CliRunner().invoke(cli, ["replay", "b.pat"]).stdout
    assert "vm-pat-6.12" in replayed


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('\nselect = [\n  "memtpye"]\n', "pat-check.toml:2: select: Unknown rule"),
        ('[lint]\nera = "vm-pat"\n[replay]\n# here\nera = "vm-pta"\n', "pat-check.toml:5: era: Unknown era"),
        ('[severity]\nmemtype-leek = "info"\n', "pat-check.toml:1: severity: Unknown rule"),
        ('era = ["vm-pat", "6.12"]\n', "pat-check.toml:1: era: `config` takes one value"),
    ],
)
def test_a_bad_value_of_a_file_has_a_line(tmp_path, monkeypatch, text, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pat-check.toml").write_text(text)
    assert refused().startswith(f"pat-check: error: {said}")


def test_a_bad_value_of_a_shared_file_has_a_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\n[tool.pat-check.replay]\nera = "vm-pta"\n')
    assert refused().startswith("pat-check: error: pyproject.toml:4: era: Unknown era")


def test_a_release_is_a_word(config):
    assert config("--config", "era=6.10")["era"] == {"value": "vm-pat", "origin": "--config"}
    assert config("--config", "replay.era = 6.12")["era"]["value"] == "vm-pat-6.12"


def test_what_is_printed_is_what_replay_takes(config):
    settings = config(file='fail-on = "error"\n[replay]\nfail-on = "fatal"\n')
    assert settings["fail-on"] == {"value": "fatal", "origin": "pat-check.toml"}
    assert config("--config", "replay.fail-on=info")["fail-on"] == {"value": "info", "origin": "--config"}


def test_the_table_of_a_group_is_that_of_its_commands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pat-check.toml").write_text('[baseline]\nselect = ["memtpye"]\n')
    result = CliRunner().invoke(cli, ["baseline", "write", "x"])
    assert result.stderr.startswith("pat-check: error: pat-check.toml:2: select: Unknown rule")


def test_a_baseline_is_shown_from_where_it_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pat-check.toml").write_text('baseline = "known.json"\n')
    (tmp_path / "known.json").write_text('{"version": 1, "findings": []}')
    assert CliRunner().invoke(cli, ["baseline", "show"]).stdout == "0 findings in known.json\n"
    assert "b.json: No such file" in CliRunner().invoke(cli, ["baseline", "show", "b.json"]).stderr
    assert "b.json: No such file" in CliRunner().invoke(cli, ["baseline", "show", "--baseline", "b.json"]).stderr


MACHINE = '\n[machines.lab]\ntraces = ["lab/*"]\nera = "{}"\n'
RESERVE = "app-7 [000] 1.0: memtype_reserve: start=0xfd000000 end=0xfd002000 req=2\n"


def replayed_in_the_lab(tmp_path, monkeypatch, era, *args):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "trace.txt").write_text(RESERVE)
    (tmp_path / "pat-check.toml").write_text(MACHINE.format(era))
    return CliRunner().invoke(cli, ["replay", "lab/trace.txt", *args])


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "vm-pat-6.12, as the machine lab has it"),
        (("--era", "6.1"), "vm-pat, as asked with --era"),
        (("--config", "era=6.1"), "vm-pat, as --config says"),
    ],
)
def test_the_report_says_who_chose_the_era(tmp_path, monkeypatch, args, said):
    assert f"  era           {said}\n" in replayed_in_the_lab(tmp_path, monkeypatch, "6.12", *args).stdout


def test_a_machine_of_no_era_is_told_with_its_place(tmp_path, monkeypatch):
    result = replayed_in_the_lab(tmp_path, monkeypatch, "vm-pta")
    assert result.exit_code == 2
    assert result.stderr == (
        "pat-check: error: pat-check.toml: machines.lab: era: Unknown era 'vm-pta'. Did you mean 'vm-pat'?\n"
    )


@pytest.mark.parametrize(
    ("table", "args"),
    [
        ("lint", ("lint", "b.pat")),
        ("baseline", ("baseline", "show")),
        ("baseline", ("baseline", "write", "b.pat")),
        ("replay", ("replay", "b.pat")),
        ("replay", ("config",)),
    ],
)
def test_a_setting_that_a_command_does_not_have_is_refused_in_its_table(table, args, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    absent = {"lint": "select", "baseline": "output", "replay": ""}[table]
    (tmp_path / "b.pat").write_text("process app\napp: v = mmap 4K\n")
    (tmp_path / "pat-check-baseline.json").write_text('{"version": 1, "findings": []}')
    (tmp_path / "pat-check.toml").write_text(f'[{table}]\n{absent or "ignore"} = "text"\n')
    result = CliRunner().invoke(cli, args)
    if absent:
        assert result.exit_code == 2
        assert result.stderr.startswith(f"pat-check: error: pat-check.toml:2: `{table}` has no setting {absent!r}")
    else:
        assert "has no setting" not in result.stderr
