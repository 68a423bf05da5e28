"""`observe schema`."""

from __future__ import annotations

import click


@click.command("schema")
def command() -> None:
    """Print the JSON Schema of inventory files, for editors.

    Point an editor to it by the first line of a file: # yaml-language-server: $schema=inventory.schema.json
    """
    from observe.cli.output import print_json  # late: see program.COMMANDS
    from observe.inventory import json_schema

    print_json(json_schema())
