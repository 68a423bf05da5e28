"""The program: its commands, and what becomes of errors that none of them handled."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from typing import Final

import click

from observe.errors import ObserveError

COMMANDS: Final = {
    "build": "Write the pack into a directory.",
    "diff": "Show what publishing would change, line by line.",
    "drill": "Play incidents: what fires, when, and who is paged.",
    "explain": "Say where the values of a generated file come from.",
    "preview": "Draw the dashboards into one HTML page, with data of a Prometheus.",
    "prune": "Delete what the pack no longer holds, or what has expired.",
    "publish": "Bring the pack to Grafana, the cluster, or a directory.",
    "schema": "Print the JSON Schema of inventory files.",
    "simulate": "Serve the metrics of a simulated mesh, with incidents on request.",
    "validate": "Check the inventory and say what is wrong with it.",
}
"""Name to summary. The modules are imported when a command is run: help must not wait for libraries."""


class _Commands(click.Group):
    """Commands that are loaded when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"observe.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 good, 1 findings or a failed gate, 2 wrong usage or an inventory with errors, "
    "3 a live system refused or could not be reached, 4 partly published.",
)
@click.version_option(package_name="observe-mesh", prog_name="observe")
def program() -> None:
    """From one service inventory: Istio configuration, dashboards, alerts and runbooks, checked and published."""


def main() -> None:
    """Run the program and exit with a documented code."""
    # It would tell of every retry on stderr; what becomes of the request is in the report.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    # Nobody else's plug-in has a say in how inventories are read; looking for some costs a fifth of the start.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        program(prog_name="observe", standalone_mode=True)
    except ObserveError as error:
        click.echo(f"observe: {error}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # Whoever read our output has gone, as `head` does; flushing at exit must not fail a second time.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
