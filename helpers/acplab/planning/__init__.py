"""Planning before building: pure functions and dataclasses, no I/O and no cluster. `from acplab.planning import network`."""

from acplab.planning import network

__all__ = ["network"]
