"""Which kubectl lines are shown, to whom, and what they say."""

from __future__ import annotations

import builtins
import sys
from types import SimpleNamespace

import pytest
from acplab import kube
from acplab.base.errors import AcplabError
from acplab.kube import client, containers, contexts, kubectl, showing, verbs, waiting

pytestmark = pytest.mark.usefixtures("folders")
CLUSTER_WIDE = ("node", "namespace")


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch):
    """Kinds are known, and the cluster in use is `small`; calls themselves fail."""
    kinds = {"deploy": "Deployment", "httproute": "HTTPRoute", "persistentvolumeclaim": "PersistentVolumeClaim"}

    def resource(kind, api_version=None):
        known = kinds.get(kind, kind.capitalize())
        if known == "Nodemetrics":
            return SimpleNamespace(kind="NodeMetrics", name="nodes", group="metrics.k8s.io", namespaced=False)
        return SimpleNamespace(kind=known, name=f"{known.lower()}s", namespaced=kind.lower() not in CLUSTER_WIDE)

    def nothing(*_):
        raise AcplabError("There is no cluster yet.", "Run ./acplab start.")

    monkeypatch.setattr(kubectl, "resource", resource)
    for module in (verbs, containers, waiting):
        monkeypatch.setattr(module, "resource", nothing, raising=False)
    monkeypatch.setattr(client, "client", nothing)
    monkeypatch.setattr(client, "current", lambda: client.kubeconfig("small"))


class Kernel:
    """IPython's shell, as far as it matters here; shown: what the notebook got to see."""

    def __init__(self, monkeypatch) -> None:
        self.kernel, self.execution_count, self.shown = object(), 1, []
        display = SimpleNamespace(publish_display_data=lambda data: self.shown.append(data))
        monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: self))
        monkeypatch.setitem(sys.modules, "IPython.display", display)

    def run(self, code: str, name: str = "__main__") -> builtins.list[str]:
        """The lines that a cell shows."""
        self.shown.clear()
        self.execution_count += 1
        space = {"__name__": name, "kube": kube, "AcplabError": AcplabError}
        body = "\n".join(f"    {line}" for line in code.splitlines())
        exec(f"try:\n{body}\nexcept AcplabError:\n    pass\n", space)
        return [one["text/plain"] for one in self.shown]


@pytest.fixture
def kernel(monkeypatch) -> Kernel:
    monkeypatch.setattr(showing, "_wanted", None)
    monkeypatch.setattr(showing, "_chapter_is_open", True)
    monkeypatch.setattr(showing, "_shown", (0, set()))
    return Kernel(monkeypatch)


GET = 'kube.get("deploy", "shop", "ch-00-welcome")'


def test_a_cell_of_an_open_chapter_shows_the_line(kernel):
    assert kernel.run(GET) == ["$ kubectl get deployment shop -n ch-00-welcome"]


def test_the_line_is_dimmed_escaped_and_copied_without_its_prompt(kernel):
    kernel.run('kube.list("pod", "x", "app in (<b>)")')
    html = kernel.shown[0]["text/html"]
    assert "&lt;b&gt;" in html
    assert "--jp-content-font-color2" in html
    assert '<span style="user-select: none">$ </span>kubectl' in html


def test_a_loop_shows_a_line_once_a_cell(kernel):
    assert len(kernel.run(f"for _ in range(5):\n    try: {GET}\n    except AcplabError: pass")) == 1
    assert len(kernel.run(GET)) == 1


def test_what_helpers_ask_is_not_shown(kernel):
    assert kernel.run(GET, name="acplab.course.chapter") == []


def test_a_call_through_a_decorator_of_ours_still_stands_in_the_cell(kernel):
    """As in cluster.find("pair").kube.get(...)."""
    wrapper = "def spoken(*words):\n    return kube.get(*words)\n"
    space = {"__name__": "acplab.kube.bound", "kube": kube}
    exec(wrapper, space)
    sys.modules["__main__"].__dict__["spoken"] = space["spoken"]
    assert len(kernel.run('import __main__\n__main__.spoken("deploy", "shop")')) == 1


def test_elsewhere_it_is_quiet(kernel, monkeypatch, capsys):
    monkeypatch.setattr(showing, "_chapter_is_open", False)
    assert kernel.run(GET) == []
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
    monkeypatch.setattr(showing, "_chapter_is_open", True)
    assert kernel.run(GET) == []
    assert capsys.readouterr() == ("", "")


def test_the_switch_wins_both_ways(kernel, monkeypatch):
    kube.show_commands(False)
    assert kernel.run(GET) == []
    monkeypatch.setattr(showing, "_chapter_is_open", False)
    kube.show_commands(True)
    assert len(kernel.run(GET)) == 1
    kube.show_commands(None)
    assert kernel.run(GET) == []


def test_a_script_that_wants_them_gets_them_on_stderr(kernel, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
    kube.show_commands()
    kernel.run(GET)
    assert capsys.readouterr() == ("", "$ kubectl get deployment shop -n ch-00-welcome\n")


def test_a_line_that_cannot_be_made_is_left_to_the_call(kernel):
    assert kernel.run('kube.apply("no/such/file.yaml")') == []


def test_a_slip_shows_no_line(kernel):
    assert kernel.run('kube.get("deploy", "")') == []


# --- what they say ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        (lambda: kubectl.get("node", "one"), "get node one"),
        (lambda: kubectl.get("pod", "x"), "get pod x -n default"),
        (lambda: kubectl.list("nodemetrics"), "get nodes.metrics.k8s.io"),
        (lambda: kubectl.list("pod", "*"), "get pod -A"),
        (lambda: kubectl.list("pod", "s", "app=shop"), "get pod -n s -l app=shop"),
        (lambda: kubectl.find("pod", "x", "s"), "get pod x -n s --ignore-not-found"),
        (lambda: kubectl.exists("pod", "x", "s"), "get pod x -n s --ignore-not-found -o name"),
        (lambda: kubectl.delete("pod", "x", "s"), "delete pod x -n s --ignore-not-found"),
        (
            lambda: kubectl.delete("pod", "x", "s", wait=False, grace=0),
            "delete pod x -n s --ignore-not-found --grace-period=0 --force --wait=false",
        ),
        (lambda: kubectl.delete("pod", "x", "s", grace=5), "delete pod x -n s --ignore-not-found --grace-period=5"),
        (
            lambda: kubectl.patch("deploy", "shop", {"spec": {"replicas": 2}}, "s"),
            """patch deployment shop -n s --type merge -p '{"spec": {"replicas": 2}}'""",
        ),
        (lambda: kubectl.scale("shop", 3, "s"), "scale deployment shop -n s --replicas=3"),
        (lambda: kubectl.pause("shop", "s"), "rollout pause deployment shop -n s"),
        (lambda: kubectl.resume("shop", "s"), "rollout resume deployment shop -n s"),
        (lambda: kubectl.undo("shop", "s"), "rollout undo deployment shop -n s"),
        (lambda: kubectl.restart("shop", "s"), "rollout restart deployment shop -n s"),
        (
            lambda: kubectl.annotate("pod", "x", "s", **{"a.b/c": "d e", "f": None}),
            "annotate pod x -n s --overwrite 'a.b/c=d e' f-",
        ),
        (lambda: kubectl.label("pod", "x", "s", tier="front"), "label pod x -n s --overwrite tier=front"),
        (lambda: kubectl.wait("deploy", "shop", namespace="s"), "rollout status deployment shop -n s --timeout=90s"),
        (lambda: kubectl.wait("pod", "x", "ready", "s", 5), "wait pod x -n s --for=condition=Ready --timeout=5s"),
        (lambda: kubectl.wait("pod", "x", "deleted", "s"), "wait pod x -n s --for=delete --timeout=90s"),
        (lambda: kubectl.events("pod", "x", "s"), "events --for pod/x -n s"),
        (lambda: kubectl.events("deploy", "shop", "s"), "events -n s"),
        (lambda: kubectl.exec("x", ["storefront", "get", "http://a/?b"], "s"), "exec x -n s -- storefront get 'http://a/?b'"),
        (lambda: kubectl.exec("x", ["ls"], "s", "web"), "exec x -n s -c web -- ls"),
        (lambda: kubectl.logs("x", "s", 5, "web"), "logs x -n s --tail=5 -c web"),
        (lambda: kubectl.api_resources(), "api-resources --verbs=list"),
        (
            lambda: kubectl.apply("manifests/00-welcome/storefront.yaml", "s"),
            "apply --server-side --force-conflicts -f manifests/00-welcome/storefront.yaml -n s",
        ),
    ],
)  # fmt: skip
def test_each_verb_has_its_line(line, wanted):
    assert line() == f"kubectl {wanted}"


def test_of_a_condition_of_ones_own_there_is_no_line():
    assert kubectl.wait("pod", "x", lambda pod: True, "s") is None


CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"字": "it's"}}


def test_objects_are_a_here_document():
    line = kubectl.apply(CONFIG, "s")
    first, *text, last = line.splitlines()
    assert first == "kubectl apply --server-side --force-conflicts -f - -n s <<'EOF'"
    assert last == "EOF"
    assert "  字: it's" in text


def test_filled_values_are_filled_in_the_here_document():
    assert "name: blue" in kubectl.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '${c}'}\n", "s", c="blue")


def test_objects_that_name_their_namespace_get_no_n_and_a_mixture_no_line():
    own = CONFIG | {"metadata": {"name": "y", "namespace": "mine"}}
    assert " -n " not in kubectl.apply([own], "s")
    assert kubectl.apply([CONFIG, own], "s") is None


def test_another_cluster_than_the_one_that_is_open_is_named(monkeypatch):
    monkeypatch.setattr(client, "current", lambda: client.kubeconfig("terway"))
    assert kubectl.get("pod", "x", "s") == "kubectl --context terway get pod x -n s"
    contexts.use_namespace("terway", "s")
    assert kubectl.get("pod", "x", "s") == "kubectl get pod x -n s"


def test_every_verb_that_asks_a_cluster_has_a_line():
    no_verbs = {"MACHINES", "Applied", "Object", "Objects", "read_manifests", "show_commands"}
    lines = {name for name, one in vars(kubectl).items() if getattr(one, "__module__", "") == kubectl.__name__}
    assert set(kube.__all__) - lines == no_verbs


def test_a_key_is_never_on_the_screen():
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, "data": {"tls.key": "c2VjcmV0"}}
    assert kubectl.apply(secret, "s") is None
    assert kubectl.apply([CONFIG, secret], "s") is None


def test_a_patch_of_the_status_says_so():
    line = kubectl.patch("rollout", "shop", {"status": {"abort": True}}, "s", status=True)
    assert "--subresource=status" in line


def test_a_long_here_document_is_folded(kernel):
    kernel.run(
        "kube.apply({'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {'name': 'x'}, 'data': {str(i): '' for i in range(20)}}, 's')"
    )
    assert kernel.shown[0]["text/html"].startswith("<details><summary")
    assert "EOF" in kernel.shown[0]["text/plain"]
