"""The scalar types of the inventory: what is written there as text, and what it means.

Each is a plain Python type with the rules that the loader and the JSON Schema read from the same annotation. A
ValueError of this package says what is wrong and, after a semicolon, the way out.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, WithJsonSchema

_UNITS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}
_DURATION: Final = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h))+")
_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")
_PERCENT: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,9})?) ?%")
LONGEST_DURATION: Final = 3_600_000


def parse_duration(value: object) -> int:
    """Milliseconds of a text such as `500ms`, `3s` or `1m30s`; raises ValueError for anything else.

    Istio keeps millisecond precision and refuses less (istio/api `virtual_service.proto`, `timeout`).
    """
    if not isinstance(value, str) or len(value) > 32 or not _DURATION.fullmatch(value):
        raise ValueError("is no duration; write a number with its unit, such as 500ms, 3s or 1m30s")
    total = sum(Decimal(number) * _UNITS[unit] for number, unit in _PART.findall(value))
    if total != int(total):
        raise ValueError("is finer than Istio can express; write whole milliseconds")
    if not 1 <= total <= LONGEST_DURATION:
        raise ValueError("is out of range; write 1ms to 1h")
    return int(total)


def format_duration(milliseconds: int) -> str:
    """The shortest text Istio, Prometheus and people read alike: `500ms`, `3s`, `5m`, `1h`."""
    for unit in ("h", "m", "s"):
        if milliseconds % _UNITS[unit] == 0:
            return f"{milliseconds // _UNITS[unit]}{unit}"
    return f"{milliseconds}ms"


def parse_ratio(value: object) -> float:
    """A share between 0 and 1 from `5%` or `0.05`; raises ValueError for anything else."""
    if isinstance(value, str) and (found := _PERCENT.fullmatch(value)):
        return float(Decimal(found.group(1)) / 100)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise ValueError("is no percentage; write a percentage such as 5%, or a number such as 0.05")


def format_percent(ratio: float) -> str:
    """`0.05` as `5%`, without the noise of binary fractions."""
    return f"{Decimal(repr(ratio)) * 100:f}".rstrip("0").rstrip(".") + "%" if ratio else "0%"


_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_VALUE = r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_DNS_LABEL = rf"^{_LABEL}$"
_DNS_NAME = rf"^{_LABEL}(\.{_LABEL})*$"
_MESH_NAME = r"^[a-z]([a-z0-9-]{0,28}[a-z0-9])?$"
_REFERENCE = rf"^({_LABEL}/)?{_LABEL}$"
SERVICE_KEY: Final = re.compile(_REFERENCE)
"""What a service's key looks like; use it with `fullmatch`."""
_LABEL_VALUE = rf"^{_VALUE}$"
_LABEL_KEY = rf"^([a-z0-9.-]{{1,253}}/)?{_VALUE}$"
_UNSEEN = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
_LINE = rf"^[^{_UNSEEN}]*[^\s{_UNSEEN}][^{_UNSEEN}]*$"
_URL = r"^https?://[^\s{}<>\"'\\]+$"
_PATH = r"^/[A-Za-z0-9._~!$&'()+,;=:@%/{}-]*$"
_GRPC = r"^[A-Za-z_][A-Za-z0-9_.]*/[A-Za-z_][A-Za-z0-9_]*$"
_VERSION = r"^1\.[0-9]{1,3}(\.[0-9]{1,3})?$"
_CODE = r"^OBS[0-9]{3}$"

MEANINGS: Final = {
    _DNS_LABEL: "1 to 63 lower-case letters, digits and -, beginning and ending with a letter or digit",
    _DNS_NAME: "a host name in lower case, such as api.example.com",
    _MESH_NAME: "1 to 30 lower-case letters, digits and -, beginning with a letter",
    _REFERENCE: "a service's key: its name or namespace/name, in lower-case letters, digits and -",
    _LABEL_VALUE: "1 to 63 letters, digits, -, _ and ., beginning and ending with a letter or digit",
    _LABEL_KEY: "a Kubernetes label key, such as app or app.kubernetes.io/name",
    _LINE: "a line of text, not blank and without control characters",
    _URL: "an http or https address without blanks, quotes and braces",
    _PATH: "a path beginning with /, such as /orders/{id}",
    _GRPC: "package.Service/Method, such as shop.users.v1.Users/GetUser",
    _VERSION: 'Istio\'s version in quotes, such as "1.30"',
    _CODE: "a finding's code, such as OBS106",
}
"""What a pattern asks for, in words: for whoever reads the error."""

DnsLabel = Annotated[str, Field(pattern=_DNS_LABEL)]
"""A Kubernetes name."""

DnsName = Annotated[str, Field(pattern=_DNS_NAME, max_length=253)]
"""A host or domain name."""

MeshName = Annotated[str, Field(pattern=_MESH_NAME)]
"""Part of dashboard uids and labels, hence short."""

ServiceReference = Annotated[str, Field(pattern=_REFERENCE)]
"""A service's key in the inventory: `name`, or `namespace/name` where a name is not unique."""

LabelValue = Annotated[str, Field(pattern=_LABEL_VALUE)]
"""A Kubernetes label value; it also travels through Prometheus templates, so nothing else may stand in it."""

LabelKey = Annotated[str, Field(pattern=_LABEL_KEY)]
"""A Kubernetes label key."""

Line = Annotated[str, Field(min_length=1, max_length=500, pattern=_LINE)]
"""One line of free text."""

HttpUrl = Annotated[str, Field(pattern=_URL, max_length=2000)]
"""An http or https address; it travels through templates, hence no braces."""

HttpPath = Annotated[str, Field(pattern=_PATH, max_length=500)]
"""A path; `{name}` stands for one segment."""

GrpcMethod = Annotated[str, Field(pattern=_GRPC, max_length=250)]
"""A gRPC method."""

IstioVersion = Annotated[str, Field(pattern=_VERSION)]
"""Istio's version."""

FindingCode = Annotated[str, Field(pattern=_CODE)]
"""A finding's code."""

Count = Annotated[int, Field(strict=True, ge=0, le=100_000)]
Limit = Annotated[int, Field(strict=True, ge=1, le=2_147_483_647)]
"""A limit of a connection pool, where Istio has 32 bits for it."""
Replicas = Annotated[int, Field(strict=True, ge=1, le=10_000)]
PortNumber = Annotated[int, Field(strict=True, ge=1, le=65_535)]
Percent = Annotated[int, Field(strict=True, ge=1, le=100)]
Attempts = Annotated[int, Field(strict=True, ge=0, le=10)]
Flag = Annotated[bool, Field(strict=True)]

Milliseconds = Annotated[
    int,
    BeforeValidator(parse_duration),
    WithJsonSchema({"type": "string", "pattern": f"^{_DURATION.pattern}$", "examples": ["500ms", "3s", "1m30s"]}),
]
"""A duration; milliseconds in the model, text with its unit in the inventory."""

Ratio = Annotated[
    float,
    BeforeValidator(parse_ratio),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": f"^{_PERCENT.pattern}$"},
                {"type": "number", "minimum": 0, "maximum": 1},
            ],
            "examples": ["5%", 0.05],
        }
    ),
]
"""A share between 0 and 1; the inventory may say `5%`."""
