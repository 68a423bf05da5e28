"""OBS141: rules that what evaluates them would not take."""

from __future__ import annotations

import re

import pytest

from observe.alerting import rule_groups
from observe.checks import rule_limits
from observe.graph import Graph
from observe.model import Call, Prometheus, RuleLimits
from observe.signals import catalogue
from tests.checks.finds import found
from tests.samples import a_mesh, a_service, an_inventory

SERVICES = tuple(a_service(name) for name in ("cart", "checkout", "stock"))


def limited(groups: int | None, rules: int = 20, **changes: str) -> list[str]:
    limits = RuleLimits(rules_per_group=rules, groups=groups)
    return found(rule_limits, *SERVICES, mesh=a_mesh(prometheus=Prometheus(rule_limits=limits), **changes))


def groups_of(rules: int) -> int:
    """How many groups there are, counted."""
    mesh = a_mesh(prometheus=Prometheus(rule_limits=RuleLimits(rules_per_group=rules)))
    inventory = an_inventory(*SERVICES, mesh=mesh)
    return len(rule_groups(Graph(inventory), catalogue(inventory)))


def test_the_declared_limit_is_the_last_number_that_is_taken() -> None:
    count = groups_of(20)
    assert limited(count) == []
    (finding,) = limited(count - 1)
    assert finding.startswith("error OBS141: mesh acme has ")
    assert f"in {count} groups of at most 20, and a tenant may have {count - 1}: what is beyond is refused; " in finding
    assert f"raise the ruler's limit to {count} (Mimir: ruler_max_rule_groups_per_tenant)" in finding


def test_without_a_limit_there_may_be_any_number() -> None:
    assert limited(None, rules=5) == []


def test_larger_groups_are_a_way_out_with_the_figures_that_make_it_one() -> None:
    """What the finding proposes is what then finds nothing."""
    (finding,) = limited(10, rules=5)
    proposed = re.search(r", (\d+) are enough where a group may have (\d+) rules", finding)
    assert proposed
    groups, rules = map(int, proposed.groups())
    assert groups < groups_of(5)
    assert limited(groups, rules) == []
    assert limited(groups - 1, rules) != []


def test_where_no_group_is_split_larger_ones_are_no_way_out() -> None:
    (finding,) = limited(10, rules=1_000)
    assert "are enough" not in finding


@pytest.mark.parametrize("callees", [0, 9])
def test_an_object_that_the_operator_refuses(callees: int) -> None:
    """The address of the runbooks stands in every alert: here it alone is too long, for each service's rules."""
    others = tuple(a_service(f"callee-{number}") for number in range(callees))
    top = a_service("top", calls=tuple(Call(service=other.id) for other in others))
    mesh = a_mesh(runbook_base_url="https://runbooks.example.com/" + "x" * 40_000)
    findings = found(rule_limits, top, *others, mesh=mesh)
    named = [re.match(r"error OBS141: (mesh acme|service shop/\S+) has", finding) for finding in findings]
    assert [match[1] for match in named if match] == [
        f"service {one.id}" for one in sorted((top, *others), key=lambda one: one.id)
    ]
    assert re.search(r"has rules of \d{6} bytes, and the Prometheus operator takes 524288 in an object; ", findings[0])
    assert findings[0].endswith("runbook_base_url, which each alert repeats, has 40029 characters")


def test_the_rules_of_the_mesh_are_measured_too() -> None:
    mesh = a_mesh(runbook_base_url="https://runbooks.example.com/" + "x" * 60_000)
    assert any("mesh acme has acme-mesh-alerts of " in finding for finding in found(rule_limits, *SERVICES, mesh=mesh))
