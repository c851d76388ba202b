"""Two homes on one Docker, as two users of a workshop host have them: each takes only its own cluster."""

from __future__ import annotations

import pytest
from acplab import cluster as clusters
from acplab.base.errors import AcplabError
from acplab.cluster import nodes

PROFILE = "tight"  # one node and no platform


class Home:
    """A home with a cluster; `with home:` is what its owner does."""

    def __init__(self, folder, monkeypatch) -> None:
        self.folder, self.monkeypatch = folder, monkeypatch

    def __enter__(self) -> Home:
        self.monkeypatch.setenv("ACPLAB_HOME", str(self.folder))
        return self

    def __exit__(self, *_error: object) -> None:
        self.monkeypatch.undo()


@pytest.fixture
def homes(tmp_path, monkeypatch):
    made = [Home(tmp_path / name, monkeypatch) for name in ("one", "two")]
    yield made
    for home in made:
        with home:
            clusters.delete(PROFILE)


def states(cluster) -> set[str]:
    return set(nodes.states(cluster.name).values())


def test_two_homes_side_by_side(homes):
    one, two = homes
    with one:
        first = clusters.ensure(PROFILE)
    with two:
        second = clusters.ensure(PROFILE)
        assert first.name in clusters.others()
        assert second.kube.list("node")
    assert first.name != second.name
    with one:
        assert clusters.ensure(PROFILE) == first
        assert [node["metadata"]["name"] for node in first.kube.list("node")] == first.nodes

    with two:
        assert clusters.stop(PROFILE)
        for change in (nodes.stop, nodes.remove):
            with pytest.raises(AcplabError, match=first.name):
                change(first.name)
        assert clusters.delete(PROFILE)
        assert not clusters.delete(PROFILE)
    assert states(second) == set()
    assert states(first) == {"running"}
    with one:
        assert clusters.find(PROFILE).kube.list("node")
        assert clusters.delete(PROFILE)
    assert states(first) == set()
