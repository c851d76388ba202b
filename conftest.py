"""For every test, notebooks included: clusters and progress of their own, and the order and place in which they run."""

from __future__ import annotations

import os

# Before anything of acplab is imported: a learner's clusters and progress are never touched.
os.environ.setdefault("ACPLAB_INSTANCE", "test")

pytest_plugins = ["scheduling"]
