"""`observe simulate` as a user starts it, and ends it."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from observe.cli.simulate import command
from observe.errors import UsageError
from tests.replay.program import PATIENCE, started
from tests.servers.processes import local_session

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGTERM])
def test_ending_it_is_no_failure(small: Path, way: signal.Signals) -> None:
    with started("-i", str(small)) as (process, said):
        url, _, rest = said.partition("/metrics: ")
        assert rest.startswith("2 services, ")
        with local_session() as session:
            assert session.get(f"{url}/metrics", timeout=PATIENCE).text.count("\nup{") > 1
        process.send_signal(way)
        output, messages = process.communicate(timeout=PATIENCE)
    assert (process.returncode, output, messages) == (0, "", "")


def test_an_incident_begins_when_it_is_told_to(small: Path) -> None:
    options = ("--incident", "errors", "--after", "50m", "--for", "15m", "--speed", "0.5")
    with started("-i", str(small), *options) as (process, said):
        assert process.stderr is not None
        assert process.stderr.readline() == "A service fails requests: A release of stock fails every third request.\n"
        with local_session() as session:
            state = session.get(f"{said.partition('/metrics')[0]}/state", timeout=PATIENCE).json()
    assert state["speed"] == 0.5
    told = state["incident"]
    assert (told["name"], told["began"]) == ("errors", False)
    assert told["end"] - told["begin"] == pytest.approx(15 * 60)
    assert told["begin"] == pytest.approx(50 * 60, abs=PATIENCE)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--for", "5m"], "--after and --for are about an incident; name one with --incident"),
        (["--incident", "errors", "--after", "soon"], "--after soon is no duration; write a number with its unit"),
        (["--incident", "errors", "--for", "2h"], "--for 2h is out of range; write 1ms to 1h"),
        (["--incident", "rain"], "there is no incident rain; take one of errors"),
        (["--listen", "9464"], "--listen 9464 is no address; write HOST:PORT, such as 127.0.0.1:9464"),
        (["--listen", "127.0.0.1:94640"], "--listen 127.0.0.1:94640 is no address"),
    ],
)
def test_wrong_usage_says_what_is_right(small: Path, arguments: list[str], reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        CliRunner().invoke(command, ["-i", str(small), *arguments], catch_exceptions=False)
    assert str(caught.value).startswith(reason)
