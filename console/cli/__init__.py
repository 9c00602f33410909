"""The `bellringer` command, one module a command group."""
