"""What is done to an ingress controller in drills."""

from __future__ import annotations

from acplab import kube
from acplab.datapath import node_exec


def crash(pod: str, namespace: str) -> None:
    """Kill the containers of a Pod without a warning (SIGKILL), as when its node is out of memory; kubelet starts them again."""
    found = kube.get("pod", pod, namespace)
    for one in found["status"]["containerStatuses"]:
        container = one["containerID"].partition("://")[2]
        node_exec.run(
            found["spec"]["nodeName"], "ctr", "-n", "k8s.io", "task", "kill", "--signal", "SIGKILL", container
        )
