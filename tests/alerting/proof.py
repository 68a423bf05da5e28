"""Rule unit tests for promtool, made from incidents: which alerts are pending or firing, minute by minute."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from observe.alerting import mesh_records, service_alerts
from observe.render import rules as rendered
from observe.signals import catalogue
from tests.alerting.simulation import SCRAPE, Simulation

if TYPE_CHECKING:
    from pathlib import Path

    from observe.model import Inventory, Service
    from tests.servers.prometheus_server import Promtool

RULES: Final = "rules.yaml"
"""The file that `disproof` leaves in its folder."""
PENDING: Final = "pending"
FIRING: Final = "firing"

States = Mapping[float, Mapping[str, str]]
"""By minute: the alerts that are pending or firing then, and no others."""
Sample = tuple[Mapping[str, str], float]


@dataclass(frozen=True, slots=True)
class Case:
    """Something that happens to a service, and what its alerts make of it."""

    name: str
    happens: Callable[[Service], Simulation]
    states: States = field(default_factory=dict)
    values: tuple[tuple[float, str, tuple[Sample, ...]], ...] = ()
    """A minute, an expression, and all that it must give."""
    alerts: tuple[dict[str, Any], ...] = ()
    """Whole alerts, as promtool's `alert_rule_test` takes them."""

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


def rules_of(inventory: Inventory, *services: Service) -> dict[str, Any]:
    """The rule file that the program makes: the mesh's records, and the alerts of these services."""
    signals = catalogue(inventory)
    alerts = (service_alerts(inventory.mesh, signals, service) for service in services)
    return rendered.rule_file((mesh_records(inventory.mesh, signals), *alerts))


def prove(promtool: Promtool, folder: Path, rules: dict[str, Any], service: Service, *cases: Case) -> None:
    """Fail with promtool's report unless every case comes out as it says."""
    report = disproof(promtool, folder, rules, [(service, case) for case in cases])
    assert not report, report


def disproof(promtool: Promtool, folder: Path, rules: dict[str, Any], cases: list[tuple[Service, Case]]) -> str:
    """Promtool's report about the cases that come out differently; empty if none does."""
    (folder / RULES).write_text(json.dumps(rules))  # JSON is YAML, and quickly written
    content = {
        "rule_files": [RULES],
        "evaluation_interval": "30s",
        # Without it the order changes from run to run, and alerts may see records that are 30 seconds old.
        "group_eval_order": [group["name"] for group in rules["groups"]],
        "fuzzy_compare": True,
        "tests": [_test(service, case) for service, case in cases],
    }
    file = folder / "test.yaml"
    file.write_text(json.dumps(content))
    done = promtool.test_rules(file)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def _test(service: Service, case: Case) -> dict[str, Any]:
    expressions = [_states(minute, states) for minute, states in case.states.items()]
    expressions += [_values(minute, expr, samples) for minute, expr, samples in case.values]
    return {
        "name": f"{service.name}: {case.name}",
        "interval": f"{SCRAPE}s",
        "input_series": case.happens(service).series(),
        "promql_expr_test": expressions,
        "alert_rule_test": list(case.alerts),
    }


def _states(minute: float, states: Mapping[str, str]) -> dict[str, Any]:
    """All of the service's alerts at once: one that is missing, one too many, and one twice are all told apart."""
    samples = tuple(({"alertname": name, "alertstate": state}, 1.0) for name, state in states.items())
    return _values(minute, "count by (alertname, alertstate) (ALERTS)", samples)


def _values(minute: float, expr: str, samples: tuple[Sample, ...]) -> dict[str, Any]:
    expected = [{"labels": _selector(labels), "value": value} for labels, value in samples]
    return {"expr": expr, "eval_time": f"{round(minute * 60)}s", "exp_samples": expected}


def _selector(labels: Mapping[str, str]) -> str:
    name = labels.get("__name__", "")
    return name + "{" + ", ".join(f'{key}="{value}"' for key, value in labels.items() if key != "__name__") + "}"
