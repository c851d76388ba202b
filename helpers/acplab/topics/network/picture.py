"""network.plan_picture: a network plan as a picture, with its words."""

from __future__ import annotations

from functools import partial

from acplab.show.figures import Figure
from acplab.topics.network import drawing
from acplab.topics.network.request import Request
from acplab.topics.network.scene import scene, words


def plan_picture(plan: Request) -> Figure:
    """The ranges of a Plan; of a Request the plan that it gets, or what it asks for if it gets none.

    Broken rules are numbered; both things that they are about carry the number, on a hatched ground.
    """
    seen = scene(plan)
    return Figure("\n".join(words(seen)), partial(drawing.draw, seen))
