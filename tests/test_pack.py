"""The whole pack: what it holds, that it is always the same, and that the committed one is it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from observe import naming
from observe.artifact import Artifact, Kind
from observe.errors import UsageError
from observe.inventory import load
from observe.model import Breaker, Inventory, Namespace
from observe.pack import Pack, build
from observe.publish.targets.kinds import KINDS
from tests import golden_files
from tests.conftest import ROOT, SHOP
from tests.samples import a_mesh, a_service, an_inventory

if TYPE_CHECKING:
    from pathlib import Path


def documents(pack: Pack, kind: Kind) -> list[tuple[Artifact, dict[str, object]]]:
    return [
        (
            artifact,
            yaml.load(artifact.content, yaml.CSafeLoader) if kind is Kind.MANIFEST else json.loads(artifact.content),
        )
        for artifact in pack.artifacts
        if artifact.kind is kind
    ]


def test_example_gives_every_service_its_resources_a_rule_and_a_dashboard(shop_pack: Pack) -> None:
    kinds = Counter(artifact.identity.kind for artifact in shop_pack.artifacts if artifact.identity)
    assert kinds == {
        "VirtualService": 22,
        "PeerAuthentication": 22,
        "AuthorizationPolicy": 22,
        "Sidecar": 22,
        "ServiceEntry": 4,
        "DestinationRule": 22 + 4,
        "Telemetry": 4,
        "PrometheusRule": 22 + 2,
        "Dashboard": 22 + 6,
    }
    assert sum(artifact.kind is Kind.RUNBOOK for artifact in shop_pack.artifacts) == 22 + 27


@pytest.mark.parametrize("example", golden_files.EXAMPLES)
def test_examples_give_what_is_committed(example: str) -> None:
    """Every kind of object is there as a file that a reviewer can read."""
    wanted, there = golden_files.generated(example), golden_files.committed(example)
    stale = sorted(path for path in wanted.keys() | there.keys() if wanted.get(path) != there.get(path))
    assert not stale, "run make generate"


def test_every_kind_that_a_pack_may_hold_is_committed_somewhere(shop_pack: Pack) -> None:
    packs = (shop_pack, *(build(load(str(ROOT / "examples" / example))) for example in golden_files.EXAMPLES))
    made = {(one.identity.api_version, one.identity.kind) for pack in packs for one in pack.artifacts if one.identity}
    assert made - {("grafana", "Dashboard")} == {(resource.api_version, resource.kind) for resource in KINDS}


def test_paths_and_identities_are_unique(shop_pack: Pack) -> None:
    paths = [artifact.path for artifact in shop_pack.artifacts]
    identities = [artifact.identity for artifact in shop_pack.artifacts if artifact.identity]
    assert len(set(paths)) == len(paths)
    assert len(set(identities)) == len(identities)
    assert paths == sorted(paths)


def test_a_service_called_like_another_object_is_refused() -> None:
    rates = a_service("rates", authorization="dry-run")
    mesh = a_mesh(namespaces={"shop": Namespace(default_deny=True)})
    with pytest.raises(UsageError, match="two objects of the pack would be AuthorizationPolicy shop/rates-dry-run"):
        build(an_inventory(rates, a_service("rates-dry-run"), mesh=mesh))


def test_names_that_run_together_stay_apart() -> None:
    """`a-b` in `c` and `a` in `b-c` must not meet in a file, an object or a uid."""
    pack = build(
        an_inventory(
            a_service("a-b", namespace="c"),
            a_service("b", namespace="c-a"),
            a_service("mesh-records", namespace="mesh"),
        )
    )
    names = [(artifact.identity.kind, artifact.identity.namespace, artifact.identity.name)
             for artifact in pack.artifacts if artifact.identity]  # fmt: skip
    assert len(set(names)) == len(names)
    assert len({artifact.path for artifact in pack.artifacts}) == len(pack.artifacts)


def test_manifests_carry_owner_pack_and_a_hash_of_their_content(shop_pack: Pack) -> None:
    for artifact, manifest in documents(shop_pack, Kind.MANIFEST):
        metadata = manifest["metadata"]
        assert isinstance(metadata, dict)
        assert metadata["labels"].items() >= naming.labels("shop").items(), artifact.path
        assert metadata["annotations"][naming.ANNOTATION_HASH] == artifact.digest


def test_a_change_of_content_changes_the_hash() -> None:
    breakers = (Breaker(interval=interval) for interval in (5_000, 6_000))
    before, after = (build(an_inventory(a_service(breaker=breaker))) for breaker in breakers)
    changed = [new.path for old, new in zip(before.artifacts, after.artifacts, strict=True) if old.digest != new.digest]
    assert changed == ["istio/shop/checkout/destination-rule.yaml", "runbooks/shop/checkout.md"]


def test_dashboards_carry_owner_pack_and_hash_as_tags(shop_pack: Pack) -> None:
    for artifact, dashboard in documents(shop_pack, Kind.DASHBOARD):
        tags = dashboard["tags"]
        assert isinstance(tags, list)
        assert naming.pack_tag("shop") in tags
        assert naming.hash_of_tags(tags) == artifact.digest


def all_panels(board: Any) -> list[dict[str, Any]]:
    """Those of collapsed rows too."""
    rows = board["panels"]
    return [*rows, *(inner for row in rows for inner in row.get("panels", ()))]


def test_every_link_of_an_alert_leads_to_a_page_and_a_panel_that_exist(shop_pack: Pack) -> None:
    panels = {
        str(board["uid"]): {panel["id"] for panel in all_panels(board)}
        for _, board in documents(shop_pack, Kind.DASHBOARD)
    }
    pages = {artifact.path for artifact in shop_pack.artifacts if artifact.kind is Kind.RUNBOOK}
    links = 0
    for artifact in shop_pack.artifacts:
        if artifact.path.startswith("alerts/"):
            text = artifact.content.decode()
            for uid, panel in re.findall(r"panel_url: \S+/d/([a-z0-9-]+)\?viewPanel=(\d+)", text):
                assert int(panel) in panels[uid], (artifact.path, uid, panel)
                links += 1
            for page in re.findall(r"runbook_url: https://runbooks.example.com/shop/(\S+\.md)", text):
                assert f"runbooks/{page}" in pages
                links -= 1
            assert text.count("alert: ") == text.count("panel_url: ") == text.count("runbook_url: ")
    assert links == 0, "each alert has both"


def test_nothing_generated_holds_a_date_or_a_version_of_this_program(shop_pack: Pack) -> None:
    for artifact in shop_pack.artifacts:
        assert not re.search(rb"\b20\d\d-\d\d-\d\d\b", artifact.content), artifact.path
        assert b"observe-mesh" not in artifact.content


def _build(output: Path, seed: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "observe", "build", "-i", str(SHOP), "-o", str(output)],
        env={**os.environ, "PYTHONHASHSEED": seed}, check=True, capture_output=True,
    )  # fmt: skip


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_two_processes_with_different_hash_seeds_give_the_same_bytes_and_the_second_rewrites_nothing(
    tmp_path: Path,
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    _build(first, "1")
    _build(second, "2")
    assert _files(first) == _files(second)
    times = {path: path.stat().st_mtime_ns for path in first.rglob("*")}
    inodes = {path: path.stat().st_ino for path in first.rglob("*")}
    _build(first, "3")
    assert {path: path.stat().st_mtime_ns for path in first.rglob("*")} == times
    assert {path: path.stat().st_ino for path in first.rglob("*")} == inodes


@pytest.mark.parametrize(
    "folder", ["istio", "install", "dashboards", "alerts", "alertmanager", "rule-tests", "runbooks"]
)
def test_committed_pack_is_what_the_example_gives(shop: Inventory, shop_pack: Pack, folder: str) -> None:
    pack = build(shop, rule_tests=True) if folder == "rule-tests" else shop_pack
    wanted = {artifact.path: artifact.content for artifact in pack.artifacts if artifact.path.startswith(f"{folder}/")}
    there = {f"{folder}/{path}": content for path, content in _files(ROOT / folder).items()}
    stale = sorted(path for path in wanted.keys() | there.keys() if wanted.get(path) != there.get(path))
    assert not stale, "run make generate"


def test_order_of_declaration_does_not_matter(shop: Inventory) -> None:
    services = shop.services
    again = an_inventory(*reversed(services), mesh=shop.mesh)
    assert build(again).artifacts == build(Inventory(shop.mesh, services)).artifacts
