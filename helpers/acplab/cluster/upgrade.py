"""How a newer course reaches a cluster that an older one has made: its images and its platform are brought up to date.

What a cluster has is noted in it, in a ConfigMap, so that a lost record of ours changes nothing.
"""

from __future__ import annotations

from acplab import images, kube
from acplab.base.console import say, stage
from acplab.base.errors import AcplabError
from acplab.base.i18n import _, ngettext
from acplab.cluster import platform
from acplab.cluster.handle import Cluster, start_command
from acplab.cluster.profiles import own

NAME, NAMESPACE = "acplab", "kube-system"
SYSTEM = ("default", "ingress", "local-path-storage")  # beside kube-*


def note(cluster: Cluster, image_set: str) -> None:
    """Apply the platform of the profile, and note it together with the images. For the current cluster."""
    profile, noted = own(cluster.profile), _noted()
    objects = platform.apply(profile, noted.get("objects", "").split())
    _write({"images": image_set, "platform": platform.fingerprint(profile), "objects": "\n".join(objects)})


def bring_up_to_date(cluster: Cluster) -> None:
    """Load the images and apply the platform that this cluster, the current one, does not have yet.

    Nothing else in it is touched. If newer images cannot be had, that is said and the cluster is used as it is.
    """
    noted, wanted = _noted(), images.planned(cluster.route)
    same_kubernetes = _version(wanted.reference) == _version(cluster.image)
    if not same_kubernetes:
        _say_new_version(cluster, _version(wanted.reference))
    if noted.get("images") != wanted.inputs:
        if not _load_images(cluster, ["base", "platform"] if same_kubernetes else ["platform"]):
            return
        _write(noted | {"images": wanted.inputs})
    profile = own(cluster.profile)
    if noted.get("platform") != platform.fingerprint(profile):
        with stage("platform", _("Updating the platform of {name}").format(name=cluster.name), 10):
            note(cluster, wanted.inputs)
            if profile.platform:
                platform.wait_ready()


def _load_images(cluster: Cluster, bundles: list[str]) -> bool:
    try:
        for bundle in bundles:
            images.load(cluster.nodes, bundle, cluster.route)
    except AcplabError as error:
        why = _("{name} stays with its older images, since the newer ones cannot be had. {why}")
        say(why.format(name=cluster.name, why=error.sentence))
        return False
    return True


def _version(reference: str) -> str:
    """The Kubernetes version of a node image, such as v1.36.3."""
    return reference.rsplit(":", 1)[-1].split("-")[0]


def _say_new_version(cluster: Cluster, version: str) -> None:
    """Kubernetes itself is replaced with the cluster alone, and when, the learner decides."""
    sentence = _("{name} runs Kubernetes {old}; the course uses {new} now. It goes on working.")
    say(sentence.format(name=cluster.name, old=_version(cluster.image), new=version))
    lost = [name for one in kube.list("namespace") if not _is_system(name := one["metadata"]["name"])]
    many = ngettext("{n} namespace", "{n} namespaces", len(lost)).format(n=len(lost))
    remedy = _("For a new one: ./acplab delete --profile {profile}, then {start}. Lost would be {many}: {names}.")
    names = ", ".join(lost) or "-"
    say(remedy.format(profile=cluster.profile, start=start_command(cluster.profile), many=many, names=names))


def _is_system(namespace: str) -> bool:
    return namespace.startswith("kube-") or namespace in SYSTEM


def _noted() -> dict[str, str]:
    found = kube.find("configmap", NAME, NAMESPACE)
    return dict((found or {}).get("data") or {})


def _write(noted: dict[str, str]) -> None:
    metadata = {"name": NAME, "namespace": NAMESPACE}
    kube.apply([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": noted}])
