"""`python -m console.cli` is `bellringer`."""

from console.cli.main import main

main()
