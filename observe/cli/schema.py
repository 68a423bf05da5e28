"""`observe schema`."""

from __future__ import annotations

import json

import click


@click.command("schema")
def command() -> None:
    """Print the JSON Schema of inventory files, for editors.

    Point an editor to it by the first line of a file: # yaml-language-server: $schema=inventory.schema.json
    """
    from observe.inventory import json_schema  # late: see program.COMMANDS

    click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))
