"""What can be done with Bellringer: one operation each, for the CLI, the pages and the REST API."""
