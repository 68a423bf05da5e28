"""A real Prometheus that scrapes what it is told to, and promtool, which judges its files."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

import yaml

from tests.servers.install import SERVERS
from tests.servers.processes import LOOPBACK, answers, clean_environment, free_port, local_session, running

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    import requests

EVALUATION_INTERVAL = "1s"
"""For groups that name none. Prometheus' own minute would make every test of a rule wait that long."""
RETENTION = "100y"
"""Preloaded samples have fixed times, so they grow older; after the usual 15 days they would be deleted."""


def binary(name: str) -> Path:
    return SERVERS["prometheus"].folder() / "bin" / name


class Promtool:
    """The checks of promtool. Each gives its exit status and output, and leaves the judgement to the test."""

    def check_config(self, path: Path) -> subprocess.CompletedProcess[str]:
        """Check a configuration and the rule files that it names; it tells of each of these."""
        return self._run("check", "config", path)

    def check_rules(self, path: Path) -> subprocess.CompletedProcess[str]:
        return self._run("check", "rules", path)

    def test_rules(self, path: Path, only: str = "") -> subprocess.CompletedProcess[str]:
        """Run a file of rule unit tests; its `rule_files` are relative to the folder it lies in.

        `only` is a regular expression of the names of those to run.
        """
        return self._run("test", "rules", *([f"--run={only}"] if only else []), path)

    def create_blocks(self, openmetrics: Path, data: Path) -> subprocess.CompletedProcess[str]:
        """Turn an OpenMetrics file, with timestamps and `# EOF`, into blocks of a database in `data`."""
        return self._run("tsdb", "create-blocks-from", "openmetrics", openmetrics, data)

    def _run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        argv = [binary("promtool"), *arguments]
        return subprocess.run(argv, env=clean_environment({}), capture_output=True, text=True, timeout=120)


class PrometheusServer:
    """Prometheus while the block runs, all files in `folder`.

    It evaluates the files `rules`, scrapes by the `scrape_configs` of its configuration, and has the samples of the
    OpenMetrics file `samples` from the start.
    """

    def __init__(
        self,
        folder: Path,
        *,
        rules: Sequence[Path] = (),
        samples: Path | None = None,
        scrape_configs: Sequence[Mapping[str, Any]] = (),
        limit: float = 120,
    ) -> None:
        self.folder = folder
        self.rules = tuple(rules)
        self.samples = samples
        self.scrape_configs = tuple(scrape_configs)
        self.limit = limit
        self.address = f"{LOOPBACK}:{free_port()}"
        self.url = f"http://{self.address}"
        self._session = local_session()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._preload()
        with ExitStack() as stack:
            stack.enter_context(self._session)
            log = self.folder / "prometheus.log"
            stack.enter_context(running(self._argv(), log, self._ready, limit=self.limit))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def get(self, path: str, **params: str) -> requests.Response:
        """A GET of the HTTP API, whatever it answers: for tests of refusals, and of more than queries."""
        return self._session.get(self.url + path, params=params, timeout=30)

    def query(self, expr: str, time: float | None = None) -> Any:
        """The `result` of an instant query: series for a vector, [time, value] for a scalar.

        `time` is in seconds since 1970, now without it. Raises ValueError with Prometheus' own reason.
        """
        at = {} if time is None else {"time": str(time)}
        answer = self.get("/api/v1/query", query=expr, **at).json()
        if answer["status"] != "success":
            raise ValueError(f"{expr}: {answer['error']}")
        return answer["data"]["result"]

    def _preload(self) -> None:
        if self.samples is not None:
            made = Promtool().create_blocks(self.samples, self.folder / "data")
            if made.returncode:
                raise ValueError(f"{self.samples}: no blocks made from it: {made.stderr.strip()}")

    def _argv(self) -> list[str | Path]:
        config = self.folder / "prometheus.yml"
        rules = [str(path.resolve()) for path in self.rules]
        settings = {
            "global": {"evaluation_interval": EVALUATION_INTERVAL},
            "rule_files": rules,
            "scrape_configs": [dict(scraped) for scraped in self.scrape_configs],
        }
        config.write_text(yaml.safe_dump(settings))
        return [
            binary("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={self.folder / 'data'}",
            f"--storage.tsdb.retention.time={RETENTION}", f"--web.listen-address={self.address}",
        ]  # fmt: skip

    def _ready(self) -> bool:
        return answers(self._session, f"{self.url}/-/ready")
