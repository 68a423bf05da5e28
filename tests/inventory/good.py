"""One good inventory, of which each test breaks one thing."""

from __future__ import annotations

from observe.inventory import InventoryError, parse

FILE = "acme.yaml"
GOOD = """\
mesh:
  name: acme
  istio_version: "1.30"
  runbook_base_url: https://runbooks.example.com
defaults:
  namespace: shop
  owner: team-a
  tier: high
  replicas: 3
  injection: explicit
services:
  cart:
    role: sync
    service_account: cart
    ports:
      - {name: http, number: 80, target_port: 8080}
    endpoints:
      - {method: GET, path: /items}
    calls:
      - service: stock
        timeout: 2s
    objectives:
      error_rate: 2%
  stock:
    role: data
    service_account: stock
    ports:
      - {name: grpc, number: 9000, protocol: grpc}
"""


def broken(old: str, new: str) -> str:
    """The good inventory with one thing replaced, which is there once."""
    assert GOOD.count(old) == 1, f"{GOOD.count(old)} times: {old}"
    return GOOD.replace(old, new)


def messages(*texts: str) -> list[str]:
    """What is said about texts; the first is the file `acme.yaml`, the next `acme2.yaml`, and so on."""
    named = [(FILE if number == 1 else f"acme{number}.yaml", text) for number, text in enumerate(texts, 1)]
    try:
        parse(named)
    except InventoryError as error:
        return [str(finding) for finding in error.findings]
    return []
