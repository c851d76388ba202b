"""stamina's retries, without its word on each: what is being waited for is shown by the stage."""

from __future__ import annotations

import stamina
from stamina import retry, retry_context

stamina.instrumentation.set_on_retry_hooks([])

__all__ = ["retry", "retry_context"]
