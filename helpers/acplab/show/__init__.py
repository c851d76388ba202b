"""Show what was measured: a picture, and the same in words (`.text`) for readers who do not see it.

Importing this is quick; matplotlib and ipywidgets are loaded when the first picture or widget is made.
"""

from acplab.show.diagrams import Diagram
from acplab.show.drills import drill
from acplab.show.figures import Figure
from acplab.show.live_view import LiveView, live
from acplab.show.predictions import Choice, Comparison, Prediction
from acplab.show.sample_size import sample_sizes
from acplab.show.splits import split
from acplab.show.tables import Table, routing
from acplab.show.timelines import timeline

__all__ = [
    "Choice",
    "Comparison",
    "Diagram",
    "Figure",
    "LiveView",
    "Prediction",
    "Table",
    "drill",
    "live",
    "routing",
    "sample_sizes",
    "split",
    "timeline",
]
