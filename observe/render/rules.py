"""Rule groups as PrometheusRule objects, and as plain rule files for promtool."""

from __future__ import annotations

from typing import Any, Final

from observe.alerting import Alert, Group, Record
from observe.model import Mesh, format_duration
from observe.naming import ANNOTATION_OWNER, labels

API_VERSION: Final = "monitoring.coreos.com/v1"
KIND: Final = "PrometheusRule"


def prometheus_rule(mesh: Mesh, name: str, groups: tuple[Group, ...], owner: str | None = None) -> dict[str, Any]:
    """The object that the Prometheus operator reads; its labels are those that the operator selects by."""
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": mesh.prometheus.namespace,
        "labels": {**mesh.prometheus.rule_labels, **labels(mesh.name)},
    }
    if owner:
        metadata["annotations"] = {ANNOTATION_OWNER: owner}
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": rule_file(groups)}


def rule_file(groups: tuple[Group, ...]) -> dict[str, Any]:
    """What Prometheus itself reads: the same as the object's `spec`."""
    return {"groups": [_group(group) for group in groups]}


def _group(group: Group) -> dict[str, Any]:
    return {
        "name": group.name,
        "interval": format_duration(group.interval),
        "rules": [_rule(rule) for rule in group.rules],
    }


def _rule(rule: Record | Alert) -> dict[str, Any]:
    if isinstance(rule, Record):
        labels = {"labels": dict(rule.labels)} if rule.labels else {}
        return {"record": rule.name, "expr": str(rule.expression), **labels}
    return {
        "alert": rule.name,
        "expr": str(rule.expression),
        "for": format_duration(rule.hold),
        **({"keep_firing_for": format_duration(rule.keep)} if rule.keep else {}),
        "labels": dict(rule.labels),
        "annotations": dict(rule.annotations),
    }
