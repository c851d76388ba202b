"""What several modules of cluster tests share."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from acplab.base import paths
from acplab.kube import client


@pytest.fixture(scope="module", autouse=True)
def on_small(cluster) -> None:
    """Each file begins on `small`: a lab that this process ran before it may have ended on another cluster."""
    client.use(cluster.kubeconfig)


@pytest.fixture(scope="module")
def own_terminals(on_small, cluster, tmp_path_factory) -> Iterator[None]:
    """A home that shares the cluster and has terminals of its own: tests beside these open chapters and labs."""
    home = tmp_path_factory.mktemp("home")
    shutil.copy(paths.home() / "owner-id", home)
    (home / "clusters" / "small").mkdir(parents=True)
    shutil.copy(cluster.kubeconfig, home / "clusters" / "small")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACPLAB_HOME", str(home))
        yield
