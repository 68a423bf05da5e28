"""What each kind of text admits; all of it travels into Kubernetes, PromQL, Markdown or templates."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from observe.model import fields

ADMITTED = [
    (fields.DnsLabel, ["a", "0", "a-b", "a" * 63]),
    (fields.DnsName, ["api.example.com", "localhost", "a.b-c.d"]),
    (fields.MeshName, ["a", "east-1", "a" * 30]),
    (fields.ServiceReference, ["cart", "shop/cart"]),
    (fields.LabelValue, ["a", "Team_A.b-c", "0", "A" * 63]),
    (fields.LabelKey, ["app", "app.kubernetes.io/name", "a_b"]),
    (fields.Line, ["a", "Zahlung: ändern", " x ", "{{ no template }}", "日本"]),
    (fields.HttpUrl, ["https://grafana.example.com", "http://localhost:3000/a?b=c#d"]),
    (fields.HttpPath, ["/", "/orders/{id}", "/a%20b", "/a,b;c"]),
    (fields.GrpcMethod, ["shop.users.v1.Users/GetUser", "Users/Get"]),
    (fields.IstioVersion, ["1.30", "1.30.3"]),
    (fields.FindingCode, ["OBS106"]),
]
REFUSED = [
    (fields.DnsLabel, ["", "A", "-a", "a-", "a.b", "a" * 64, "a\n", "ä"]),
    (fields.DnsName, ["", "API.example.com", "a..b", ".a", "a.", "https://a", "*.a", "a" * 254]),
    (fields.MeshName, ["", "1a", "a-", "a" * 31, "A"]),
    (fields.ServiceReference, ["", "/cart", "shop/", "a/b/c", "Shop/cart", "cart "]),
    (fields.LabelValue, ["", "-a", "a b", "a" * 64, "{{a}}", 'a"', "a\n"]),
    (fields.LabelKey, ["", "a b", "/a", "a/b/c", "Example.com/a"]),
    (fields.Line, ["", " ", "\t", "a\nb", "a\x1b", "a\x7f", "a\x9b", "a\u2028b", "a" * 501]),
    (
        fields.HttpUrl,
        ["", "example.com", "ftp://a", "https://", "https://a b", "https://{{a}}", "https://a'", "https://a\n"],
    ),
    (fields.HttpPath, ["", "orders", "/a b", "/a?b", "/a#b", "/*", '/"', "/a\n"]),
    (fields.GrpcMethod, ["", "Users", "/Users/Get", "a/b/c", "a-b/C"]),
    (fields.IstioVersion, ["", "1", "2.0", "1.30-rc", "v1.30", "1.30.3.1"]),
    (fields.FindingCode, ["", "OBS1", "obs106", "OBS1066"]),
]


def pairs(table: list[tuple[Any, list[str]]]) -> list[tuple[Any, str]]:
    return [(kind, text) for kind, texts in table for text in texts]


@pytest.mark.parametrize(("kind", "text"), pairs(ADMITTED))
def test_admitted(kind: Any, text: str) -> None:
    assert TypeAdapter(kind).validate_python(text) == text


@pytest.mark.parametrize(("kind", "text"), pairs(REFUSED))
def test_refused(kind: Any, text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(text)


@pytest.mark.parametrize(
    ("kind", "least", "most"),
    [
        (fields.Count, 0, 100_000),
        (fields.Limit, 1, 2_147_483_647),
        (fields.Replicas, 1, 10_000),
        (fields.PortNumber, 1, 65_535),
        (fields.Percent, 1, 100),
        (fields.Attempts, 0, 10),
    ],
)
def test_ranges_of_numbers(kind: Any, least: int, most: int) -> None:
    adapter = TypeAdapter(kind)
    assert (adapter.validate_python(least), adapter.validate_python(most)) == (least, most)
    for wrong in (least - 1, most + 1, str(most), float(most), True):
        with pytest.raises(ValidationError):
            adapter.validate_python(wrong)


@pytest.mark.parametrize("wrong", ["true", "yes", 1, 0, None])
def test_flags_are_true_or_false(wrong: Any) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(fields.Flag).validate_python(wrong)
