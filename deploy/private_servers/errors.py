"""What can go wrong with a private server, by what the caller does about it."""

from __future__ import annotations


class ServiceError(Exception):
    """A server did not do what it should; the message says which, and shows its log's end."""


class UnavailableError(ServiceError):
    """A server cannot be had on this machine; the message says exactly what to install."""
