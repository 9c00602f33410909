"""The generated district that simulators, demo and tests share: every name is made up from a seed."""
