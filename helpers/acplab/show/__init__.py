"""Show what was measured: a picture, and the same in words (`.text`) for whoever does not see it.

Importing this is quick; matplotlib and ipywidgets are loaded when the first picture or widget is made.
"""

from acplab.show.figures import Figure
from acplab.show.predictions import Prediction, predict
from acplab.show.sizes import sample_sizes
from acplab.show.splits import split
from acplab.show.tables import Table, routing
from acplab.show.timelines import timeline
from acplab.show.watching import View, live

__all__ = [
    "Figure",
    "Prediction",
    "Table",
    "View",
    "live",
    "planning_studio",
    "predict",
    "routing",
    "sample_sizes",
    "split",
    "timeline",
]
