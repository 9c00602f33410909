"""Ways to reach a vendor, shared by the connectors."""
