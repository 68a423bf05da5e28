"""`observe explain`: every value with what decided it and where that is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from observe.errors import UsageError
from observe.explain import Reason, explain, explainable
from observe.inventory import load, parse
from observe.model import dotted

if TYPE_CHECKING:
    from pathlib import Path

    from observe.model import Inventory

TEXT = """\
mesh:
  name: acme
  istio_version: "1.30"
  runbook_base_url: https://runbooks.example.com
defaults:
  namespace: shop
  owner: team-a
  tier: high
  injection: explicit
  replicas: 3
services:
  cart:
    role: sync
    service_account: cart
    ports: [{name: http, number: 80}]
    route:
      timeout: 4s
    mtls:
      mode: PERMISSIVE
      reason: One caller has no sidecar yet
"""


@pytest.fixture(scope="module")
def inventory() -> Inventory:
    return parse([("acme.yaml", TEXT)])


def reasons(inventory: Inventory, kind: str) -> dict[str, Reason]:
    (found,) = explain(inventory, f"istio/shop/cart/{kind}.yaml")
    return {reason.field: reason for reason in found.reasons}


def test_a_written_value_is_told_with_its_line(inventory: Inventory) -> None:
    told = reasons(inventory, "virtual-service")
    timeout = next(reason for field, reason in told.items() if field.endswith(".timeout"))
    assert (timeout.value, timeout.key) == ("4s", "services.cart.route.timeout")
    assert str(timeout.position) == "acme.yaml:17:7"


def test_a_value_from_the_defaults_is_told_with_the_line_there(inventory: Inventory) -> None:
    percent = reasons(inventory, "destination-rule")["spec.trafficPolicy.outlierDetection.maxEjectionPercent"]
    assert percent.value == 50
    assert percent.why


def test_a_value_that_nobody_wrote_has_no_line(inventory: Inventory) -> None:
    told = reasons(inventory, "virtual-service")
    attempts = next(reason for field, reason in told.items() if field.endswith(".attempts"))
    assert attempts.position is None or "role" in attempts.key
    assert "role sync" in attempts.why


def test_what_only_names_the_object_is_not_told(inventory: Inventory) -> None:
    told = reasons(inventory, "peer-authentication")
    assert not {"apiVersion", "kind", "metadata.name", "metadata.namespace"} & told.keys()
    assert told["spec.mtls.mode"].value == "PERMISSIVE"


def test_a_folder_tells_of_all_its_files_and_of_no_other(inventory: Inventory) -> None:
    files = [one.path for one in explain(inventory, "istio/shop/cart/")]
    assert files == sorted(files)
    assert set(files) == {path for path in explainable(inventory) if path.startswith("istio/shop/cart/")}
    with pytest.raises(UsageError, match="there is nothing at 'istio/shop/car'"):
        explain(inventory, "istio/shop/car")


def test_keys_with_dots_are_quoted() -> None:
    assert dotted(("metadata", "labels", "app.kubernetes.io/name")) == 'metadata.labels."app.kubernetes.io/name"'
    assert dotted(("spec", "http", 0, "timeout")) == "spec.http[0].timeout"


def test_an_inventory_without_files_has_no_lines(tmp_path: Path) -> None:
    path = tmp_path / "acme.yaml"
    path.write_text(TEXT, encoding="utf-8")
    told = reasons(load(str(path)), "peer-authentication")
    assert str(told["spec.mtls.mode"].position) == f"{path}:19:7"
