"""The images of lab clusters: a node image with base and platform baked in, and one bundle for each topic.

Look at: sources.py for where images come from, recipes/ for making them from package registries, bake.py for the node
image, bundles.py for what is loaded into running nodes, catalogue.py for what there is.
"""

from acplab.images.bundles import Bundle, bundle, load
from acplab.images.catalogue import chapter_bundles, cni_manifest
from acplab.images.recipes.go import gateway_crds, kind, rollouts_crds
from acplab.images.sources import NodeImage, ensure, manifest, needed_space, planned, present, present_quick
from acplab.images.space import Space, storage_bytes

__all__ = [
    "Bundle",
    "NodeImage",
    "Space",
    "bundle",
    "chapter_bundles",
    "cni_manifest",
    "ensure",
    "gateway_crds",
    "kind",
    "load",
    "manifest",
    "needed_space",
    "planned",
    "present",
    "present_quick",
    "rollouts_crds",
    "storage_bytes",
]
