"""`observe preview`."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from observe.cli.options import inventory_option
from observe.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from observe.cli.previewed import Live, Simulated
    from observe.preview import Dashboard


@click.command("preview")
@click.argument("paths", nargs=-1, metavar="[FILE]...")
@inventory_option
@click.option(
    "--prometheus",
    "url",
    metavar="URL",
    envvar="PROMETHEUS_URL",
    help="The Prometheus that is asked, such as http://localhost:9090.",
)
@click.option(
    "--incident",
    metavar="NAME",
    help="Ask one of its own instead, which has seen this incident, simulated; `ordinary` for none. observe drill"
    " --list says which there are.",
)
@click.option("--service", metavar="NAMESPACE/NAME", help="Whom the incident happens to.  [default: chosen by it]")
@click.option(
    "--dashboard", "names", metavar="NAME", multiple=True, help="Draw only this one, by uid or title; may be repeated."
)
@click.option(
    "--range",
    "length",
    metavar="DURATION",
    help="How far back, such as 1h.  [default: as each dashboard says; of an incident 1h]",
)
@click.option("--at", metavar="TIME", help="Up to when: 2026-03-01T12:00:00Z, or seconds since 1970.  [default: now]")
@click.option(
    "--history",
    metavar="DURATION",
    help="How much is simulated before what is shown: a baseline of yesterday takes 1d.  [default: 1h]",
)
@click.option(
    "--prometheus-program",
    "program",
    metavar="PATH",
    envvar="OBSERVE_PROMETHEUS",
    help="The prometheus that --incident starts.  [default: on the PATH]",
)
@click.option("-o", "--output", metavar="FILE", default="preview.html", show_default=True, help="The page to write.")
@click.pass_context
def command(
    context: click.Context,
    paths: tuple[str, ...],
    source: str,
    url: str | None,
    incident: str | None,
    service: str | None,
    names: tuple[str, ...],
    length: str | None,
    at: str | None,
    history: str | None,
    program: str | None,
    output: str,
) -> None:
    """Draw the dashboards into one HTML page, with data of a Prometheus or of a simulated incident.

    The dashboards are those of the inventory, or those in FILEs with Grafana's JSON. The page needs no Grafana and
    no network. Needs pip install 'observe-mesh[preview]'.

    \b
    For a Prometheus that asks who we are: PROMETHEUS_TOKEN, or PROMETHEUS_USER and PROMETHEUS_PASSWORD;
    PROMETHEUS_TENANT names a tenant of Mimir or Cortex.
    """  # noqa: D301 - click takes the backspace for "do not wrap"
    from observe.preview import draw, in_order, prepare  # late: see program.COMMANDS
    from observe.preview.library import require
    from observe.publish.targets.whole_file import write

    require()
    of_incident = {"--service": service, "--history": history, "--prometheus-program": program}
    if incident is None:
        _refuse(of_incident, "belongs to --incident")
        asked: Live | Simulated = _live(url, at, length)
    else:
        typed = context.get_parameter_source("url") is ParameterSource.COMMANDLINE
        _refuse({"--prometheus": url if typed else None, "--at": at}, "does not go with --incident, which simulates")
        asked = _simulated(source, incident, service, length, history, program)
    chosen = _chosen(in_order(_from_files(paths) if paths else _from_inventory(source)), names)
    with asked.answering() as answering:
        prepared = prepare(chosen, answering.client, answering.end, answering.seconds)
        with _progress(len({question for one in prepared for question in one.questions})) as told:
            content = draw(prepared, answering.client, told)
    write(Path(output), content)
    click.echo(f"{output}: {_counted(len(chosen), 'dashboard', 'dashboards')}, {len(content) / 1e6:.1f} MB", err=True)


def _refuse(options: Mapping[str, str | None], why: str) -> None:
    for option, given in options.items():
        if given is not None:
            raise UsageError(f"{option} {why}")


def _live(url: str | None, at: str | None, length: str | None) -> Live:
    from observe.cli.previewed import Live, moment, seconds
    from observe.clients.prometheus_access import prometheus_access

    if url is None:
        raise UsageError("say who is asked: --prometheus URL, or --incident NAME for one that simulates")
    end = moment(at)
    return Live(prometheus_access(url, os.environ), end, seconds("--range", length))


def _simulated(
    source: str, name: str, service: str | None, length: str | None, history: str | None, program: str | None
) -> Simulated:
    from observe.cli.loading import load
    from observe.cli.previewed import HOUR, Simulated, incident, seconds
    from observe.drills.throwaway import PROGRAM

    shown, before = seconds("--range", length) or HOUR, seconds("--history", history) or HOUR
    inventory = load(source)
    return Simulated(inventory, incident(inventory, name, service), shown, before, program or PROGRAM)


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _from_files(paths: Sequence[str]) -> list[Dashboard]:
    from observe.preview import read

    found = []
    for path in paths:
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror}") from None
        found.append(read(content, path))
    return found


def _from_inventory(source: str) -> list[Dashboard]:
    from observe.artifact import Kind
    from observe.cli.loading import sound_pack
    from observe.preview import read

    _, pack = sound_pack(source)
    return [read(artifact.content, artifact.path) for artifact in pack.artifacts if artifact.kind is Kind.DASHBOARD]


def _chosen(found: list[Dashboard], names: Sequence[str]) -> list[Dashboard]:
    """Those that were named, or all; raises UsageError for one that is not there."""
    for name in names:
        if not any(name in (one.uid, one.title) for one in found):
            known = ", ".join(f"{one.uid} ({one.title})" for one in found[:30])
            raise UsageError(
                f"there is no dashboard {name!r}; known are {known}{' and more' if len(found) > 30 else ''}"
            )
    return [one for one in found if not names or one.uid in names or one.title in names]


@contextmanager
def _progress(total: int) -> Iterator[Callable[[], object]]:
    """A callback that moves a progress bar; on anything but a terminal one line says how much is asked."""
    if not sys.stderr.isatty():
        click.echo(f"asking {_counted(total, 'query', 'queries')}", err=True)
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(file=sys.stderr), transient=True) as bar:
        task = bar.add_task("Prometheus", total=total)
        yield lambda: bar.advance(task)
