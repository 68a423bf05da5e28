"""The command line: the only room that prints, prompts or exits.

Data goes to standard output, everything else to standard error.
"""

from observe.cli.program import main

__all__ = ["main"]
