"""Rule unit tests for promtool, made from incidents: which alerts are pending or firing, minute by minute."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from observe.alerting import rule_groups
from observe.graph import Graph
from observe.render.rules import rule_file
from observe.signals import catalogue

if TYPE_CHECKING:
    from pathlib import Path

    from observe.model import Inventory, Service
    from observe.simulation import Telemetry
    from tests.servers.prometheus_server import Promtool

RULES: Final = "rules.yaml"
PENDING: Final = "pending"
FIRING: Final = "firing"

States = Mapping[float, Mapping[str, str]]
"""By minute: the alerts that are pending or firing then, and no others."""
Sample = tuple[Mapping[str, str], float]


class Tells(Protocol):
    """A recorder, or whoever else has telemetry."""

    def telemetry(self) -> Telemetry: ...


@dataclass(frozen=True, slots=True)
class Case:
    """Something that happens to a service, and what its alerts make of it."""

    name: str
    happens: Callable[[Service], Tells]
    states: States = field(default_factory=dict)
    values: tuple[tuple[float, str, tuple[Sample, ...]], ...] = ()
    """A minute, an expression, and all that it must give."""

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


def rules_of(inventory: Inventory, *services: Service) -> dict[str, Any]:
    """The rule file that the program makes: the mesh's records, and the rules of these services."""
    return rule_file(rule_groups(Graph(inventory), catalogue(inventory), services))


def prove(promtool: Promtool, folder: Path, rules: dict[str, Any], service: Service, *cases: Case) -> None:
    """Fail with promtool's report unless every case comes out as it says."""
    (folder / RULES).write_text(json.dumps(rules))  # JSON is YAML, and quickly written
    content = {
        "rule_files": [RULES],
        "evaluation_interval": "30s",
        # Without it the order changes from run to run, and alerts may see records that are 30 seconds old.
        "group_eval_order": [group["name"] for group in rules["groups"]],
        "fuzzy_compare": True,
        "tests": [_test(service, case) for case in cases],
    }
    file = folder / "test.yaml"
    file.write_text(json.dumps(content))
    done = promtool.test_rules(file)
    assert done.returncode == 0, done.stdout + done.stderr


def _test(service: Service, case: Case) -> dict[str, Any]:
    expressions = [_states(minute, states) for minute, states in case.states.items()]
    expressions += [_values(minute, expr, samples) for minute, expr, samples in case.values]
    telemetry = case.happens(service).telemetry()
    return {
        "name": f"{service.name}: {case.name}",
        "interval": f"{telemetry.step}s",
        "input_series": telemetry.promtool(),
        "promql_expr_test": expressions,
    }


def _states(minute: float, states: Mapping[str, str]) -> dict[str, Any]:
    """All alerts about services at once: one that is missing, one too many, and one twice are all told apart.

    Those of the mesh are left out: in most cases nobody reports that its istiod is there.
    """
    samples = tuple(({"alertname": name, "alertstate": state}, 1.0) for name, state in states.items())
    return _values(minute, 'count by (alertname, alertstate) (ALERTS{alertname=~"Service.*"})', samples)


def _values(minute: float, expr: str, samples: tuple[Sample, ...]) -> dict[str, Any]:
    expected = [{"labels": _selector(labels), "value": value} for labels, value in samples]
    return {"expr": expr, "eval_time": f"{round(minute * 60)}s", "exp_samples": expected}


def _selector(labels: Mapping[str, str]) -> str:
    name = labels.get("__name__", "")
    return name + "{" + ", ".join(f'{key}="{value}"' for key, value in labels.items() if key != "__name__") + "}"
