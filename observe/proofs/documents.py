"""Test files for `promtool test rules`, and the plain rule files that they read: promtool takes no PrometheusRule."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from observe.alerting import Alert, Group, mesh_alerts, mesh_records, service_rules
from observe.model import format_duration
from observe.proofs.evidence import Evidence
from observe.proofs.mesh_alerts import MeshProof
from observe.proofs.mesh_records import mesh_records_test
from observe.proofs.objectives import Days
from observe.proofs.scenes import scenes
from observe.proofs.stage import Stage
from observe.render.rules import rule_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from observe.graph import Graph
    from observe.model import Inventory, Service
    from observe.signals import Catalogue

RECORD: Final = re.compile(r"\b[a-z_]+:[a-z0-9_]+:[a-z0-9_]+\b")
RULES: Final = "rule-tests/rules"
TESTS: Final = "rule-tests/tests"
"""Two folders: a service's file can then be called like no other."""
FOR_ALERTS: Final = f"{RULES}/records-for-alerts.yaml"
FOR_PANELS: Final = f"{RULES}/records-for-panels.yaml"
OVER_DAYS: Final = f"{RULES}/records-over-days.yaml"
MESH_ALERTS: Final = f"{RULES}/mesh-alerts.yaml"


@dataclass(frozen=True)
class RuleTests:
    """Writes the rule tests of a pack."""

    inventory: Inventory
    graph: Graph
    signals: Catalogue

    def files(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every file by its path in the pack."""
        yield FOR_ALERTS, rule_file(self.for_alerts)
        yield FOR_PANELS, rule_file(self.for_panels)
        yield OVER_DAYS, rule_file(self.over_days)
        alerts = mesh_alerts(self.signals.mesh, self.signals)
        yield MESH_ALERTS, rule_file(alerts)
        yield f"{TESTS}/mesh-alerts.yaml", self._of_mesh(self._mesh_alerts(alerts), {MESH_ALERTS: alerts})
        yield f"{TESTS}/mesh-records.yaml", self._of_mesh(mesh_records_test(self.inventory, self.signals), every="1m")
        yield f"{TESTS}/mesh-objectives.yaml", _file(Days(self.signals).test(), "10m", {OVER_DAYS: self.over_days})
        for service in self.inventory.services:
            if rules := service_rules(self.graph, self.signals, service):
                name = f"{service.namespace}/{service.name}.yaml"
                yield f"{RULES}/{name}", rule_file(rules)
                if (tests := self.of_service(service))["tests"]:
                    yield f"{TESTS}/{name}", tests

    def _mesh_alerts(self, groups: tuple[Group, ...]) -> dict[str, Any]:
        alerts = tuple(rule for group in groups for rule in group.rules if isinstance(rule, Alert))
        return MeshProof(self.signals.mesh, alerts).test()

    def _of_mesh(
        self, test: dict[str, Any], more: Mapping[str, tuple[Group, ...]] | None = None, every: str = ""
    ) -> dict[str, Any]:
        """A test file of the mesh: all records that telemetry gives are loaded."""
        every = every or format_duration(self.signals.mesh.prometheus.evaluation_interval)
        return _file(test, every, {FOR_ALERTS: self.for_alerts, FOR_PANELS: self.for_panels, **(more or {})})

    def of_service(self, service: Service) -> dict[str, Any]:
        """The test file of a service."""
        own = service_rules(self.graph, self.signals, service)
        proofs = self.evidence(service)
        told = {alert.name: found for alert in proofs[0].alerts if (found := _told(proofs, alert))} if proofs else {}
        files = (*(path.replace("rule-tests", "../..") for path in (FOR_ALERTS, OVER_DAYS)),
                 f"../../rules/{service.namespace}/{service.name}.yaml")  # fmt: skip
        return {
            "rule_files": list(files),
            "evaluation_interval": format_duration(self.signals.mesh.prometheus.evaluation_interval),
            # Without it promtool's order changes from run to run, and alerts may see records of before.
            "group_eval_order": [group.name for group in (*self.for_alerts, *self.over_days, *own)],
            "tests": [
                proof.test(
                    [(alert, told[alert.name][1]) for alert in proof.alerts if told.get(alert.name, (-1,))[0] == number]
                )
                for number, proof in enumerate(proofs)
            ],
        }

    def evidence(self, service: Service) -> list[Evidence]:
        """All scenes of a service, judged."""
        own = service_rules(self.graph, self.signals, service)
        alerts = tuple(rule for group in own for rule in group.rules if isinstance(rule, Alert))
        return [Evidence(scene, alerts) for scene in scenes(Stage(self.inventory, self.graph, self.signals, service))]

    @cached_property
    def for_alerts(self) -> tuple[Group, ...]:
        """Of the mesh's records those that alerts of services read, directly or through others."""
        return _only(self._records, self._read_by_alerts - self._names_over_days)

    @cached_property
    def over_days(self) -> tuple[Group, ...]:
        """Those that look back for an hour and more."""
        return _only(self._records, self._names_over_days)

    @cached_property
    def _names_over_days(self) -> set[str]:
        return {signal.record for family in self.signals.families if family.slow for signal in family.signals}

    @cached_property
    def for_panels(self) -> tuple[Group, ...]:
        """The others, in groups of other names."""
        others = {rule.name for group in self._records for rule in group.rules} - self._read_by_alerts
        others -= self._names_over_days
        return tuple(replace(group, name=f"{group.name}-panels") for group in _only(self._records, others))

    @cached_property
    def _records(self) -> tuple[Group, ...]:
        return mesh_records(self.signals.mesh, self.signals)

    @cached_property
    def _read_by_alerts(self) -> set[str]:
        own = (service_rules(self.graph, self.signals, service) for service in self.inventory.services)
        wanted = _read(group for groups in own for group in groups)
        by_name = {
            rule.name: set(RECORD.findall(str(rule.expression))) for group in self._records for rule in group.rules
        }
        found: set[str] = set()
        while new := wanted - found:
            found |= new
            wanted = wanted.union(*(by_name.get(name, ()) for name in new))
        return found


def _told(proofs: list[Evidence], alert: Alert) -> tuple[int, int] | None:
    """The scene, and the evaluation in it, at which an alert's whole text is best asserted."""
    found = [(*best, number) for number, proof in enumerate(proofs) if (best := proof.best(alert))]
    if not found:
        return None
    _, place, number = min(found, key=lambda each: (each[0], each[2]))
    return number, place


def _only(groups: tuple[Group, ...], names: set[str]) -> tuple[Group, ...]:
    chosen = (replace(group, rules=tuple(rule for rule in group.rules if rule.name in names)) for group in groups)
    return tuple(group for group in chosen if group.rules)


def _read(groups: Iterable[Group]) -> set[str]:
    """The records that rules read, in their expressions and in the queries of their texts."""
    rules = [rule for group in groups for rule in group.rules]
    texts = [str(rule.expression) for rule in rules]
    texts += [text for rule in rules if isinstance(rule, Alert) for _, text in rule.annotations]
    return {name for text in texts for name in RECORD.findall(text)}


def _file(test: dict[str, Any], every: str, loaded: Mapping[str, tuple[Group, ...]]) -> dict[str, Any]:
    return {
        "rule_files": [path.replace("rule-tests", "..") for path in loaded],
        "evaluation_interval": every,
        "group_eval_order": [group.name for groups in loaded.values() for group in groups],
        "tests": [test],
    }
