"""The images of a lab cluster: one node image with everything baked in, whatever route it came by.

Look at: routes.py for where images come from, build.py for making them from package registries,
bake.py for the node image itself, catalogue.py for what there is.
"""

from acplab.images.build import gateway_crds, kind
from acplab.images.routes import NodeImage, ensure, present, present_quick

__all__ = ["NodeImage", "ensure", "gateway_crds", "kind", "present", "present_quick"]
