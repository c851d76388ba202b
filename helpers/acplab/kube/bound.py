"""kube's verbs, spoken to one cluster whichever is current."""

from __future__ import annotations

import functools
import importlib
from pathlib import Path
from typing import Any

from acplab.kube import client


class Kube:
    """All that `acplab.kube` has, for the cluster of one kubeconfig: `Kube(file).get("pod", "shop")`."""

    def __init__(self, kubeconfig: Path) -> None:
        self._kubeconfig = kubeconfig

    def __getattr__(self, verb: str) -> Any:
        facade = importlib.import_module("acplab.kube")
        if verb not in facade.__all__:
            raise AttributeError(f"kube has no verb {verb!r}")
        call = getattr(facade, verb)

        @functools.wraps(call)
        def spoken(*arguments: Any, **options: Any) -> Any:
            with client.using(self._kubeconfig):
                return call(*arguments, **options)

        return spoken

    def __dir__(self) -> list[str]:
        return importlib.import_module("acplab.kube").__all__

    def __repr__(self) -> str:
        return f"kube of {self._kubeconfig.parent.name}"
