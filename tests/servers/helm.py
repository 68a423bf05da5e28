"""Helm, which renders Istio's own charts with values, without a cluster."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from tests.servers.install import SERVERS
from tests.servers.processes import clean_environment

if TYPE_CHECKING:
    from pathlib import Path


class Helm:
    """The rendering of Helm 4. It gives exit status and output, and leaves the judgement to the test."""

    def template(
        self, chart: str, values: Path, *, release: str | None = None, namespace: str = "istio-system"
    ) -> subprocess.CompletedProcess[str]:
        """The manifests that installing `chart` (see CHARTS in install.py) with these values would apply.

        Only the chart `gateway` has a schema and refuses values it does not know; the others ignore them.
        """
        argv: list[str | Path] = [
            SERVERS["helm"].folder() / "bin" / "helm", "template", release or chart,
            SERVERS["istio"].folder() / "charts" / chart, "--namespace", namespace, "--values", values,
        ]  # fmt: skip
        return subprocess.run(argv, env=clean_environment({}), capture_output=True, text=True, timeout=120)
