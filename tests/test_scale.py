"""A thousand services: what must hold at size."""

from __future__ import annotations

import pytest

from benchmarks.synthetic import inventory
from observe import checks
from observe.artifact import Kind
from observe.inventory import parse
from observe.pack import Pack, build

LARGEST_RULE = 256 * 1024
"""Half of what the Prometheus operator takes (`MaxConfigMapDataSize`, 512 KiB)."""


@pytest.fixture(scope="module")
def thousand() -> Pack:
    found = parse([("bench.yaml", inventory(1000))])
    assert not [finding for finding in checks.over_inventory(found) if finding.severity is checks.Severity.ERROR]
    return build(found)


@pytest.mark.slow
def test_every_service_has_its_share(thousand: Pack) -> None:
    kinds = [artifact.kind for artifact in thousand.artifacts]
    rules, boards = 2, 6  # of the mesh
    assert kinds.count(Kind.MANIFEST) == 1000 * 7 + rules
    assert kinds.count(Kind.DASHBOARD) == 1000 + boards
    assert len({artifact.path for artifact in thousand.artifacts}) == len(thousand.artifacts)
    assert len({artifact.identity for artifact in thousand.artifacts if artifact.identity}) == 1000 * 8 + rules + boards


@pytest.mark.slow
def test_no_rule_object_comes_near_the_operators_limit(thousand: Pack) -> None:
    sizes = [len(artifact.content) for artifact in thousand.artifacts if artifact.path.startswith("alerts/")]
    assert max(sizes) < LARGEST_RULE


@pytest.mark.slow
def test_the_records_do_not_grow_with_the_services(thousand: Pack, shop_pack: Pack) -> None:
    """Raw series are read once for the whole mesh, however many services there are."""
    few, many = (
        next(artifact.content for artifact in pack.artifacts if artifact.path == "alerts/mesh-records.yaml")
        for pack in (shop_pack, thousand)
    )
    assert many.count(b"record:") == few.count(b"record:")
