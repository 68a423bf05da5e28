"""`observe explain` as a user runs it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Run


def test_without_a_path_the_files_are_listed(observe: Run, small: Path) -> None:
    done = observe("explain", "-i", str(small))
    assert done.returncode == 0
    listed = done.stdout.splitlines()
    assert "istio/shop/cart/virtual-service.yaml" in listed
    assert listed == sorted(listed)
    assert json.loads(observe("explain", "-i", str(small), "--format", "json").stdout) == listed


def test_each_value_has_a_line_with_its_reason_and_place(observe: Run, small: Path) -> None:
    done = observe("explain", "istio/shop/cart/peer-authentication.yaml", "-i", str(small))
    assert done.returncode == 0
    (line,) = [line for line in done.stdout.splitlines() if "spec.mtls.mode" in line]
    assert line == '  spec.mtls.mode: "STRICT"  # default of services.cart.mtls.mode'
    assert done.stdout.splitlines()[0] == "istio/shop/cart/peer-authentication.yaml"


def test_json_has_numbers_for_the_place(observe: Run, small: Path) -> None:
    done = observe("explain", "istio/shop/stock", "-i", str(small), "--format", "json")
    values = [value for one in json.loads(done.stdout) for value in one["values"]]
    assert {"field", "value", "why", "key", "file", "line", "column"} == set(values[0])
    assert any(value["file"] == str(small) and value["line"] for value in values)


def test_what_is_not_there_is_wrong_usage(observe: Run, small: Path) -> None:
    done = observe("explain", "istio/shop/nobody", "-i", str(small))
    assert done.returncode == 2
    assert done.stderr.startswith("observe: there is nothing at 'istio/shop/nobody'")
    assert not done.stdout
