"""Texts to an Inventory: what comes of good ones, and what is said of several errors together."""

from __future__ import annotations

import pytest

from observe.errors import UsageError
from observe.inventory import InventoryError, parse
from observe.model import Position
from tests.inventory.good import FILE, GOOD, broken, messages


def test_services_are_sorted_and_callees_are_ids() -> None:
    inventory = parse([(FILE, GOOD)])
    assert [service.id for service in inventory.services] == ["shop/cart", "shop/stock"]
    (call,) = inventory.by_id["shop/cart"].calls
    assert (call.service, call.timeout) == ("shop/stock", 2000)


def test_own_values_lie_over_defaults_key_by_key() -> None:
    defaults = "tier: high\n  objectives: {error_rate: 4%, minimum_requests: 11}"
    cart = parse([(FILE, broken("tier: high", defaults))]).by_id["shop/cart"]
    assert (cart.objectives.error_rate, cart.objectives.minimum_requests, cart.replicas) == (0.02, 11, 3)


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        pytest.param(("mesh", "name"), 2, 3, id="a key"),
        pytest.param(("services", "cart", "ports", 0, "number"), 16, 22, id="a key in a flow mapping"),
        pytest.param(("services", "cart", "ports", 0), 16, 9, id="an item"),
        pytest.param(("services", "cart", "owner"), 7, 3, id="a value that comes from the defaults"),
        pytest.param(("services", "cart", "ports", 0, "protocol"), 16, 9, id="what is not there: its parent"),
        pytest.param(("services", "cart", "calls", 0, "port"), 20, 9, id="what is not there, in a list"),
        pytest.param(("elsewhere",), 1, 1, id="what is nowhere: the file"),
    ],
)
def test_positions(path: tuple[str | int, ...], line: int, column: int) -> None:
    assert parse([(FILE, GOOD)]).locate(path) == Position(FILE, line, column)


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing yet\n", "---\n", "null\n", "\ufeff", "--- # nothing\n...\n"])
def test_empty_file_lacks_everything(text: str) -> None:
    assert messages(text) == [
        "acme.yaml:1:1: error OBS004: mesh is missing; add the section, with name, istio_version and runbook_base_url",
        "acme.yaml:1:1: error OBS004: services is missing or without any service; declare at least one service",
    ]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("", "services is empty, not a mapping; write a mapping"),
        (" []", "services is a list, not a mapping; write a mapping"),
        (" 11", "services is 11, not a mapping; write a mapping"),
    ],
)
def test_services_that_are_no_mapping(value: str, said: str) -> None:
    text = GOOD[: GOOD.index("services:")] + f"services:{value}\n"
    assert messages(text) == [f"acme.yaml:11:1: error OBS005: {said}"]


def test_no_service_at_all() -> None:
    text = GOOD[: GOOD.index("services:")] + "services: {}\n"
    assert messages(text) == [
        "acme.yaml:11:1: error OBS004: services is missing or without any service; declare at least one service"
    ]


@pytest.mark.parametrize("text", ["[]", "- a\n- b\n", "11", "text"])
def test_root_that_is_no_mapping(text: str) -> None:
    (said,) = messages(text)
    assert said.endswith(", not a mapping; write the sections mesh, defaults, services")


def test_everything_is_reported_in_one_pass() -> None:
    text = broken("role: sync", "role: snyc").replace('"1.30"', "1.30").replace("role: data", "role: data\n    on: 1")
    text = text.replace("tier: high", "tier: hihg").replace("name: grpc, ", "")
    assert [said.split(":")[1] for said in messages(text)] == ["3", "8", "13", "26", "29"]


def test_checks_join_in_when_the_mesh_is_wrong() -> None:
    said = messages(broken("istio_version", "istio_versoin").replace("    service_account: stock\n", ""))
    assert [message.split(": ")[1] for message in said] == ["error OBS003", "warning OBS104"]


@pytest.mark.parametrize("mesh", ["data_plane: ambeint", "data_plane: [ambient]", "data_plane:"])
def test_checks_wait_when_the_data_plane_is_unknown(mesh: str) -> None:
    text = broken("  name: acme", f"  name: acme\n  {mesh}").replace("injection: explicit", "injection: namespace")
    assert [message.split(": ")[1] for message in messages(text)] == ["error OBS005"]


@pytest.mark.parametrize("reference", ["stock", "shop/stock"])
def test_callee_with_errors_of_its_own_is_no_stranger(reference: str) -> None:
    text = broken("service: stock\n", f"service: {reference}\n").replace("role: data", "role: dtaa")
    (said,) = messages(text)
    assert "services.stock.role" in said


@pytest.mark.parametrize(
    ("key", "reference"), [("stock", "shop/stock"), ("shop/stock", "stock"), ("shop/stock", "shop/stock")]
)
def test_a_service_is_found_by_key_name_and_id(key: str, reference: str) -> None:
    text = broken("  stock:\n", f"  {key}:\n").replace("service: stock\n", f"service: {reference}\n")
    assert parse([(FILE, text)]).by_id["shop/cart"].calls[0].service == "shop/stock"


def test_the_key_beats_the_default_namespace() -> None:
    inventory = parse([(FILE, broken("  stock:\n", "  web/stock:\n"))])
    assert [service.id for service in inventory.services] == ["shop/cart", "web/stock"]
    assert inventory.locate(inventory.path(inventory.by_id["web/stock"], "role")) == Position(FILE, 25, 5)


def test_a_plain_name_that_is_a_key_is_not_ambiguous() -> None:
    other = "  web/stock: {role: data, service_account: stock, ports: [{name: http, number: 80}]}\n"
    inventory = parse([(FILE, GOOD + other)])
    assert inventory.by_id["shop/cart"].calls[0].service == "shop/stock"


def test_what_an_unreadable_file_may_define_is_not_missed() -> None:
    rest = broken("service: stock\n", "service: elsewhere\n").replace("  owner: team-a\n", "")
    said = messages(rest, "services: {elsewhere: {")
    assert [message.split(": ")[:2] for message in said] == [["acme2.yaml:2:1", "error OBS001"]]


def test_the_same_section_in_two_files() -> None:
    again = "mesh: {name: again}\ndefaults: {}\nservices:\n  stock: {role: data}\n"
    assert messages(GOOD, again) == [
        "acme2.yaml:1:1: error OBS006: mesh is defined in acme.yaml:1 too; keep one of the two",
        "acme2.yaml:2:1: error OBS006: defaults is defined in acme.yaml:5 too; keep one of the two",
        "acme2.yaml:4:3: error OBS006: services.stock is defined in acme.yaml:24 too; keep one of the two",
    ]


def test_the_error_counts_what_is_an_error() -> None:
    text = broken("    role: sync\n", "    role: snyc\n").replace("injection: explicit", "injection: namespace")
    with pytest.raises(InventoryError) as caught:
        parse([(FILE, text)])
    assert isinstance(caught.value, UsageError)
    assert (str(caught.value), caught.value.exit_code) == ("the inventory has 1 error", 2)
    assert [finding.code for finding in caught.value.findings] == ["OBS106", "OBS005"]
