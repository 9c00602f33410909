"""The generated district of simulators, demo and tests: every name is made up from a seed."""
