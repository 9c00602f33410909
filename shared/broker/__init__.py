"""The broker only wakes someone soon: topology, Dramatiq broker, relay and consumers."""
