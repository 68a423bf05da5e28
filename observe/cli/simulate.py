"""`observe simulate`."""

from __future__ import annotations

import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import click

from observe.cli.options import inventory_option
from observe.errors import UsageError

if TYPE_CHECKING:
    from observe.replay import Mesh
    from observe.replay.server import Server

HIGHEST_PORT: Final = 65_535


@click.command("simulate")
@inventory_option
@click.option("--listen", metavar="HOST:PORT", default="127.0.0.1:9464", show_default=True, help="Where to serve.")
@click.option("--incident", metavar="NAME", help="What goes wrong.  [default: nothing, until it is asked for]")
@click.option("--after", metavar="DURATION", help="When it begins, such as 2m.  [default: at once]")
@click.option("--for", "lasts", metavar="DURATION", help="How long it lasts.  [default: as the incident says]")
@click.option(
    "--speed",
    type=click.FloatRange(0.1, 100),
    default=1,
    show_default=True,
    metavar="N",
    help="How many times as fast time runs in the mesh: so many times the requests, and incidents as much shorter.",
)
def command(source: str, listen: str, incident: str | None, after: str | None, lasts: str | None, speed: float) -> None:
    """Serve the metrics of the inventory's mesh, simulated, for a Prometheus to scrape.

    The mesh goes on until Ctrl-C. Incidents are asked for on the page that is served, or with a POST to
    /incident/NAME and to /recover. Prometheus needs `honor_labels: true`.
    """
    from observe.cli.loading import load  # late: see program.COMMANDS
    from observe.replay import Mesh, serving

    host, port = _address(listen)
    begin, minutes = _minutes("--after", after), _minutes("--for", lasts)
    if incident is None and (begin is not None or minutes is not None):
        raise UsageError("--after and --for are about an incident; name one with --incident")
    mesh = Mesh(load(source), speed=speed)
    if incident is not None:
        mesh.happen(incident, after=begin or 0, lasts=minutes)
    with serving(mesh, host, port) as server:
        _greet(mesh, server.url)
        _serve(server)


def _greet(mesh: Mesh, url: str) -> None:
    state = mesh.state()
    count = len(mesh.inventory.services)
    click.echo(f"{url}/metrics: {count} services, {state.series} series; {url}/ lets incidents happen", err=True)
    if state.happening:
        click.echo(f"{state.happening.incident.title}: {state.happening.incident.story}", err=True)


def _serve(server: Server) -> None:
    """Until Ctrl-C, or until whoever started it ends it: both are the usual end of a server, and no failure.

    As the first process of a container it would not hear of SIGTERM at all without a handler.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        server.serve_forever()


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or int(port) > HIGHEST_PORT:
        raise UsageError(f"--listen {listen} is no address; write HOST:PORT, such as 127.0.0.1:9464")
    return host, int(port)


def _minutes(option: str, given: str | None) -> float | None:
    from observe.model import parse_duration

    try:
        return None if given is None else parse_duration(given) / 60_000
    except ValueError as error:
        raise UsageError(f"{option} {given} {error}") from None
