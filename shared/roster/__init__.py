"""The hub in SQL: staging, fingerprints, merge, links and the change log."""
