"""Commands on the pages: the real istioctl takes them, kubectl's flags are its own, jq finds what proxies log."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from observe.model import Call
from tests.conftest import INVENTORIES
from tests.runbooks.reading import commands, pages, pages_of, snippets
from tests.samples import a_service, an_inventory
from tests.servers.fixtures import require
from tests.servers.install import SERVERS
from tests.servers.processes import clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

SUBCOMMANDS: Final = {
    ("analyze",): "analyze",
    ("proxy-config", "cluster"): "proxy-config cluster",
    ("proxy-config", "endpoints"): "proxy-config endpoint",
    ("proxy-config", "log"): "proxy-config log",
    ("proxy-config", "routes"): "proxy-config route",
    ("proxy-status",): "proxy-status",
    ("version",): "version",
    ("x", "authz", "check"): "experimental authz check",
    ("x", "check-inject"): "experimental check-inject",
    ("x", "describe", "service"): "experimental describe service",
    ("x", "envoy-stats"): "experimental envoy-stats",
    ("ztunnel-config", "service"): "ztunnel-config service",
    ("ztunnel-config", "workload"): "ztunnel-config workload",
}
"""What pages call, and what istioctl itself calls that; of a subcommand it does not know it shows the parent's help."""

KUBECTL: Final = {
    "apply": {"-f"},
    "create": {"-n", "--from-file", "--dry-run", "-o"},
    "describe": {"-n", "-l"},
    "exec": {"-n", "-c"},
    "get": {"-n", "-A", "-l", "-o", "--field-selector", "--sort-by", "--ignore-not-found"},
    "logs": {"-n", "-l", "-c", "--since", "--tail", "--prefix", "--previous", "--ignore-errors"},
    "rollout restart": {"-n"},
    "rollout status": {"-n", "--timeout"},
    "rollout undo": {"-n"},
    "scale": {"-n", "--replicas"},
    "top pods": {"-n", "-l", "--containers"},
}
"""Subcommands and those of their flags that pages use, of kubectl 1.36 (`k8s.io/kubectl` v0.36.0, `pkg/cmd`; also
kubernetes.io/docs/reference/kubectl/generated). Each is older than Kubernetes 1.25."""

LOGGED: Final = {
    "start_time", "route_name", "method", "path", "protocol", "response_code", "response_flags",
    "response_code_details", "connection_termination_details", "bytes_received", "bytes_sent", "duration",
    "upstream_service_time", "x_forwarded_for", "user_agent", "request_id", "authority", "upstream_host",
    "upstream_cluster", "upstream_local_address", "downstream_local_address", "downstream_remote_address",
    "requested_server_name", "upstream_transport_failure_reason",
}  # fmt: skip
"""What a line of the JSON access log has (istio `pilot/pkg/model/telemetry_logging.go`, `EnvoyJSONLogFormatIstio`)."""


@cache
def codes() -> tuple[str, ...]:
    """Every block for a shell, of all inventories."""
    found = {snippet.code for path in INVENTORIES for snippet in snippets(pages_of(path), "bash")}
    return tuple(sorted(found))


def calls(program: str) -> Iterator[list[str]]:
    for code in codes():
        yield from commands(code, program)


def test_no_command_is_overlooked() -> None:
    """What is looked for in the words is what a person would count."""
    for program in ("istioctl", "kubectl"):
        written = sum(len(re.findall(rf"\b{program} ", code)) for code in codes())
        assert written == len(list(calls(program))) > 100


def test_a_shell_reads_every_block() -> None:
    whole = "\n".join(codes())
    done = subprocess.run(["bash", "-n"], input=whole, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_istioctl_takes_every_command() -> None:
    """`--help` at the end: everything before it is parsed, and nothing is contacted."""
    shapes: dict[tuple[str, ...], list[str]] = {}
    for words in calls("istioctl"):
        flags = sorted(word.partition("=")[0] for word in words if word.startswith("-"))
        shapes.setdefault((*_subcommand(words), *flags), words)
    assert len(shapes) >= len(SUBCOMMANDS)
    for words in shapes.values():
        done = _istioctl(*words, "--help")
        assert done.returncode == 0, (words, done.stderr)
        assert f"\n  istioctl {SUBCOMMANDS[_subcommand(words)]} " in done.stdout, words


def test_istioctl_would_refuse_what_it_does_not_know() -> None:
    """The test before this one could not fail otherwise."""
    assert _istioctl("proxy-config", "endpoints", "deployment/a.b", "--clusters", "x", "--help").returncode


def _istioctl(*words: str) -> subprocess.CompletedProcess[str]:
    require("istio")
    argv = [str(SERVERS["istio"].folder() / "bin" / "istioctl"), *words]
    return subprocess.run(argv, env=clean_environment({}), capture_output=True, text=True, timeout=120)


def _subcommand(words: list[str]) -> tuple[str, ...]:
    (found,) = (known for known in SUBCOMMANDS if tuple(words[: len(known)]) == known)
    return found


def test_kubectl_has_every_subcommand_and_flag() -> None:
    used: dict[str, set[str]] = {}
    for words in calls("kubectl"):
        own = words[: words.index("--")] if "--" in words else words
        rest = own[2:] if own[0] == "-n" else own
        name = " ".join(rest[:2]) if rest[0] in ("rollout", "top") else rest[0]
        flags = {word.partition("=")[0] for word in own if re.fullmatch(r"--?[A-Za-z][a-z-]*(=.*)?", word)}
        used.setdefault(name, set()).update(flags)
    assert used == KUBECTL


def test_access_log_fields_are_those_that_proxies_log() -> None:
    programs = _jq_programs()
    assert len(programs) > 3
    for program in programs:
        read = re.sub(r'"(?:[^"\\(]|\\[^(])*"', '""', program.split("|", 1)[1])
        fields = set(re.findall(r"(?<![\w\])])\.([a-z_]+)", read))
        assert fields, program
        assert fields <= LOGGED, (fields - LOGGED, program)


def _jq_programs() -> set[str]:
    """Those that read access logs."""
    found = (program for code in codes() for program in re.findall(r"jq -rR '([^']+)'", code))
    return {re.sub(r"\|[a-z0-9.-]+\.(?:svc\.[a-z0-9.-]+|example\.com)\"", '|host"', program) for program in found}


LINE: Final[dict[str, Any]] = {
    **dict.fromkeys(LOGGED),
    "method": "GET",
    "path": "/orders/1?token=secret",
    "response_code": 503,
    "response_flags": "UH",
    "response_code_details": "no_healthy_upstream",
    "duration": 2_345,
    "upstream_cluster": "outbound|80||checkout.shop.svc.cluster.local",
}


@pytest.mark.parametrize(
    ("changes", "failed", "slow"),
    [
        ({}, "1 503 UH no_healthy_upstream GET /orders/1", "1 GET /orders/1 all=2300ms app=-"),
        ({"response_code": 200, "response_flags": "-", "duration": 12}, "", ""),
        ({"upstream_cluster": "outbound|80||other.shop.svc.cluster.local"}, "", ""),
        ({"upstream_cluster": None}, "", ""),
    ],
)
def test_access_logs_are_summed_up(tmp_path: Path, changes: dict[str, Any], failed: str, slow: str) -> None:
    """Through a real shell and jq, with a kubectl that prints one line, and one of the agent's that is no JSON."""
    jq = shutil.which("jq")
    if jq is None:
        pytest.skip("jq is not installed")
    log = tmp_path / "log"
    log.write_text(f"2030-01-01T00:00:00Z info an agent's line\n{json.dumps({**LINE, **changes})}\n")
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(f"#!/bin/sh\ncat {log}\n")
    kubectl.chmod(0o755)
    caller = a_service("web", calls=(Call(service="shop/checkout"),))
    found = pages(an_inventory(a_service("checkout"), caller))
    blocks = [each.code for each in snippets({"": found["shop/checkout.md"]}, "bash") if "outbound|" not in each.code]
    (of_failed,) = (code for code in blocks if ">= 500" in code)
    (of_slow,) = (code for code in blocks if "> 2000" in code)
    environment = {"PATH": f"{tmp_path}:{Path(jq).parent}:/usr/bin:/bin"}
    for code, wanted in ((of_failed, failed), (of_slow, slow)):
        done = subprocess.run(["bash", "-c", code], env=environment, capture_output=True, text=True)
        assert (done.stdout.strip(), done.stderr) == (wanted, "")
