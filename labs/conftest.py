"""pytest runs each solution.ipynb as the proof of its lab; see tests/labproof.py."""

from labproof import pytest_runtest_call, pytest_runtest_setup, pytest_runtest_teardown

__all__ = ["pytest_runtest_call", "pytest_runtest_setup", "pytest_runtest_teardown"]
