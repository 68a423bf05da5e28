"""The scalar types of the inventory: what is written there as text, and what it means.

Each is a plain Python type with the rules that the loader and the JSON Schema read from the same annotation. A
ValueError of this package says what is wrong and, after a semicolon, the way out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from ipaddress import ip_address
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

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


_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def parse_day(value: object) -> date:
    """A day written as `2026-12-31`; raises ValueError for anything else."""
    if isinstance(value, date):
        return value
    try:
        if isinstance(value, str) and _DAY.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise ValueError("is no day; write year, month and day, such as 2026-12-31")


OLDEST_MINOR: Final = 22
"""Istio 1.22 was the first with `networking.istio.io/v1` and `security.istio.io/v1`, and with `{*}` in paths."""


def supported_version(value: str) -> str:
    """The same version; raises ValueError for one whose API lacks what is generated."""
    if int(value.split(".")[1]) < OLDEST_MINOR:
        raise ValueError(f"is older than all that is generated here; upgrade to 1.{OLDEST_MINOR} or newer")
    return value


def parse_address(value: str) -> str:
    """The same IPv4 or IPv6 address, as it is usually written; raises ValueError for anything else."""
    try:
        return str(ip_address(value))
    except ValueError:
        raise ValueError("is no IP address; write one such as 192.0.2.10 or 2001:db8::10") from None


def no_address(host: str) -> str:
    """The same name of a host; raises ValueError for an IP address, which Istio takes for no host."""
    try:
        ip_address(host)
    except ValueError:
        return host
    raise ValueError("is an IP address; give the host a name, and write its addresses under addresses")


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
_PRINCIPAL = r"^[A-Za-z0-9][A-Za-z0-9.-]*/ns/[a-z0-9-]+/sa/[a-z0-9.-]+$"
_HEADER = r"^[a-z0-9!#$&'*+.^_`|~-]+$"
_HEADER_VALUE = r"^[!-~]([ -~]*[!-~])?$"
_QUANTITY = r"^([0-9]+m|[0-9]+(\.[0-9]+)?)$"
_MEMORY = r"^[0-9]+(Ki|Mi|Gi)$"
_APP_PROTOCOL = r"^([a-z0-9.-]+/)?[a-z0-9]+(-[a-z0-9]+)*$"

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
    _PRINCIPAL: "an identity without spiffe://, such as other.example.com/ns/shop/sa/cart",
    _HEADER: "a header's name in lower case, such as x-beta-user",
    _HEADER_VALUE: "printable ASCII characters, without blanks at the ends",
    _QUANTITY: "an amount of CPU, such as 100m or 2",
    _MEMORY: "an amount of memory, such as 128Mi or 1Gi",
    _APP_PROTOCOL: "an appProtocol, such as http, grpc or kubernetes.io/h2c",
}
"""What a pattern asks for, in words: for whoever reads the error."""

DnsLabel = Annotated[str, Field(pattern=_DNS_LABEL)]
"""A Kubernetes name."""

DnsName = Annotated[str, Field(pattern=_DNS_NAME, max_length=253)]
"""A host or domain name."""

OutsideHost = Annotated[DnsName, AfterValidator(no_address)]
"""The name of a host outside the cluster."""

MeshName = Annotated[str, Field(pattern=_MESH_NAME)]
"""Part of dashboard uids and labels, hence short."""

ServiceReference = Annotated[str, Field(pattern=_REFERENCE)]
"""A service's key in the inventory: `name`, or `namespace/name` where a name is not unique."""

LabelValue = Annotated[str, Field(pattern=_LABEL_VALUE)]
"""A Kubernetes label value; it also travels through Prometheus templates, so nothing else may stand in it."""

LabelKey = Annotated[str, Field(pattern=_LABEL_KEY)]
"""A Kubernetes label key."""

LabelName = Annotated[str, Field(pattern=r"^[a-zA-Z][a-zA-Z0-9_]{0,62}$")]
"""The name of a label in Prometheus."""

Line = Annotated[str, Field(min_length=1, max_length=500, pattern=_LINE)]
"""One line of free text."""

HttpUrl = Annotated[str, Field(pattern=_URL, max_length=2000)]
"""An http or https address; it travels through templates, hence no braces."""

HttpPath = Annotated[str, Field(pattern=_PATH, max_length=500)]
"""A path; `{name}` stands for one segment."""

GrpcMethod = Annotated[str, Field(pattern=_GRPC, max_length=250)]
"""A gRPC method."""

IstioVersion = Annotated[str, Field(pattern=_VERSION), AfterValidator(supported_version)]
"""Istio's version."""

FindingCode = Annotated[str, Field(pattern=_CODE)]
"""A finding's code."""

Principal = Annotated[str, Field(pattern=_PRINCIPAL, max_length=253)]
"""An identity as AuthorizationPolicy writes it: trust domain, namespace, service account."""

HeaderName = Annotated[str, Field(pattern=_HEADER, max_length=100)]
"""A header's name, in lower case as HTTP/2 and Envoy have it."""

HeaderValue = Annotated[str, Field(pattern=_HEADER_VALUE, max_length=200)]
"""A header's value, compared exactly."""

Cpu = Annotated[str, Field(pattern=_QUANTITY, max_length=20)]
"""An amount of CPU as Kubernetes writes it."""

Memory = Annotated[str, Field(pattern=_MEMORY, max_length=20)]
"""An amount of memory as Kubernetes writes it."""

AppProtocol = Annotated[str, Field(pattern=_APP_PROTOCOL, max_length=63)]
"""The `appProtocol` of a Kubernetes Service's port."""

IpAddress = Annotated[str, Field(max_length=45), AfterValidator(parse_address)]
"""An IPv4 or IPv6 address."""

Day = Annotated[
    date,
    BeforeValidator(parse_day),
    WithJsonSchema({"type": "string", "format": "date", "examples": ["2026-12-31"]}),
]
"""A day; the inventory writes `2026-12-31`."""

Count = Annotated[int, Field(strict=True, ge=0, le=100_000)]
Share = Annotated[int, Field(strict=True, ge=0, le=100)]
"""Whole per cent, 0 included."""
HttpStatus = Annotated[int, Field(strict=True, ge=200, le=599)]
GrpcStatus = Annotated[int, Field(strict=True, ge=1, le=16)]
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


def repeated(values: Iterable[str | int]) -> list[str | int]:
    """What is there more than once, in the order it came."""
    return [value for value, count in Counter(values).items() if count > 1]
