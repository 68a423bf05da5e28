"""`python -m observe`."""

from observe.cli import main

main()
