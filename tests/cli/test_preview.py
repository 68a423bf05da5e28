"""`observe preview` as a user meets it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.clients.stand_in import Asked, Reply, stand_in
from tests.conftest import ROOT
from tests.preview.boards import END, instant, panel
from tests.servers.fixtures import require
from tests.servers.processes import free_port
from tests.servers.prometheus_server import binary

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Run


def prometheus(asked: Asked) -> Reply:
    """Answers every query with nothing, and every list with an empty one."""
    listing = "/label/" in asked.path
    data: Any = [] if listing else {"resultType": "vector", "result": []}
    return Reply(200, {"status": "success", "data": data})


@pytest.fixture
def file(tmp_path: Path) -> str:
    found = {"uid": "one", "title": "One", "panels": [panel("stat", instant())]}
    (tmp_path / "one.json").write_text(json.dumps(found))
    return "one.json"


def test_the_dashboards_of_an_inventory_become_one_page(observe: Run, small: Path, tmp_path: Path) -> None:
    with stand_in(prometheus) as server:
        done = observe("preview", "-i", str(small), "--prometheus", server.url, "--at", str(END))
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    page = (tmp_path / "preview.html").read_text()
    count = page.count("<article ")
    assert count >= 4
    assert re.fullmatch(
        rf"2 services: no findings\nasking \d+ queries\npreview.html: {count} dashboards, \d\.\d MB\n", done.stderr
    )
    assert "cart" in page


def test_files_need_no_inventory(observe: Run, file: str, tmp_path: Path) -> None:
    with stand_in(prometheus) as server:
        arguments = ("preview", file, "--at", "2026-03-01T12:00:00Z", "--range", "90m", "-o", "x/y.html")
        done = observe(*arguments, PROMETHEUS_URL=server.url)
    assert done.returncode == 0
    assert re.fullmatch(r"asking 1 query\nx/y.html: 1 dashboard, \d\.\d MB\n", done.stderr)
    assert "2026-03-01 10:30:00 to 2026-03-01 12:00:00 UTC" in (tmp_path / "x" / "y.html").read_text()


def test_a_dashboard_is_chosen_by_uid_or_title(observe: Run, file: str, tmp_path: Path) -> None:
    (tmp_path / "two.json").write_text((tmp_path / file).read_text().replace("one", "two").replace("One", "Two"))
    with stand_in(prometheus) as server:
        done = observe("preview", file, "two.json", "--dashboard", "Two", "--prometheus", server.url)
        assert "1 dashboard," in done.stderr, done.stderr
        done = observe("preview", file, "two.json", "--dashboard", "three", "--prometheus", server.url)
    assert done.returncode == 2
    assert done.stderr == "observe: there is no dashboard 'three'; known are one (One), two (Two)\n"
    assert "<h1>Two</h1>" in (tmp_path / "preview.html").read_text()


def test_nothing_is_written_when_prometheus_cannot_be_reached(observe: Run, file: str, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    done = observe("preview", file, "--prometheus", url)
    assert done.returncode == 3
    assert done.stderr.endswith(
        f"observe: Prometheus at {url} does not answer (run a query): [Errno 111] Connection refused\n"
    )
    assert not (tmp_path / "preview.html").exists()


def test_a_query_that_fails_is_shown_and_fails_nothing(observe: Run, file: str, tmp_path: Path) -> None:
    refusal = Reply(400, {"status": "error", "errorType": "bad_data", "error": "parse error"})
    with stand_in(lambda _: refusal) as server:
        done = observe("preview", file, "--prometheus", server.url)
    assert done.returncode == 0
    assert "<li>A: parse error</li>" in (tmp_path / "preview.html").read_text()


def test_the_token_is_taken_from_the_environment_and_told_to_nobody(observe: Run, file: str, tmp_path: Path) -> None:
    with stand_in(prometheus) as server:
        done = observe("preview", file, "--prometheus", server.url, PROMETHEUS_TOKEN="not-to-be-seen")
    assert {asked.headers["Authorization"] for asked in server.asked} == {"Bearer not-to-be-seen"}
    assert "not-to-be-seen" not in done.stderr + (tmp_path / "preview.html").read_text()


@pytest.fixture
def program() -> str:
    require("prometheus")
    return str(binary("prometheus"))


def test_an_incident_is_drawn_at_its_worst_from_a_prometheus_of_its_own(
    observe: Run, small: Path, program: str, tmp_path: Path
) -> None:
    """Whatever the environment says of another one; and always with the same bytes."""
    told = r"""2 services: no findings
simulating 2h\. stock has no space left and fails everything; [^\n]+
\d+ samples, and what the rules make of them, are in a Prometheus
asking \d+ queries
preview.html: 1 dashboard, \d\.\d MB
"""
    pages = set()
    for seed in "01":
        done = observe(
            "preview", "-i", str(small), "--incident", "leaf-database", "--prometheus-program", program,
            "--dashboard", "shop / stock", PROMETHEUS_URL="http://localhost:1", PYTHONHASHSEED=seed,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert re.fullmatch(told, done.stderr), done.stderr
        pages.add((tmp_path / "preview.html").read_text())
    (page,) = pages
    assert "2026-01-01 01:00:00 to 2026-01-01 02:00:00 UTC" in page
    assert re.search(r">100\.00<small>%", page), "the error rate"


def test_an_ordinary_hour_is_drawn_for_as_long_as_asked(observe: Run, small: Path, program: str) -> None:
    done = observe(
        "preview", "-i", str(small), "--incident", "ordinary", "--range", "20m", "--history", "10m",
        "--dashboard", "acme: mesh overview", OBSERVE_PROMETHEUS=program,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "simulating 30m. Nothing happens.\n" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "say who is asked: --prometheus URL, or --incident NAME for one that simulates"),
        (
            ("--incident", "errors", "--prometheus", "http://localhost:1"),
            "--prometheus does not go with --incident, which simulates",
        ),
        (("--incident", "errors", "--at", "0"), "--at does not go with --incident, which simulates"),
        (("--prometheus", "http://localhost:1", "--service", "shop/cart"), "--service belongs to --incident"),
        (("--prometheus", "http://localhost:1", "--history", "1d"), "--history belongs to --incident"),
        (
            ("--incident", "ordinary", "--service", "shop/cart"),
            "--service belongs to an incident; on an ordinary day nothing happens to anybody",
        ),
        (
            ("--incident", "errors", "--range", "2d"),
            "--range and --history ask for 49h of simulation; together they may be 48h at most",
        ),
        (
            ("--incident", "errors", "--prometheus-program", "/nowhere/prometheus"),
            (
                "there is no program '/nowhere/prometheus': install Prometheus (https://prometheus.io/download), put it"
                " on the PATH, or say where it is"
            ),
        ),
    ],
)
def test_one_of_the_two_is_asked(observe: Run, small: Path, arguments: tuple[str, ...], message: str) -> None:
    done = observe("preview", "-i", str(small), *arguments)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (2, f"observe: {message}")


def test_an_incident_that_cannot_happen_is_told_before_anything_is_simulated(observe: Run, small: Path) -> None:
    done = observe("preview", "-i", str(small), "--incident", "erors", "--prometheus-program", "/nowhere")
    assert done.returncode == 2
    assert done.stderr.startswith("observe: there is no incident erors; take one of errors, ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--at", "noon"), "--at noon is no time: write 2026-03-01T12:00:00Z, or seconds since 1970"),
        (("--range", "long"), "--range long is no duration: write one such as 90m, 6h or 7d"),
        (("gone.json",), "gone.json cannot be read: No such file or directory"),
    ],
)
def test_wrong_usage_is_told(observe: Run, file: str, arguments: tuple[str, ...], message: str) -> None:
    done = observe("preview", file, *arguments, "--prometheus", "http://localhost:1")
    assert (done.returncode, done.stderr) == (2, f"observe: {message}\n")


@pytest.mark.parametrize(("module", "package"), [("plotly.offline", "plotly"), ("markdown_it", "markdown-it")])
def test_without_the_extra_the_message_says_what_to_install(
    file: str, module: str, package: str, tmp_path: Path
) -> None:
    program = (
        f"import sys; sys.modules[{module!r}] = None; sys.argv[1:] = ['preview', {file!r}, '--prometheus', 'http://x']\n"
        "from observe.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (
        2,
        f"observe: previews need {package}, which is not installed: run pip install 'observe-mesh[preview]'\n",
    )
