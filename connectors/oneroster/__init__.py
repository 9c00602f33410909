"""OneRoster as a protocol: its CSV binding, on which vendors build."""
