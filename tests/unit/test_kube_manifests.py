"""Reading manifests, and what apply() does with them before anything goes to a cluster."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import pytest
import yaml
from acplab import kube as facade
from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.kube import client
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


def test_one_dict_is_a_list_of_one():
    assert names({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}}) == ["one"]


LIST = f"""apiVersion: v1
kind: List
metadata: {{resourceVersion: ""}}
items:
- {{apiVersion: v1, kind: ConfigMap, metadata: {{name: one}}}}
- apiVersion: v1
  kind: ConfigMapList
  items: [{{apiVersion: v1, kind: ConfigMap, metadata: {{name: two}}}}]
---
{ONE.replace("one", "three")}"""


def test_a_list_as_kubectl_prints_it_is_its_items(tmp_path):
    (tmp_path / "all.yaml").write_text(LIST)
    assert names(LIST) == names(tmp_path) == names(list(yaml.safe_load_all(LIST))) == ["one", "two", "three"]


def test_an_item_of_a_list_is_looked_at_too():
    assert (
        "has no kind"
        in refusal("apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, metadata: {name: x}}]\n").sentence
    )


def test_a_kind_that_ends_in_list_is_no_list_without_items():
    text = "apiVersion: example.com/v1\nkind: AllowList\nmetadata: {name: one}\n"
    assert names(text) == ["one"]


@pytest.mark.parametrize("ending", ["yaml", "yml", "json"])
def test_a_folder_holds_the_files_that_kubectl_reads(tmp_path, ending):
    (tmp_path / f"one.{ending}").write_text('{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}}')
    assert names(tmp_path) == ["one"]


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


CHINESE = "# \u5546\u5e97\u7684\u914d\u7f6e\n" + ONE


@pytest.mark.parametrize("encoding", ["gb18030", "gbk", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("text", [ONE, CHINESE], ids=["ascii", "chinese"])
def test_a_file_that_is_not_utf8(tmp_path, encoding, text):
    (tmp_path / "shop.yaml").write_text(text, encoding=encoding)
    if (tmp_path / "shop.yaml").read_bytes() == text.encode():
        return  # plain ASCII is the same in all of them
    said = refusal(tmp_path / "shop.yaml")
    assert said.sentence == f"{tmp_path / 'shop.yaml'} is not saved as UTF-8."
    assert "Save it as UTF-8" in said.remedy


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_utf8_with_or_without_its_mark_and_with_any_line_ends(tmp_path, encoding, line_end):
    (tmp_path / "shop.yaml").write_bytes(CHINESE.replace("\n", line_end).encode(encoding))
    assert names(tmp_path / "shop.yaml") == ["one"]


@pytest.mark.parametrize("text", ["# only a comment\n", "---\n# nothing\n---\n", "\n", " \n\n"])
def test_nothing_but_comments(tmp_path, text):
    assert "no object" in refusal(text if text.strip() else f"{text}# x\n").sentence
    (tmp_path / "shop.yaml").write_text(text)
    said = refusal(tmp_path / "shop.yaml")
    assert "shop.yaml holds no object" in said.sentence
    assert "apiVersion" in said.remedy


def test_a_folder_without_manifests(tmp_path):
    assert "no object" in refusal(tmp_path).sentence


@pytest.mark.parametrize("source", ["", "  ", "\n", None, 5, b"kind: Pod", ("a", "b"), True])
def test_a_source_that_is_none(source):
    said = refusal(source)
    assert repr(source) in said.sentence
    assert "YAML text" in said.remedy


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
            raise AcplabError("The server has no resource type Typo.", "Check the spelling.")
        return SimpleNamespace(kind=kind, namespaced=kind not in ("Namespace", "CustomResourceDefinition"))

    def require_own_cluster(self) -> None:
        self.guarded += 1

    def find(self, kind, name, namespace):
        return copy.deepcopy(self.there.get(f"{namespace}/{name}"))

    def apply(self, one, kind, dry_run=False):
        name = one["metadata"]["name"]
        if name in self.refuses:
            raise client.Refused(f"{name} is invalid", "Correct the field.", 422)
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
    monkeypatch.setattr(client, "require_own_cluster", server.require_own_cluster)
    monkeypatch.setattr(client, "find", server.find)
    monkeypatch.setattr(client, "invalidate_discovery", lambda: None)
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
    monkeypatch.setattr(client, "find", lambda *_: before)
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
    with pytest.raises(AcplabError, match="no resource type Typo"):
        kube.apply(f"{ONE}---\napiVersion: v1\nkind: Typo\nmetadata: {{name: two}}\n")
    assert server.written == []


def test_a_foreign_cluster_is_asked_nothing_but_its_nodes(server, monkeypatch):
    def refuse() -> None:
        raise AcplabError("This is not a cluster of acplab", "")

    monkeypatch.setattr(client, "require_own_cluster", refuse)
    with pytest.raises(AcplabError, match="not a cluster of acplab"):
        kube.apply(ONE)
    assert server.written == []


def test_an_object_that_was_got_is_applied_without_what_the_server_wrote(server, monkeypatch):
    """kube.get, change, kube.apply: as with kubectl, but for managedFields, which the server refuses."""
    got = config("one", a="2") | {"status": {"phase": "x"}}
    got["metadata"] |= {"managedFields": [{"manager": "kubectl"}], "resourceVersion": "1", "uid": "u", "generation": 4,
                        "creationTimestamp": "2026-11-24T07:49:23Z", "labels": {"app": "x"}}  # fmt: skip
    sent = []
    monkeypatch.setattr(kube, "_server_side_apply", lambda one, kind, dry_run=False: sent.append(one) or one)
    kube.apply([got])
    assert sent[-1] == config("one", a="2") | {
        "metadata": {"name": "one", "namespace": "default", "labels": {"app": "x"}}
    }


def ingress(**annotations: str) -> dict:
    metadata = {"name": "shop", "annotations": {key.replace("__", "/"): text for key, text in annotations.items()}}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata}


@pytest.mark.parametrize(
    ("annotation", "word"),
    [
        ("nginx.ingress.kubernetes.io/service-weight", "not read here"),
        ("nginx.ingress.kubernetes.io/service-match", "not read here"),
        ("nginx.ingress.kubernetes.io/mirror-target", "not read here"),
        ("nginx.ingress.kubernetes.io/limit-whitelist", "not read here"),
        ("nginx.ingress.kubernetes.io/affinity-canary-behavior", "not read here"),
        ("nginx.ingress.kubernetes.io/canary-wieght", "not read here"),
        ("alb.ingress.kubernetes.io/canary", "not read here"),
        ("mse.ingress.kubernetes.io/service-subset", "not read here"),
        ("nginx.ingress.kubernetes.io/configuration-snippet", "skips an Ingress"),
        ("nginx.ingress.kubernetes.io/server-snippet", "skips an Ingress"),
    ],
)
def test_an_annotation_that_the_controller_here_does_not_read_is_named(server, annotation, word):
    (done,) = kube.apply([ingress(**{annotation: "x", "nginx.ingress.kubernetes.io/canary": "true"})])
    assert word in done.note
    assert annotation in done.note
    assert repr(done) == f"ingress/shop created ({done.note})"


@pytest.mark.parametrize(
    "annotation",
    ["nginx.ingress.kubernetes.io/canary-weight", "nginx.ingress.kubernetes.io/session-cookie-name",
     "kubernetes.io/ingress.class", "example.com/owner", "kubectl.kubernetes.io/last-applied-configuration"],
)  # fmt: skip
def test_other_annotations_are_no_matter(server, annotation):
    (done,) = kube.apply([ingress(**{annotation: "x"})])
    assert (done.note, repr(done)) == ("", "ingress/shop created")


def test_the_annotations_of_an_slb_are_named_at_a_service(server):
    key = "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-address-type"
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "shop", "annotations": {key: "intranet"}}}
    assert kube.apply(service)[0].note == f"not read here: {key}"


# --- arguments ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: kube.get(None, "x"), "kind is None"),
        (lambda: kube.get(None), "missing a required argument: 'name'"),
        (lambda: kube.get("pod", ""), "name is ''"),
        (lambda: kube.get("pod", None), "name is None"),
        (lambda: kube.get("pod", "x", ""), "namespace is ''"),
        (lambda: kube.list("pod", 5), "namespace is 5"),
        (lambda: kube.list("pod", selector={"app": "x"}), "selector is {'app': 'x'}"),
        (lambda: kube.scale("shop", "3"), "replicas is '3'"),
        (lambda: kube.scale("shop", True), "replicas is True"),
        (lambda: kube.scale("shop", -1), "replicas is -1"),
        (lambda: kube.patch("deployment", "shop", "spec"), "patch is 'spec'"),
        (lambda: kube.delete("pod", "x", grace="0"), "grace is '0'"),
        (lambda: kube.delete("pod"), "missing a required argument: 'name'"),
        (lambda: kube.events("pod", name_="x"), "missing a required argument"),
        (lambda: facade.wait("pod", "x", timeout="1"), "timeout is '1'"),
        (lambda: facade.wait("pod", "x", timeout=None), "timeout is None"),
        (lambda: facade.exec("pod", "storefront get http://shop/"), "command is 'storefront get http://shop/'"),
        (lambda: facade.exec("pod", []), "command is []"),
        (lambda: facade.exec("pod", ["sleep", 5]), "command is ['sleep', 5]"),
        (lambda: facade.exec(None, ["ls"]), "pod is None"),
        (lambda: facade.logs("pod", tail="5"), "tail is '5'"),
    ],
)
def test_an_argument_of_the_wrong_type_is_a_sentence_and_asks_no_cluster(monkeypatch, call, word):
    monkeypatch.setattr(client, "client", lambda: pytest.fail("asked the cluster"))
    with pytest.raises(AcplabError) as told:
        call()
    assert word in told.value.sentence
    assert told.value.sentence.startswith("kube.")
    assert told.value.remedy.startswith(("It must be ", "Write: kube."))


def test_a_slip_names_the_verb_and_its_shape():
    with pytest.raises(AcplabError) as told:
        kube.scale("shop")
    assert told.value.sentence == "kube.scale: missing a required argument: 'replicas'."
    assert told.value.remedy == "Write: kube.scale(deployment, replicas, namespace); help(kube.scale) tells the rest."


def test_nothing_to_apply_is_nothing_done(server):
    assert kube.apply([]) == []
    assert server.written == []


def test_a_pod_that_comes_before_its_namespaces_service_account_is_tried_again(monkeypatch):
    pod = {"kind": "Pod", "metadata": {"name": "shop", "namespace": "shop"}}
    answers = [client.Refused('pods "shop" is forbidden: error looking up service account shop/default', "", 403)] * 2

    def server_side_apply(*_arguments, **_options):
        if answers:
            raise answers.pop()
        return SimpleNamespace(to_dict=lambda: pod)

    monkeypatch.setattr(client, "client", lambda: SimpleNamespace(server_side_apply=server_side_apply))
    assert kube._server_side_apply(pod, SimpleNamespace(kind="Pod")) == pod
    assert answers == []
