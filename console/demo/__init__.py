"""The demo's own parts: its districts, and how they are set up and run for two days."""
