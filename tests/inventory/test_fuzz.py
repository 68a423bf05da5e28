"""No text makes the loader crash or hang: it gives an Inventory, or an InventoryError whose findings can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from observe.errors import UsageError
from observe.inventory import InventoryError, load, parse
from observe.inventory.merge import SECTIONS
from observe.inventory.messages import keys_at
from observe.model import Inventory, Mesh, Service
from tests.inventory.good import GOOD

if TYPE_CHECKING:
    from pathlib import Path

    from observe.checks import Finding

bounded = settings(
    max_examples=200, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
"""Counted, not timed, and the same every time: a test that fails must fail again."""

KEYS = sorted({*SECTIONS, *keys_at(Mesh, ()), *keys_at(Service, ()), "cart", "web/cart", "service", "port", "mode"})
WORDS = st.sampled_from(
    ["cart", "sync", "STRICT", "5%", "3s", "GET", "/x", "1.30", "no", "2026-01-01", "api.example.com"]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=8)
DATA = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=4), inner, max_size=6)
    ),
    max_leaves=40,
)
INDICATORS = st.lists(
    st.sampled_from([*"{}[],:?-&*!|>'\"%@`#\n\t ~", "\n  ", "&a ", "*a ", "<<: ", "---\n", "a: ", "!!str "])
)


def outcome(*texts: str) -> Inventory | tuple[Finding, ...]:
    """The inventory, or why there is none; anything else that is raised fails the test."""
    try:
        return parse([(f"f{number}.yaml", text) for number, text in enumerate(texts)])
    except InventoryError as error:
        return error.findings


def holds(*texts: str) -> None:
    """The promise, for these texts."""
    result = outcome(*texts)
    assert result
    if isinstance(result, Inventory):
        assert all(call.service in result.by_id for service in result.services for call in service.calls)
        return
    for finding in result:
        assert finding.position is not None
        assert all((finding.subject, finding.problem, finding.remedy))
        assert str(finding).isprintable()


@bounded
@given(st.text())
@example("\ud800")
@example("\x00")
@example("\ufeff\ufeff")
@example("? ? ? :")
@example("'" * 1000)
@example("%TAG ! x")
@example("- !<tag:yaml.org,2002:int> x")
@example("services: {a: {ports: [{number: 1e999}], calls: [{service: a}]}}")
def test_any_text(text: str) -> None:
    holds(text)


@bounded
@given(INDICATORS.map("".join))
def test_text_of_nothing_but_yaml_s_own_characters(text: str) -> None:
    holds(text)


@bounded
@given(st.binary())
def test_any_bytes(content: bytes) -> None:
    holds(content.decode("latin-1"))
    holds(content.decode("utf-8", errors="surrogateescape"))


@bounded
@given(DATA)
def test_any_structure(data: Any) -> None:
    holds(yaml.safe_dump(data))


@bounded
@given(st.dictionaries(st.sampled_from(SECTIONS), DATA), st.dictionaries(st.sampled_from(SECTIONS), DATA))
def test_any_sections_in_two_files(first: Any, second: Any) -> None:
    holds(yaml.safe_dump(first), yaml.safe_dump(second))


@bounded
@given(st.dictionaries(st.sampled_from(keys_at(Service, ())), DATA), st.dictionaries(st.sampled_from(KEYS), DATA))
def test_any_service_and_defaults(service: Any, defaults: Any) -> None:
    good = yaml.safe_load(GOOD)
    good["services"]["cart"] |= service
    good["defaults"] |= defaults
    text = yaml.safe_dump(good)
    holds(text)
    result = outcome(text)
    if isinstance(result, Inventory):
        assert sorted(result.keys.values()) == sorted(good["services"]), "none is lost without a word"


@bounded
@given(st.integers(0, len(GOOD)), st.integers(0, 12), st.text(max_size=6) | INDICATORS.map("".join))
def test_good_inventory_with_a_part_replaced(start: int, length: int, new: str) -> None:
    holds(GOOD[:start] + new + GOOD[start + length :])


@bounded
@given(st.permutations(GOOD.splitlines()), st.integers(0, 40))
def test_good_inventory_in_another_order(lines: list[str], count: int) -> None:
    holds("\n".join(lines[:count]))


@bounded
@given(st.lists(st.sampled_from(GOOD.splitlines()), max_size=60))
def test_lines_of_the_good_inventory(lines: list[str]) -> None:
    holds("\n".join(lines))


@settings(bounded, max_examples=50)
@given(st.binary(max_size=200))
def test_any_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "inventory.yaml"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"\S"):
        load(str(path))
