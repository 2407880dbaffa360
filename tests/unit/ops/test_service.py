"""The runner, as a process: signals, exit statuses, and the one line on stderr."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SERVICE = """
import asyncio, sys
from pydantic import Field
from contracts.errors import LogContradictionError
from ops.clock import Clock
from ops.kafka import KafkaSettings
from ops.service import Service, stop_requested
from ops.settings import Settings, settings_config

class ToySettings(Settings):
    "Toy"
    model_config = settings_config("TOY_")
    ending: str = Field("wait", description="What it does.")

async def run(settings: ToySettings, kafka: KafkaSettings, clock: Clock) -> int:
    match settings.ending:
        case "crash":
            raise ValueError("what now")
        case "unusable":
            raise settings.wrong("ending", "something better is wanted")
        case "contradiction":
            raise LogContradictionError("the log was cut: see KAFKA_LOG_EPOCH")
        case "failed":
            return 3
        case "deaf":
            print("up", flush=True)
            await asyncio.sleep(60)
    stop = stop_requested()
    print("up", kafka.partitions, clock.speed, flush=True)
    await stop.wait()
    if settings.ending == "slow":
        await asyncio.sleep(60)
    return 0

def run_plain(settings: ToySettings, kafka: KafkaSettings, clock: Clock) -> int:
    return 4

name, *arguments = sys.argv[1:]
sys.exit(Service(ToySettings, {"run": run, "plain": run_plain}[name]).main("toy", "A toy.", arguments))
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("service") / "toy.py"
    path.write_text(SERVICE)
    return path


def start(script: Path, *arguments: str, function: str = "run", **variables: str) -> "subprocess.Popen[str]":
    """The service, as in a shell's foreground: in its background it would be deaf to SIGINT."""
    return subprocess.Popen(
        [sys.executable, str(script), function, *arguments],
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def end(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    with process:
        out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_asks_it_to_stop(script: Path, number: signal.Signals) -> None:
    process = start(script, "--partitions", "4", CLOCK_SPEED="60")
    assert process.stdout is not None
    assert process.stdout.readline() == "up 4 60.0\n"
    process.send_signal(number)
    status, _, err = end(process)
    assert status == 0
    assert f"INFO toy: stopping (again to quit at once) signal={number.name}" in err


def test_a_second_signal_ends_it_at_once(script: Path) -> None:
    process = start(script, "--ending", "slow")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.terminate()
    assert "stopping" in process.stderr.readline()
    process.terminate()
    assert end(process)[0] == -signal.SIGTERM


def test_interrupted_before_it_listens_to_signals(script: Path) -> None:
    process = start(script, "--ending", "deaf")
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    status, _, err = end(process)
    assert (status, err) == (130, "")


def test_a_crash_is_one_line_and_1(script: Path) -> None:
    status, _, err = end(start(script, "--ending", "crash"))
    assert status == 1
    assert err.count("\n") == 1
    assert 'CRITICAL toy: crashed error="ValueError: what now" at=' in err


def test_a_sentence_is_one_line_and_1(script: Path) -> None:
    status, _, err = end(start(script, "--ending", "contradiction"))
    assert status == 1
    assert err.count("\n") == 1
    assert 'ended code=log-contradiction reason="the log was cut: see KAFKA_LOG_EPOCH"' in err


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--ending", "unusable"], "voltstream toy: TOY_ENDING (--ending): something better is wanted\n"),
        (
            ["--partitions", "0"],
            "voltstream toy: KAFKA_PARTITIONS (--partitions): input should be greater than or equal",
        ),
        (["--colour", "red"], "voltstream toy: unrecognized arguments: --colour red (see voltstream toy --help)\n"),
    ],
)
def test_a_wrong_setting_is_one_line_and_2(script: Path, arguments: list[str], line: str) -> None:
    status, out, err = end(start(script, *arguments))
    assert status == 2
    assert out == ""
    assert err.startswith(line)
    assert err.count("\n") == 1


def test_a_typo_in_the_environment_is_refused(script: Path) -> None:
    status, out, err = end(start(script, "--ending", "failed", TOY_ENDNG="x"))
    assert (status, out) == (2, "")
    assert err == "voltstream toy: TOY_ENDNG is not a setting (did you mean TOY_ENDING?)\n"


def test_a_typo_in_a_variable_that_others_may_own_is_a_warning(script: Path) -> None:
    status, _, err = end(start(script, "--ending", "failed", KAFKA_BOOTSTRP="x"))
    assert status == 3
    assert "WARNING toy: KAFKA_BOOTSTRP is not a setting and changes nothing: did you mean KAFKA_BOOTSTRAP?" in err


def test_a_plain_function_may_own_the_loop(script: Path) -> None:
    assert end(start(script, function="plain"))[0] == 4


def test_help(script: Path) -> None:
    status, out, err = end(start(script, "--help"))
    assert (status, err) == (0, "")
    assert "--ending TEXT" in out
    assert "A toy." in out
