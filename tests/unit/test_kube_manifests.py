"""Reading manifests, and what apply() does with them before anything goes to a cluster."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import pytest
from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.kube import client as connection
from acplab.kube import verbs as kube

ONE = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n"
TWO = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: two}\n"


def names(source, **values) -> list[str]:
    return [one["metadata"]["name"] for one in kube.read_manifests(source, **values)]


def refusal(source, **values) -> AcplabError:
    with pytest.raises(AcplabError) as told:
        kube.read_manifests(source, **values)
    assert told.value.remedy
    return told.value


# --- where they come from ---------------------------------------------------------------------------------------


def test_a_text():
    assert names(ONE) == ["one"]


def test_a_text_of_several_documents_some_of_them_empty():
    assert names(f"---\n{ONE}---\n---\n# only a comment\n---\n{TWO}---\n") == ["one", "two"]


def test_a_file(tmp_path):
    (tmp_path / "one.yaml").write_text(ONE)
    assert names(tmp_path / "one.yaml") == names(str(tmp_path / "one.yaml")) == ["one"]


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path):
    (tmp_path / "20-b.yaml").write_text(ONE)
    (tmp_path / "10-a.yaml").write_text(TWO)
    (tmp_path / "README.md").write_text("not YAML: [")
    assert names(tmp_path) == ["two", "one"]


def test_files_of_a_folder_do_not_run_into_each_other(tmp_path):
    (tmp_path / "a.yaml").write_text(ONE.rstrip())
    (tmp_path / "b.yaml").write_text(TWO.rstrip())
    assert names(tmp_path) == ["one", "two"]


def test_a_relative_path_starts_at_the_checkout(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "manifests").mkdir()
    monkeypatch.setattr(paths, "ROOT", tmp_path / "root")
    (tmp_path / "root" / "manifests").mkdir(parents=True)
    (tmp_path / "root" / "manifests" / "one.yaml").write_text(ONE)
    assert names("manifests/one.yaml") == ["one"]


def test_every_manifest_of_the_course_can_be_read():
    for folder in ("platform", "00-welcome", "10-ingress-release"):
        assert kube.read_manifests(f"manifests/{folder}"), folder


def test_a_list_is_taken_as_it_is_and_left_as_it_was():
    given = [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}}]
    before = copy.deepcopy(given)
    read = kube.read_manifests(given)
    assert read == before
    read[0]["metadata"]["namespace"] = "changed"
    assert given == before


# --- values ---------------------------------------------------------------------------------------------------------


def test_values_fill_the_text():
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '${color}-shop'}\ndata: {n: '${n}'}\n"
    (read,) = kube.read_manifests(text, color="blue", n=3)
    assert (read["metadata"]["name"], read["data"]["n"]) == ("blue-shop", "3")


def test_a_missing_value_is_named():
    said = refusal("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '${color}'}\n", size="9")
    assert "color" in said.sentence
    assert "apply()" in said.remedy


def test_a_missing_value_of_a_file_names_the_file(tmp_path):
    (tmp_path / "shop.yaml").write_text("metadata: {name: '${color}'}\n")
    assert "shop.yaml" in refusal(tmp_path / "shop.yaml", size="9").sentence


def test_without_values_the_text_stays_as_it_is():
    (read,) = kube.read_manifests(ONE + "data: {script: 'echo ${HOME} $1 $$'}\n")
    assert read["data"]["script"] == "echo ${HOME} $1 $$"


@pytest.mark.parametrize("text", ["$(POD_NAME)", "$$(POD_NAME)", "$1", "5 $", "^/shop$", "$host", "a$b"])
def test_only_braces_are_filled_since_kubernetes_and_shells_use_dollars_too(text):
    (read,) = kube.read_manifests(ONE + f"data: {{text: '{text}', color: '${{color}}'}}\n", color="blue")
    assert read["data"] == {"text": text, "color": "blue"}


# --- what is wrong with them ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["manifests/no-such-file.yaml", "/no/such/folder", "no-such"])
def test_a_path_that_is_not_there(path):
    said = refusal(path)
    assert path in said.sentence
    assert "course's folder" in said.remedy


def test_text_that_is_not_yaml_says_where():
    said = refusal("apiVersion: v1\nkind: ConfigMap\n  metadata: {name: one}\n")
    assert "not YAML" in said.sentence
    assert "line 3" in said.sentence
    assert "\n" not in said.sentence


def test_a_file_that_is_not_yaml_is_named(tmp_path):
    (tmp_path / "shop.yaml").write_text("a: [1, 2\n")
    assert "shop.yaml" in refusal(tmp_path / "shop.yaml").sentence


def test_of_a_folder_the_bad_file_is_named_and_its_own_line(tmp_path):
    (tmp_path / "10-good.yaml").write_text(ONE)
    (tmp_path / "20-bad.yaml").write_text("apiVersion: v1\nkind: ConfigMap\n  metadata: {name: one}\n")
    said = refusal(tmp_path)
    assert "20-bad.yaml" in said.sentence
    assert "line 3" in said.sentence


@pytest.mark.parametrize("text", ["just words\n", "- a\n- list\n", "5\n", f"{ONE}---\njust words\n"])
def test_something_that_is_not_an_object(text):
    assert "not an object" in refusal(text).sentence


@pytest.mark.parametrize(
    ("text", "absent"),
    [
        ("kind: ConfigMap\nmetadata: {name: one}\n", "apiVersion"),
        ("apiVersion: v1\nmetadata: {name: one}\n", "kind"),
        ("apiVersion: v1\nkind: ConfigMap\n", "metadata"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata:\n", "metadata"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {labels: {a: b}}\n", "metadata.name"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ''}\n", "metadata.name"),
        ("data: {a: b}\n", "apiVersion, kind, metadata"),
    ],
)
def test_a_missing_key_is_named(text, absent):
    assert f"has no {absent}." in refusal(text).sentence


def test_the_second_document_is_looked_at_too():
    assert "has no kind" in refusal(f"{ONE}---\napiVersion: v1\nmetadata: {{name: two}}\n").sentence


@pytest.mark.parametrize(
    "one",
    [
        {"kind": "ConfigMap", "metadata": {"name": "one"}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}},
        {"apiVersion": "v1", "kind": "ConfigMap"},
        "apiVersion: v1",
    ],
)
def test_a_list_is_looked_at_as_closely_as_a_text(one):
    refusal([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "first"}}, one])


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: v1\nkind: ConfigMap\nmetadata: one\n",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: [name]\n",
        "apiVersion: v1\nkind: 5\nmetadata: {name: one}\n",
        "apiVersion: v1\nkind: [ConfigMap]\nmetadata: {name: one}\n",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 5}\n",
        "apiVersion: 1\nkind: ConfigMap\nmetadata: {name: one}\n",
    ],
)
def test_a_value_of_the_wrong_type_is_an_error_and_no_traceback(text):
    refusal(text)


# --- apply, with an API server that is a list -----------------------------------------------------------------------------


class Server:
    """Plays the API server: objects by name, and what was written, in order."""

    def __init__(self) -> None:
        self.there: dict[str, dict] = {}
        self.written: list[tuple[str, bool]] = []
        self.guarded = 0
        self.refuses: set[str] = set()

    def resource(self, kind, api_version=None):
        if kind == "Typo":
            raise AcplabError("This cluster knows no kind Typo.", "Check the spelling.")
        return SimpleNamespace(kind=kind, namespaced=kind not in ("Namespace", "CustomResourceDefinition"))

    def require_own_cluster(self) -> None:
        self.guarded += 1

    def find(self, kind, name, namespace):
        return copy.deepcopy(self.there.get(f"{namespace}/{name}"))

    def apply(self, one, kind, dry_run=False):
        name = one["metadata"]["name"]
        if name in self.refuses:
            raise connection.Refused(f"{name} is invalid", "Correct the field.", 422)
        self.written.append((name, dry_run))
        key = f"{one['metadata'].get('namespace')}/{name}"
        old = self.there.get(key, {"metadata": {"resourceVersion": "0"}})
        new = copy.deepcopy(one)
        same = old.get("data") == new.get("data")
        new["metadata"]["resourceVersion"] = str(int(old["metadata"]["resourceVersion"]) + (0 if same else 1))
        if not dry_run:
            self.there[key] = new
        return new

    @property
    def really(self) -> list[str]:
        return [name for name, dry_run in self.written if not dry_run]


@pytest.fixture
def server(monkeypatch) -> Server:
    server = Server()
    monkeypatch.setattr(kube, "resource", server.resource)
    monkeypatch.setattr(connection, "require_own_cluster", server.require_own_cluster)
    monkeypatch.setattr(connection, "find", server.find)
    monkeypatch.setattr(connection, "invalidate_discovery", lambda: None)
    monkeypatch.setattr(kube, "_server_side_apply", server.apply)
    return server


def config(name: str, **data: str) -> dict:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def test_apply_says_what_it_did(server):
    assert [repr(one) for one in kube.apply([config("one", a="1")])] == ["configmap/one created"]
    assert [repr(one) for one in kube.apply([config("one", a="1")])] == ["configmap/one unchanged"]
    assert [repr(one) for one in kube.apply([config("one", a="2")])] == ["configmap/one configured"]


def test_what_controllers_wrote_meanwhile_is_not_a_change_of_ours(server, monkeypatch):
    """A Deployment's status moves its resourceVersion between our two calls while it rolls out."""
    before = config("one", a="1") | {"status": {"replicas": 1}}
    before["metadata"] |= {"resourceVersion": "5", "managedFields": [{"time": "1"}]}
    after = config("one", a="1") | {"status": {"replicas": 2}}
    after["metadata"] |= {"resourceVersion": "7", "managedFields": [{"time": "2"}]}
    monkeypatch.setattr(connection, "find", lambda *_: before)
    monkeypatch.setattr(kube, "_server_side_apply", lambda *_, **__: after)
    assert kube.apply([config("one", a="1")])[0].action == "unchanged"


def test_the_namespace_of_the_call_is_for_objects_that_name_none(server):
    own = config("own")
    own["metadata"]["namespace"] = "mine"
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "space"}}
    kube.apply([config("one"), own, namespace], namespace="theirs")
    assert set(server.there) == {"theirs/one", "mine/own", "None/space"}


def test_without_a_namespace_it_is_default(server):
    kube.apply(ONE)
    assert set(server.there) == {"default/one"}


def test_the_same_list_can_be_applied_to_two_namespaces(server):
    given = [config("one", a="1")]
    kube.apply(given, namespace="first")
    kube.apply(given, namespace="second")
    assert set(server.there) == {"first/one", "second/one"}


def test_an_object_that_is_refused_means_nothing_is_written(server):
    server.refuses = {"two"}
    with pytest.raises(AcplabError, match="two is invalid"):
        kube.apply(f"{ONE}---\n{TWO}")
    assert server.really == []


def test_also_when_a_namespace_is_made_in_the_same_call(server):
    server.refuses = {"two"}
    elsewhere = "apiVersion: v1\nkind: Namespace\nmetadata: {name: space}\n"
    with pytest.raises(AcplabError, match="two is invalid"):
        kube.apply(f"{elsewhere}---\n{TWO}", namespace="another")
    assert server.really == []


def test_an_unknown_kind_in_the_second_document_means_nothing_is_written(server):
    with pytest.raises(AcplabError, match="no kind Typo"):
        kube.apply(f"{ONE}---\napiVersion: v1\nkind: Typo\nmetadata: {{name: two}}\n")
    assert server.written == []


def test_a_foreign_cluster_is_asked_nothing_but_its_nodes(server, monkeypatch):
    def refuse() -> None:
        raise AcplabError("This is not a cluster of acplab", "")

    monkeypatch.setattr(connection, "require_own_cluster", refuse)
    with pytest.raises(AcplabError, match="not a cluster of acplab"):
        kube.apply(ONE)
    assert server.written == []


def test_nothing_to_apply_is_nothing_done(server):
    assert kube.apply([]) == []
    assert server.written == []
