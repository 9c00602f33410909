"""The connectors talk: each knows one vendor's wire and turns it into OneRoster records."""
