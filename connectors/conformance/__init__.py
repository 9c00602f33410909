"""The conformance kit: what the SDK promises of a connector, checked against its vendor's side.

`kit.examine` runs every check over one connector and gives a row for each; a check that cannot be
made says why. The vendor's side is stood up by a bench (`benches`): a simulator, files, a folder
that is fed, or a live vendor that the user owns.
"""
