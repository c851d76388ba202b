"""What several modules of cluster tests share."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from acplab.base import paths
from acplab.kube import client


@pytest.fixture(scope="module")
def own_terminals(cluster, tmp_path_factory) -> Iterator[None]:
    """A home that shares the cluster and has terminals of its own: tests beside these open chapters and labs."""
    home = tmp_path_factory.mktemp("home")
    client.use(cluster.kubeconfig)
    shutil.copy(paths.home() / "owner-id", home)
    (home / "clusters" / "small").mkdir(parents=True)
    shutil.copy(cluster.kubeconfig, home / "clusters" / "small")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACPLAB_HOME", str(home))
        yield
