"""How a lab is judged. What checks.py of a lab imports:

    from acplab.grading import LabView, Results, at_start, diagnose, expect, hint, task

`expect` holds what can be expected, `diagnose` the hints; both have their words in the lab's criteria.yaml.
"""

from collections.abc import Iterator

from acplab.grading import diagnose, expect
from acplab.grading.checks import Words, at_start, hint, task
from acplab.grading.results import Result
from acplab.grading.view import LabView

Results = Iterator[Result]

__all__ = ["LabView", "Result", "Results", "Words", "at_start", "diagnose", "expect", "hint", "task"]
