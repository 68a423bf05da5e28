"""The example has what its story tells."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, get_args, get_type_hints

import pytest

from observe import checks
from observe.graph import Graph
from observe.inventory import InventoryError, load, parse
from observe.model import Mesh, Service
from tests.conftest import EXAMPLES, SHOP

if TYPE_CHECKING:
    from observe.model import Inventory, Path

TOLD = {
    "api-gateway": ["user-service", "order-service", "product-service", "notification-service"],
    "order-service": ["payment-service", "inventory-service", "user-service"],
    "payment-service": ["stripe-webhook", "ledger-service"],
    "notification-service": ["email-worker", "sms-worker"],
}
GRPC = {"user-service", "product-service", "search-service"}


def named(inventory: Inventory, name: str) -> Service:
    """The example's names are unique."""
    return next(service for service in inventory.services if service.name == name)


def with_webhook(old: str, new: str) -> Inventory:
    """The example with something of stripe-webhook changed."""
    services = (SHOP / "services.yaml").read_text(encoding="utf-8")
    start = services.index("  stripe-webhook:\n")
    assert old in services[start:]
    changed = services[:start] + services[start:].replace(old, new, 1)
    return parse([("mesh.yaml", (SHOP / "mesh.yaml").read_text(encoding="utf-8")), ("services.yaml", changed)])


def test_there_are_22_services(shop: Inventory) -> None:
    assert len(shop.services) == 22
    assert all(service.in_mesh for service in shop.services)


def test_16_speak_http_and_6_grpc(shop: Inventory) -> None:
    grpc = [service for service in shop.services if service.speaks_grpc]
    assert (len(shop.services) - len(grpc), len(grpc)) == (16, 6)
    assert {service.name for service in grpc if service.role != "data"} == GRPC
    assert sum(service.role == "data" for service in grpc) == 3


def test_timeouts_fall_into_three_classes(shop: Inventory) -> None:
    """None, 30 s, and 2 to 10 s."""

    def kind(timeout: int | None) -> str:
        if timeout is None:
            return "none"
        return "30 s" if timeout == 30_000 else "2-10 s" if 2_000 <= timeout <= 10_000 else "other"

    assert Counter(kind(service.application.timeout) for service in shop.services) == {
        "none": 8,
        "30 s": 5,
        "2-10 s": 9,
    }
    assert named(shop, "order-service").application.timeout == 30_000


@pytest.mark.parametrize("caller", TOLD)
def test_the_edges_that_are_told(shop: Inventory, caller: str) -> None:
    service = named(shop, caller)
    assert [shop.by_id[call.service].name for call in service.calls] == TOLD[caller]


def test_payment_service_is_called_by_order_service_and_stripe_webhook_alone(shop: Inventory) -> None:
    callers = Graph(shop).callers(named(shop, "payment-service"))
    assert sorted(edge.caller.name for edge in callers) == ["order-service", "stripe-webhook"]


def test_workers_are_two_that_send_and_three_that_process(shop: Inventory) -> None:
    workers = [service.name for service in shop.services if service.role == "worker"]
    assert sorted(name for name in workers if name.endswith("-worker")) == ["email-worker", "sms-worker"]
    assert sum(name.endswith("-processor") for name in workers) == 3


def test_findings_are_one_warning_and_one_exception(shop: Inventory) -> None:
    said = [(finding.severity.title, finding.code, finding.subject) for finding in checks.over_inventory(shop)]
    assert said == [
        ("info", "OBS109", "service payments/stripe-webhook"),
        ("warning", "OBS106", "service messaging/email-worker"),
    ]


def test_every_service_account_is_its_own(shop: Inventory) -> None:
    accounts = Counter((service.namespace, service.service_account) for service in shop.services)
    assert set(accounts.values()) == {1}


def test_stripe_webhook_under_strict_is_caught() -> None:
    findings = checks.over_inventory(with_webhook("mode: PERMISSIVE", "mode: STRICT"))
    (finding,) = [finding for finding in findings if finding.severity is checks.Severity.ERROR]
    assert (finding.code, finding.subject) == ("OBS107", "service payments/stripe-webhook")
    assert finding.problem == (
        "is under STRICT mTLS, but Stripe calls it directly from outside, without a client certificate: "
        "STRICT refuses that"
    )
    assert finding.remedy == (
        "route it through the ingress gateway, or set payments/stripe-webhook's mtls.mode to PERMISSIVE with a reason"
    )


def test_the_event_that_is_sent_later_closes_no_circle() -> None:
    findings = checks.over_inventory(with_webhook("payment-service, asynchronous: true", "payment-service"))
    assert [finding.code for finding in findings if finding.severity is checks.Severity.ERROR] == ["OBS103"]


def test_a_slip_in_the_example_is_found_where_it_is() -> None:
    with pytest.raises(InventoryError) as caught:
        with_webhook("asynchronous: true", "asynchronuos: true")
    assert "services.stripe-webhook.calls[0].asynchronuos is not a known key" in str(caught.value.findings[0])


def test_the_examples_together_say_everything_that_an_inventory_can_say() -> None:
    """A field that no example writes is one that nobody sees at work."""
    said: set[tuple[str, str]] = set()
    for example in EXAMPLES:
        inventory = load(str(example))
        said |= set(written_below(inventory, ("mesh",), inventory.mesh))
        for service in inventory.services:
            said |= set(written_below(inventory, inventory.path(service), service))
    fields = {*fields_below(Mesh), *fields_below(Service)} - {("Service", "name")}
    assert fields - said == set()


def written_below(inventory: Inventory, path: Path, value: object) -> Iterator[tuple[str, str]]:
    """Class and name of every field below a value that somebody wrote."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from written_below(inventory, (*path, key), item)
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from written_below(inventory, (*path, index), item)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            if inventory.written((*path, field.name)):
                yield type(value).__name__, field.name
            yield from written_below(inventory, (*path, field.name), getattr(value, field.name))


def fields_below(model: type) -> set[tuple[str, str]]:
    """Class and name of every field of a class and of the classes it is made of."""
    found: set[tuple[str, str]] = set()
    seen, waiting = {model}, [model]
    while waiting:
        one = waiting.pop()
        for name, hint in get_type_hints(one).items():
            found.add((one.__name__, name))
            fresh = [part for part in parts_of(hint) if part not in seen]
            seen.update(fresh)
            waiting += fresh
    return found


def parts_of(hint: object) -> list[type]:
    """The dataclasses in a type hint."""
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return [hint]
    return [part for argument in get_args(hint) for part in parts_of(argument)]
