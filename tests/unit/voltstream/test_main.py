"""The command line: what it lists, what it refuses, and that nothing is imported that a command does not need."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.schemas import RECORDS, committed
from voltstream.__main__ import COMMANDS, main


def voltstream(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "voltstream", *arguments],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_has_one_line_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    for name, command in COMMANDS.items():
        assert [line for line in text.splitlines() if line.startswith(f"  {name} ")] == [
            line for line in text.splitlines() if line.endswith(command.summary)
        ]
    assert max(map(len, text.splitlines())) <= 100


def test_without_a_command_it_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert capsys.readouterr().out.startswith("usage: voltstream COMMAND [flags]")


def test_version() -> None:
    done = voltstream("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("voltstream 0.")


def test_an_unknown_command_is_one_line_and_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["egde"]) == 2
    assert capsys.readouterr().err == "voltstream: there is no command 'egde' (see voltstream --help)\n"


def test_help_loads_no_service_and_no_library() -> None:
    script = (
        "import sys; from voltstream.__main__ import main; main(['--help'])\n"
        "print(*sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stderr.split()}
    assert not loaded & {"ops", "edge", "streams", "sinks", "simulator", "dashboards", "aiokafka", "faust", "pydantic"}


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"topics", "dashboards", "contracts"}))
def test_every_command_has_flags_from_its_settings(name: str) -> None:
    done = voltstream(name, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"usage: voltstream {name} [flags]" in done.stdout
    assert COMMANDS[name].summary in " ".join(done.stdout.split())
    assert "--log-level" in done.stdout
    assert "LOG_LEVEL" in done.stdout


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"topics", "dashboards", "contracts", "demo"}))
def test_a_wrong_setting_is_one_line_that_names_the_variable(name: str) -> None:
    done = voltstream(name, KAFKA_PARTITIONS="none")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"voltstream {name}: KAFKA_PARTITIONS (--partitions): ")
    assert done.stderr.count("\n") == 1


def test_a_misspelt_variable_is_refused_in_one_line() -> None:
    done = voltstream("edge", EDGE_LISTENN="127.0.0.1:9000")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "voltstream edge: EDGE_LISTENN is not a setting (did you mean EDGE_LISTEN?)\n"


def test_one_environment_holds_the_settings_of_all_services_and_a_platforms_variables() -> None:
    done = voltstream(
        "sink",
        EDGE_LISTEN="127.0.0.1:9000",
        EDGE_LISTENN="127.0.0.1:9000",
        SINK_SERVICE_HOST="10.0.0.7",
        SINK_PORT="tcp://10.0.0.7:9103",
        KAFKA_HEAP_OPTS="-Xmx1g",
        SINK_STORE="csv",  # ends it, before it would look for a broker
    )
    assert done.stderr.startswith("voltstream sink: SINK_STORE (--store): ")


def test_a_duckdb_file_in_a_folder_that_is_not_there_ends_the_sink() -> None:
    done = voltstream("sink", "--duckdb-path", "/no/such/folder/x.duckdb")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "voltstream sink: SINK_DUCKDB_PATH (--duckdb-path): the folder '/no/such/folder' is not there\n"
    )


class TestContracts:
    def test_lists_every_record(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["contracts"]) == 0
        text = capsys.readouterr().out
        assert [line.split()[0] for line in text.splitlines()] == [*RECORDS, "asyncapi"]
        assert "session          " in text

    def test_shows_a_schema(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["contracts", "show", "session"]) == 0
        assert json.loads(capsys.readouterr().out) == committed("session")

    def test_exports_what_the_document_refers_to(self, tmp_path: Path) -> None:
        assert main(["contracts", "export", str(tmp_path / "new")]) == 0
        text = (tmp_path / "new" / "asyncapi.json").read_text()
        for message in json.loads(text)["components"]["messages"].values():
            assert (tmp_path / "new" / message["payload"]["$ref"]).is_file()

    def test_refuses_what_it_does_not_know(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["contracts", "show", "sesion"]) == 2
        assert "there is no schema 'sesion'" in capsys.readouterr().err
        assert main(["contracts", "sing"]) == 2

    def test_a_reader_that_has_seen_enough_is_no_error(self) -> None:
        done = subprocess.run(
            [
                "bash",
                "-c",
                f"{sys.executable} -m voltstream contracts show envelope | head -1; echo ${{PIPESTATUS[0]}}",
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        assert (done.stdout, done.stderr) == ("{\n0\n", "")


class TestTopics:
    def test_help(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["topics"]) == 0
        assert "create" in capsys.readouterr().out

    def test_kafka_that_does_not_answer_is_one_line_and_1(self) -> None:
        done = voltstream("topics", "check", "--bootstrap", "127.0.0.1:1")
        assert (done.returncode, done.stdout) == (1, "")
        assert "no broker serves us" in done.stderr
        assert "127.0.0.1:1" in done.stderr
        assert done.stderr.count("\n") == 1

    def test_a_variable_that_is_nearly_ours_is_warned_of(self) -> None:
        done = voltstream("topics", "check", "--bootstrap", "127.0.0.1:1", "--wait-s", "0.1", KAFKA_TOPIC_PREFX="x.")
        assert "KAFKA_TOPIC_PREFX is not a setting and changes nothing: did you mean KAFKA_TOPIC_PREFIX?" in done.stderr

    def test_an_unknown_action_is_one_line_and_2(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["topics", "delete"]) == 2
        assert capsys.readouterr().err.count("\n") == 1
