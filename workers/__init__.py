"""The workers do: one pool a tier claims jobs, runs them and finishes them behind a fence."""
