"""Pods as the network sees them: whether they have an address, who asked them, and who answers them."""

from __future__ import annotations

import json
import time

from acplab import kube
from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.kube import Object, kubectl, showing

NO_ADDRESS = "no IP addresses available"  # what the plug-in host-local says, in an event of the Pod
POLL = 0.5  # seconds between two looks


def address(pod: str, namespace: str) -> str:
    """The address of a Pod, given by name; AcplabError if it has none."""
    return with_address(pod, namespace)["status"]["podIP"]


def with_address(pod: str, namespace: str) -> Object:
    """The Pod of this name; AcplabError unless it is there and has an address."""
    found = kube.find("pod", pod, namespace)
    if found is None or not found["status"].get("podIP"):
        raise AcplabError(
            _("There is no Pod {name} with an address in the namespace {namespace}.").format(
                name=pod, namespace=namespace
            ),
            _('Look at: kube.list("pod", namespace="{namespace}")').format(namespace=namespace),
        )
    return found


def caller(pod: str, namespace: str, path: str = "/hello") -> str:
    """The source address of the last request for this path, as a storefront Pod has logged it."""
    for line in reversed(kube.logs(pod, namespace).splitlines()):
        if "{" in line and (said := json.loads(line)).get("path") == path:
            return said["from"].rpartition(":")[0]
    raise AcplabError(
        _("Pod {pod} has logged no request for {path}.").format(pod=pod, path=path),
        _("Send it one first; a Pod that was replaced begins with an empty log."),
    )


def answered_by(pod: str, address: str, namespace: str) -> str:
    """The name of the Pod that answers when a storefront Pod asks http://ADDRESS/hello; "" if none does within 2 s."""
    command = ["storefront", "get", "-timeout", "2s", f"http://{address}/hello"]
    showing.show_line(lambda: kubectl.exec(pod, command, namespace))
    try:
        _status, _version, body = kube.exec(pod, command, namespace).split(" ", 2)
        return json.loads(body)["pod"]
    except AcplabError as error:
        if "storefront" not in error.sentence:  # the Pod could not even be asked
            raise
        return ""


def wait_for_addresses(namespace: str, timeout: float = 120) -> None:
    """Wait until each Pod of the namespace has an address, or an event that says that there is none for it."""
    deadline = time.monotonic() + timeout
    while undecided := [pod for pod in kube.list("pod", namespace) if not _is_decided(pod, namespace)]:
        if time.monotonic() > deadline:
            name = undecided[0]["metadata"]["name"]
            raise AcplabError(
                _("Pod {pod} has no address after {s:.0f} s, and no event says why.").format(pod=name, s=timeout),
                _('Look at: kube.events("pod", "{pod}", "{namespace}")').format(pod=name, namespace=namespace),
            )
        time.sleep(POLL)


def _is_decided(pod: Object, namespace: str) -> bool:
    events = kube.events("pod", pod["metadata"]["name"], namespace) if not pod["status"].get("podIP") else []
    return bool(pod["status"].get("podIP")) or any(NO_ADDRESS in line for line in events)
