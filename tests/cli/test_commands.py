"""The commands as a user meets them: output, messages, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import SMALL

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Run


def test_help_names_every_command_and_the_exit_codes(observe: Run) -> None:
    done = observe("--help")
    assert done.returncode == 0
    for word in ("build", "diff", "prune", "publish", "schema", "validate", "Exit codes", "4 partly published"):
        assert word in " ".join(done.stdout.split())


def test_unknown_command_and_option_are_wrong_usage(observe: Run) -> None:
    assert observe("biuld").returncode == 2
    assert observe("build", "--nope").returncode == 2


def test_missing_inventory_says_where_it_looked(observe: Run) -> None:
    done = observe("validate")
    assert done.returncode == 2
    assert done.stderr == (
        "observe: there is no inventory at inventory.yaml; give a file, a directory or - with --inventory\n"
    )


def test_validate_sound_inventory(observe: Run, small: Path) -> None:
    done = observe("validate", "-i", str(small))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "2 services: no findings\n")


def test_validate_reads_standard_input_and_the_environment(observe: Run, small: Path) -> None:
    assert observe("validate", "-i", "-", stdin=SMALL).returncode == 0
    assert observe("validate", OBSERVE_INVENTORY=str(small)).returncode == 0


@pytest.mark.parametrize(("fail_on", "code"), [("error", 0), ("warning", 1), ("never", 0)])
def test_fail_on_decides_which_severity_fails(observe: Run, small: Path, fail_on: str, code: int) -> None:
    small.write_text(SMALL.replace(", injection: explicit", ""))
    done = observe("validate", "--fail-on", fail_on)
    assert done.returncode == code
    assert done.stdout.count("OBS106") == 2
    assert done.stderr == "2 services: 2 warnings\n"


def test_findings_as_json_are_data_alone(observe: Run, small: Path) -> None:
    small.write_text(SMALL.replace("service_account: cart", "service_accuont: cart"))
    done = observe("validate", "--format", "json")
    (finding,) = json.loads(done.stdout)
    assert done.returncode == 2
    assert finding == {
        "code": "OBS003",
        "severity": "error",
        "file": "inventory.yaml",
        "line": 10,
        "column": 5,
        "subject": "services.cart.service_accuont",
        "problem": "is not a known key",
        "remedy": "did you mean service_account?",
        "silenced": None,
    }


def test_no_colours_where_no_terminal_is(observe: Run, small: Path) -> None:
    small.write_text(SMALL.replace(", injection: explicit", ""))
    assert "\x1b" not in observe("validate").stdout


@pytest.mark.usefixtures("small")
def test_build_writes_the_pack_and_says_what_it_did(observe: Run, tmp_path: Path) -> None:
    done = observe("build", "-o", "pack")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "pack/istio/shop/cart/virtual-service.yaml").is_file()
    assert "2 services" in done.stderr
    again = observe("build", "-o", "pack")
    assert (again.returncode, again.stdout) == (0, "")
    assert "unchanged" in again.stderr


@pytest.mark.parametrize("command", [("build", "-o", "pack"), ("publish", "-o", "pack"), ("diff", "-o", "pack")])
def test_broken_inventory_writes_nothing(observe: Run, small: Path, tmp_path: Path, command: tuple[str, ...]) -> None:
    small.write_text(SMALL.replace("role: sync", "role: snyc"))
    done = observe(*command)
    assert done.returncode == 2
    assert "did you mean sync?" in done.stderr
    assert "observe: the inventory has 1 error" in done.stderr
    assert not (tmp_path / "pack").exists()


def test_finding_of_severity_error_writes_nothing(observe: Run, small: Path, tmp_path: Path) -> None:
    small.write_text(SMALL.replace("calls: [{service: stock}]", "calls: [{service: cart}]"))
    done = observe("build", "-o", "pack")
    assert done.returncode == 1
    assert "OBS103" in done.stderr
    assert not (tmp_path / "pack").exists()


def test_silenced_error_does_not_stop_the_build(observe: Run, small: Path) -> None:
    silence = "calls: [{service: cart}]\n    silence: [{code: OBS103, reason: walks a tree of carts}]"
    small.write_text(SMALL.replace("calls: [{service: stock}]", silence))
    assert observe("build", "-o", "pack").returncode == 0


def test_removed_service_leaves_no_file_behind(observe: Run, small: Path, tmp_path: Path) -> None:
    observe("build", "-o", "pack")
    small.write_text(SMALL[: SMALL.index("  stock:")].replace("    calls: [{service: stock}]\n", ""))
    done = observe("build", "-o", "pack", "--format", "json")
    results = {one["name"]: one["result"] for one in json.loads(done.stdout)[0]["objects"]}
    assert results["alerts/shop/stock.yaml"] == "deleted"
    assert not (tmp_path / "pack/istio/shop/stock").exists()


@pytest.mark.usefixtures("small")
def test_file_that_is_not_ours_is_left_alone(observe: Run, tmp_path: Path) -> None:
    mine = tmp_path / "pack/runbooks/ServiceLatencyHigh.md"
    mine.parent.mkdir(parents=True)
    mine.write_text("written by hand\n")
    done = observe("build", "-o", "pack")
    assert done.returncode == 4
    assert "runbooks/ServiceLatencyHigh.md" in done.stdout
    assert mine.read_text() == "written by hand\n"


@pytest.mark.usefixtures("small")
def test_publish_dry_run_to_a_directory_writes_nothing(observe: Run, tmp_path: Path) -> None:
    done = observe("publish", "-o", "pack", "--dry-run", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert {one["action"] for one in json.loads(done.stdout)[0]["objects"]} == {"create"}
    assert not (tmp_path / "pack").exists()


def test_diff_is_a_diff_and_its_exit_code_says_so(observe: Run, small: Path) -> None:
    observe("build", "-o", "pack")
    assert observe("diff", "-o", "pack").returncode == 0
    small.write_text(SMALL.replace("role: sync", "role: orchestrator"))
    done = observe("diff", "-o", "pack")
    assert done.returncode == 1
    assert "-    timeout: 3s\n+    timeout: 5s\n" in done.stdout


@pytest.mark.usefixtures("small")
def test_publish_without_any_configured_system_says_what_to_set(observe: Run) -> None:
    done = observe("publish")
    assert done.returncode == 2
    assert "kubeconfig" in done.stderr
    assert "--output DIR" in done.stderr
    done = observe("publish", "--to", "grafana")
    assert done.returncode == 2
    assert "GRAFANA_URL is not set" in done.stderr


@pytest.mark.usefixtures("small")
def test_unreachable_grafana_is_exit_code_3_and_names_no_secret(observe: Run) -> None:
    done = observe("publish", "--to", "grafana", GRAFANA_URL="http://127.0.0.1:9", GRAFANA_TOKEN="hush-hush-token")
    assert done.returncode == 3
    assert "127.0.0.1:9" in done.stderr
    assert "hush" not in done.stderr + done.stdout


@pytest.mark.usefixtures("small")
def test_output_that_cannot_be_written_is_a_clear_error(observe: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = observe("build", "-o", "file")
    assert done.returncode == 2
    assert "is not a folder" in done.stderr
    assert "Traceback" not in done.stderr


def test_schema_is_json_on_standard_output(observe: Run) -> None:
    done = observe("schema")
    assert done.returncode == 0
    assert json.loads(done.stdout)["$schema"].endswith("2020-12/schema")


def test_reader_that_stops_reading_is_no_error(tmp_path: Path) -> None:
    done = subprocess.run(  # noqa: S602 - the pipe is what is tested
        f"{sys.executable} -m observe schema | head -1",
        shell=True,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""


def test_shell_completion_is_there(observe: Run) -> None:
    done = observe(_OBSERVE_COMPLETE="bash_source")
    assert "_observe_completion" in done.stdout


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        pytest.param("observe pr", ["preview", "prune"], id="command"),
        pytest.param("observe prune --ex", ["--expired"], id="option"),
        pytest.param("observe prune --to d", ["directory"], id="value"),
    ],
)
def test_the_shell_completes(observe: Run, typed: str, offered: list[str]) -> None:
    words = {"COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    done = observe(_OBSERVE_COMPLETE="bash_complete", **words)
    assert [line.partition(",")[2] for line in done.stdout.splitlines()] == offered


def test_the_example_comes_with_the_program(observe: Run) -> None:
    assert observe("validate", "-i", "example:shop").stderr == "22 services: 1 warning, 1 info\n"
    done = observe("validate", "-i", "example:shoe")
    assert (done.returncode, done.stderr) == (2, "observe: there is no example 'shoe'; known are shop\n")
