"""Writing samples into a Prometheus, with the times that they are said to have: its remote write protocol, version 1.

The protocol is protobuf in snappy (https://prometheus.io/docs/specs/prw/remote_write_spec/). Four small messages are
spelled here by hand, and snappy allows to leave the content as it is: on one machine there is nothing to save.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import requests

from observe import errors
from observe.clients.backoff import CONNECT_TIMEOUT, cause
from observe.errors import shorten
from observe.naming import TOOL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

STALE: Final = struct.pack("<Q", 0x7FF0000000000002)
"""The NaN that tells Prometheus that a series has ended (prometheus `model/value`, `StaleNaN`)."""
LARGEST: Final = 8_000_000
"""Bytes of a request; Prometheus takes up to 32 MiB (`storage/remote/codec.go`, `decodeReadLimit`)."""
WRITE_TIMEOUT: Final = 120.0
"""In seconds: a request may hold half a million samples, on a machine that has other work."""
REMEMBERED: Final = 4_096
"""Encoded runs of samples that are kept: most buckets of a histogram have the values of another one."""

_NAME, _VALUE = b"\x0a", b"\x12"
_LABEL, _SAMPLE, _SERIES = b"\x0a", b"\x12", b"\x0a"
_NUMBER, _TIME = b"\x09", b"\x10"
"""Tags of fields: their number and how they are written (prometheus `prompb/types.proto`, `prompb/remote.proto`)."""


@dataclass(frozen=True, slots=True)
class Written:
    """A series to be written: one value for each of its times; None where it has none."""

    labels: tuple[tuple[str, str], ...]
    """With `__name__`; in any order."""
    times: tuple[int, ...]
    """Milliseconds since 1970, increasing."""
    values: tuple[float | None, ...]
    """Where a value is followed by None the series ends with a stale marker, as after a scrape without it."""


class RemoteWriter:
    """Writes to one Prometheus, which must run with `--web.enable-remote-write-receiver`.

    Raises Unreachable when nobody answers and Rejected when Prometheus does not take the samples.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers.update(
            {
                "User-Agent": TOOL,
                "Content-Encoding": "snappy",
                "Content-Type": "application/x-protobuf",
                "X-Prometheus-Remote-Write-Version": "0.1.0",
            }
        )

    def __enter__(self) -> RemoteWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def write(self, series: Iterable[Written]) -> int:
        """Write all of them; gives how many samples there were, stale markers included."""
        written = 0
        for content, samples in requests_of(series):
            self._send(content)
            written += samples
        return written

    def _send(self, content: bytes) -> None:
        try:
            answer = self._session.post(
                f"{self.url}/api/v1/write", data=_snappy(content), timeout=(CONNECT_TIMEOUT, WRITE_TIMEOUT)
            )
        except (requests.RequestException, OSError) as error:
            raise errors.Unreachable(f"Prometheus at {self.url} does not take samples: {cause(error)}") from None
        if not answer.ok:
            raise errors.Rejected(
                f"Prometheus at {self.url} refuses samples: {answer.status_code} {shorten(answer.text)}"
            )


def requests_of(series: Iterable[Written]) -> Iterator[tuple[bytes, int]]:
    """The contents of the requests that write the series, each with the number of its samples."""
    samples = _Samples()
    parts, size, count = list[bytes](), 0, 0
    for one in series:
        encoded, number = samples.of(one.times, one.values)
        if not number:
            continue
        message = b"".join((*(_label(*label) for label in sorted(one.labels)), encoded))
        parts.append(_field(_SERIES, message))
        size, count = size + len(message), count + number
        if size > LARGEST:
            yield b"".join(parts), count
            parts, size, count = [], 0, 0
    if parts:
        yield b"".join(parts), count


class _Samples:
    """Encodes samples; what was encoded lately is not encoded again."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[int, int], tuple[object, object, bytes, int]] = OrderedDict()
        self._times: dict[int, tuple[object, list[tuple[bytes, bytes]]]] = {}

    def of(self, times: tuple[int, ...], values: tuple[float | None, ...]) -> tuple[bytes, int]:
        # By identity: comparing would cost as much as encoding. The objects are kept, so no id is given away twice.
        key = (id(times), id(values))
        if key not in self._known:
            encoded, number = _encoded(self._encoded_times(times), values)
            self._known[key] = (times, values, encoded, number)
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        _, _, encoded, number = self._known[key]
        return encoded, number

    def _encoded_times(self, times: tuple[int, ...]) -> list[tuple[bytes, bytes]]:
        if id(times) not in self._times:
            self._times[id(times)] = (times, [_around(time) for time in times])
        return self._times[id(times)][1]


def _around(time: int) -> tuple[bytes, bytes]:
    """What stands before and behind the value of a sample at a time."""
    behind = _TIME + _varint(time)
    return _SAMPLE + _varint(len(_NUMBER) + 8 + len(behind)) + _NUMBER, behind


def _encoded(times: Iterable[tuple[bytes, bytes]], values: tuple[float | None, ...]) -> tuple[bytes, int]:
    """The samples of a series, and how many they are."""
    pack = struct.Struct("<d").pack
    parts, there = list[bytes](), False
    for (before, behind), value in zip(times, values, strict=True):
        if value is not None or there:
            parts += (before, STALE if value is None else pack(value), behind)
        there = value is not None
    return b"".join(parts), len(parts) // 3


def _label(name: str, value: str) -> bytes:
    return _field(_LABEL, _field(_NAME, name.encode()) + _field(_VALUE, value.encode()))


def _field(tag: bytes, content: bytes) -> bytes:
    return tag + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def _snappy(content: bytes) -> bytes:
    """The content as one literal (google/snappy `format_description.txt`): valid, and not compressed."""
    return _varint(len(content)) + b"\xfc" + struct.pack("<I", len(content) - 1) + content
