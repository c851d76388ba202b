"""Snapshots without a cluster: whether a file is whole, what comes back and in which order, and what is left behind."""

from __future__ import annotations

import hashlib
import json
import stat
import subprocess
from contextlib import contextmanager
from datetime import UTC, datetime

import fakes
import pytest
from acplab import kube
from acplab.base.errors import AcplabError
from acplab.cluster import etcd, faults, revival, rewind, scratch, snapshots
from acplab.cluster.etcd import Member, Toolbox
from acplab.cluster.handle import Cluster
from acplab.cluster.snapshots import Snapshot
from acplab.host import docker

CONTENT = b"\x01" * 1024
GOOD = CONTENT + hashlib.sha256(CONTENT).digest()
API_SERVER = {
    "spec": {
        "nodeName": "one",
        "containers": [
            {
                "image": "registry.k8s.io/kube-apiserver:v1",
                "command": [
                    "kube-apiserver", "--advertise-address=172.28.0.2", "--client-ca-file=/etc/kubernetes/pki/ca.crt",
                    "--etcd-cafile=/etc/kubernetes/pki/etcd/ca.crt", "--etcd-servers=https://127.0.0.1:2379", "--secure-port=6443",
                ],
                "volumeMounts": [{"name": "k8s-certs", "mountPath": "/etc/kubernetes/pki", "readOnly": True}],
            }
        ],
        "volumes": [{"name": "k8s-certs", "hostPath": {"path": "/etc/kubernetes/pki"}}],
    }
}  # fmt: skip


def thing(kind: str, name: str = "shop", **rest) -> dict:
    metadata = {"name": name, "namespace": "shop", **rest.pop("metadata", {})}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **rest}


@pytest.fixture
def now(monkeypatch):
    """The cluster's kube, a dict; etcd runs on two nodes of it."""
    fake = fakes.FakeCluster()
    for verb in fakes.VERBS:
        monkeypatch.setattr(kube, verb, getattr(fake, verb))
    for node, ready in (("one", "False"), ("two", "True")):
        fake.put(
            "Pod", f"etcd-{node}", "kube-system",
            metadata={"labels": {"component": "etcd"}},
            spec={"nodeName": node, "containers": [{"image": "registry.k8s.io/etcd:3"}]},
            status={"hostIP": f"172.28.0.{len(node)}", "conditions": [{"type": "Ready", "status": ready}]},
        )  # fmt: skip
    return fake


@pytest.fixture
def then(monkeypatch):
    """What the snapshot holds; scratch.api gives it."""
    fake = fakes.FakeCluster()

    @contextmanager
    def api(_cluster, _file):
        yield fake

    monkeypatch.setattr(scratch, "api", api)
    return fake


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    monkeypatch.setenv("ACPLAB_HOME", str(tmp_path))
    made = Cluster("small", "acplab-test-small", "acplab/node:x", {"http": 1}, {"control-plane": "172.28.0.2"})
    made.kubeconfig.parent.mkdir(parents=True)
    return made


@pytest.fixture
def snapshot(tmp_path):
    file = tmp_path / "shop.db"
    file.write_bytes(GOOD)
    return Snapshot(file, datetime(2026, 11, 26, tzinfo=UTC), len(GOOD), 1234, 99)


# --- files -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content", [b"", GOOD[:-1], CONTENT, GOOD[:-512], b"\x02" + GOOD[1:], GOOD[:-32] + b"\x00" * 32]
)
def test_a_file_that_is_not_as_etcd_wrote_it_is_refused(tmp_path, content):
    (tmp_path / "x.db").write_bytes(content)
    with pytest.raises(AcplabError, match=r"x\.db is no whole snapshot"):
        snapshots.require_whole(tmp_path / "x.db")


def test_a_whole_file_is_accepted(snapshot):
    snapshots.require_whole(snapshot.file)


class Box(Toolbox):
    """A toolbox whose file is given."""

    content = GOOD

    def run(self, *command, container=None):
        status = {"hash": 1, "revision": 1234, "totalKey": 99, "totalSize": 1024}
        return json.dumps(status) + "\nnoise\n" if command[0] == "etcdutl" else "1764144000\n"

    def read(self, path, target):
        target.write(self.content)


def test_a_fetched_snapshot_is_for_its_owner_alone(cluster):
    found = snapshots.fetch(Box(cluster, "toolbox", "shop"), "/snapshots/shop.db")
    assert (found.revision, found.keys, found.bytes) == (1234, 99, len(GOOD))
    assert found.taken == datetime(2025, 11, 26, 8, tzinfo=UTC)
    assert stat.S_IMODE(found.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(found.file.parent.stat().st_mode) == 0o700
    assert found.file.parent == cluster.kubeconfig.with_name("snapshots")
    assert "revision 1234, 99 keys" in found.text
    assert snapshots.saved(cluster) == [found]
    assert snapshots.newest(cluster) == found


def test_a_removed_snapshot_leaves_nothing_behind(snapshot):
    note = snapshot.file.with_suffix(".json")
    note.write_text("{}")
    snapshot.remove()
    snapshot.remove()
    assert not snapshot.file.exists()
    assert not note.exists()


def test_a_snapshot_that_breaks_on_its_way_is_not_kept(cluster, monkeypatch):
    monkeypatch.setattr(Box, "content", GOOD[:-1])
    with pytest.raises(AcplabError, match="no whole snapshot"):
        snapshots.fetch(Box(cluster, "toolbox", "shop"), "/snapshots/shop.db")
    assert snapshots.saved(cluster) == []
    with pytest.raises(AcplabError, match="No snapshot of"):
        snapshots.newest(cluster)


# --- a namespace comes back -----------------------------------------------------------------------------------------------


def test_a_namespace_comes_back_without_what_follows_from_others(now, then, cluster, snapshot):
    then.put("Namespace", "shop", metadata={"labels": {"team": "cart"}}, spec={"finalizers": ["kubernetes"]})
    then.put("Deployment", "shop", "shop", apiVersion="apps/v1", spec={"replicas": 3})
    then.put("ConfigMap", "order-1", "shop", apiVersion="v1", data={"item": "tea"})
    then.put("ConfigMap", "order-9", "other", apiVersion="v1")
    then.put("ReplicaSet", "shop-1", "shop", metadata={"ownerReferences": [{"kind": "Deployment"}]})
    then.objects["namespace", "", "shop"]["apiVersion"] = "v1"
    before = dict(now.objects)
    done = snapshots.restore_namespace(cluster, snapshot, "shop")
    assert [(one.kind, one.name) for one in done.objects] == [
        ("Namespace", "shop"), ("ConfigMap", "order-1"), ("Deployment", "shop"),
    ]  # fmt: skip
    assert now.get("deployment", "shop", "shop")["spec"]["replicas"] == 3
    assert now.get("namespace", "shop")["metadata"]["labels"] == {"team": "cart"}
    assert {key: now.objects[key] for key in before} == before
    assert "3 objects of shop are back" in done.text


def test_a_namespace_that_is_there_is_left_alone(now, then, cluster, snapshot):
    now.put("Namespace", "shop")
    with pytest.raises(AcplabError, match="The namespace shop is there") as said:
        snapshots.restore_namespace(cluster, snapshot, "shop")
    assert "kubectl delete namespace shop" in said.value.remedy
    assert not [call for call in now.calls if call.startswith("apply")]


def test_one_that_is_on_its_way_out_is_waited_for(now, then, cluster, snapshot):
    now.put("Namespace", "shop", metadata={"deletionTimestamp": "2026-11-26T08:00:00Z"})
    then.put("Namespace", "shop", apiVersion="v1")
    snapshots.restore_namespace(cluster, snapshot, "shop")
    assert "wait namespace shop deleted" in now.calls


def test_a_namespace_that_the_snapshot_does_not_hold_is_a_sentence(now, then, cluster, snapshot):
    then.put("Namespace", "default")
    with pytest.raises(AcplabError, match="holds no namespace shop") as said:
        snapshots.restore_namespace(cluster, snapshot, "shop")
    assert "default" in said.value.remedy


# --- what comes back of an object --------------------------------------------------------------------------------------------


def test_the_order_is_namespace_configuration_others_workloads():
    kinds = ["Deployment", "Ingress", "Secret", "Pod", "Namespace", "ServiceAccount", "Service"]
    made = revival.again([thing(kind, spec={}) for kind in kinds])
    assert [one["kind"] for one in made] == [
        "Namespace", "ServiceAccount", "Secret", "Service", "Ingress", "Pod", "Deployment",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "one",
    [
        thing("Pod", metadata={"ownerReferences": [{"kind": "ReplicaSet"}]}),
        thing("Pod", status={"phase": "Succeeded"}),
        thing("Job", status={"conditions": [{"type": "Complete", "status": "True"}]}),
        thing("ConfigMap", "kube-root-ca.crt"),
        thing("Secret", type="kubernetes.io/service-account-token"),
        thing("ConfigMap", metadata={"deletionTimestamp": "2026-11-26T08:00:00Z"}),
    ],
)
def test_what_others_bring_back_or_what_was_over_stays_away(one):
    assert revival.again([one]) == []


def test_what_belonged_to_the_lost_objects_is_left_out():
    job_labels = {"controller-uid": "1", "app": "j"}
    kinds = {one["kind"]: one for one in revival.again([
        thing("Service", spec={"clusterIP": "172.21.0.9", "clusterIPs": ["172.21.0.9"], "ports": []}),
        thing("PersistentVolumeClaim", spec={"volumeName": "pvc-1"},
              metadata={"annotations": {"pv.kubernetes.io/bind-completed": "yes", "team": "cart"}}),
        thing("Pod", spec={"nodeName": "two", "containers": []}),
        thing("Deployment", spec={}, metadata={"annotations": {revival.REVISION: "4"}}),
        thing("Job", spec={"selector": {"matchLabels": {"controller-uid": "1"}}, "template": {"metadata": {"labels": job_labels}}}),
    ])}  # fmt: skip
    assert kinds["Service"]["spec"] == {"ports": []}
    assert kinds["PersistentVolumeClaim"]["spec"] == {}
    assert kinds["PersistentVolumeClaim"]["metadata"]["annotations"] == {"team": "cart"}
    assert kinds["Pod"]["spec"] == {"containers": []}
    assert kinds["Deployment"]["metadata"]["annotations"] == {}
    assert kinds["Job"]["spec"] == {"template": {"metadata": {"labels": {"app": "j"}}}}


def test_a_headless_service_stays_headless_and_nothing_given_is_changed():
    given = thing("Service", spec={"clusterIP": "None"})
    assert revival.again([given])[0]["spec"] == {"clusterIP": "None"}
    pinned = thing("Pod", spec={"nodeName": "two"})
    revival.again([pinned])
    assert pinned["spec"] == {"nodeName": "two"}


# --- Pods ----------------------------------------------------------------------------------------------------------------


def test_the_scratch_api_server_has_the_clusters_flags_on_an_etcd_of_its_own():
    command = scratch.api_command(API_SERVER["spec"]["containers"][0]["command"])
    assert command == [
        "kube-apiserver", "--advertise-address=172.28.0.2", "--client-ca-file=/etc/kubernetes/pki/ca.crt",
        "--etcd-servers=http://127.0.0.1:2379", "--bind-address=127.0.0.1", "--secure-port=6443", "--endpoint-reconciler-type=none",
    ]  # fmt: skip


def test_the_scratch_pod_is_in_a_network_of_its_own_and_each_mount_has_its_volume():
    made = scratch.manifest("x", Member("one", "172.28.0.2", "registry.k8s.io/etcd:3", True), API_SERVER)["spec"]
    names = [one["name"] for one in made["volumes"]]
    assert not made["hostNetwork"]
    assert len(names) == len(set(names))
    for one in (*made["containers"], *made["initContainers"]):
        assert {mount["name"] for mount in one["volumeMounts"]} <= set(names)
    assert all(mount.get("readOnly") for mount in made["containers"][1]["volumeMounts"])


def test_a_toolbox_is_started_once_on_a_member_that_is_ready(now, cluster):
    now.put("Namespace", "shop")
    box = etcd.toolbox(cluster, "shop")
    assert etcd.toolbox(cluster, "shop") == box
    assert [call for call in now.calls if call.startswith("apply")] == ["apply toolbox"]
    assert now.get("pod", "toolbox", "shop")["spec"]["nodeSelector"] == {"kubernetes.io/hostname": "two"}
    assert repr(box) == "kubectl exec -n shop toolbox -- etcdctl"


def test_a_toolbox_can_be_had_on_a_member_that_is_not_ready(now, cluster):
    assert etcd.ready_member(cluster, "one").node == "one"
    with pytest.raises(AcplabError, match="three runs no member") as said:
        etcd.ready_member(cluster, "three")
    assert "one, two" in said.value.remedy


def test_a_borrowed_toolbox_is_gone_also_after_an_error(now, cluster):
    with pytest.raises(ValueError, match="x"), etcd.borrowed(cluster) as box:
        assert now.exists("pod", box.name, "kube-system")
        raise ValueError("x")
    assert not now.exists("pod", box.name, "kube-system")


def test_the_forwarded_port_is_read_and_its_absence_is_a_sentence(monkeypatch):
    class Forward:
        def __init__(self, *lines):
            self.stdout = iter(lines)

    assert scratch._port(Forward("Forwarding from 127.0.0.1:40001 -> 6443\n")) == 40001
    with pytest.raises(AcplabError, match="has not opened a port: error: no such pod"):
        scratch._port(Forward("error: no such pod\n"))


# --- the whole cluster --------------------------------------------------------------------------------------------------------


def test_each_member_is_taken_back_with_the_same_list_of_members():
    two = [Member("one", "172.28.0.2", "etcd:3", True), Member("two", "172.28.0.3", "etcd:3", True)]
    made = rewind.manifest("x", two[1], two, "token")["spec"]
    told = {one["name"]: one["value"] for one in made["containers"][0]["env"]}
    assert told["MEMBERS"] == "one=https://172.28.0.2:2380,two=https://172.28.0.3:2380"
    assert (told["NAME"], told["PEER"], told["TOKEN"]) == ("two", "https://172.28.0.3:2380", "token")
    assert {mount["name"] for mount in made["containers"][0]["volumeMounts"]} <= {
        one["name"] for one in made["volumes"]
    }


SIMULATED = """
etcdutl() { [ "$MADE" = yes ] || return 1; mkdir -p $data/acplab-made/member; echo new > $data/acplab-made/member/db; }
pgrep() { return 1; }
curl() { [ "$(cat $data/member/db)" = "$GOOD" ]; }
seq() { echo 1 2; }
sleep() { :; }
"""


@pytest.mark.parametrize(("made", "good", "db"), [("yes", "new", "new"), ("yes", "old", "old"), ("no", "old", "old")])
def test_the_script_swaps_the_data_and_swaps_back_if_the_api_server_does_not_come_up(tmp_path, made, good, db):
    """Its own text, on folders of this test and with programs that do nothing."""
    for folder in ("etcd/member", "kubernetes/manifests", "snapshots"):
        (tmp_path / folder).mkdir(parents=True)
    for file, text in {
        "etcd/member/db": "old", "kubernetes/manifests/etcd.yaml": "e", "kubernetes/manifests/kube-apiserver.yaml": "a",
        "snapshots/snapshot.db": "", "snapshots/go": "0",
    }.items():  # fmt: skip
        (tmp_path / file).write_text(text)
    head, rest = rewind.SCRIPT.split("off() ", 1)
    script = (
        (head + SIMULATED + "off() " + rest)
        .replace("/node/", f"{tmp_path}/")
        .replace("/snapshots/", f"{tmp_path}/snapshots/")
    )
    env = {
        "PATH": "/usr/bin:/bin",
        "MADE": made,
        "GOOD": good,
        **dict.fromkeys(("NAME", "MEMBERS", "TOKEN", "PEER"), "x"),
    }
    subprocess.run(["sh", "-c", script], env=env, timeout=20, check=made == "yes")
    assert (tmp_path / "etcd/member/db").read_text().strip() == db
    assert sorted(file.name for file in (tmp_path / "kubernetes/manifests").iterdir()) == [
        "etcd.yaml",
        "kube-apiserver.yaml",
    ]
    assert [file.name for file in (tmp_path / "etcd").iterdir()] == ["member"]


def test_none_begins_if_one_cannot_be_told(now, cluster):
    told = []

    class Mute(Box):
        def run(self, *command, container=None):
            told.append((self.name, command[0]))
            if (self.name, command[0]) == ("b", "sh"):
                raise AcplabError("The API server does not answer.", "")
            return ""

    with pytest.raises(AcplabError):
        rewind._start([Mute(cluster, name, "kube-system") for name in "ab"])
    assert told == [("a", "sh"), ("b", "sh"), ("a", "rm"), ("b", "rm")]


@pytest.mark.parametrize(
    ("metrics", "role"),
    [
        ("etcd_server_has_leader 1\netcd_server_is_leader 1\n", "leader"),
        ("etcd_server_has_leader 1\netcd_server_is_leader 0\n", "follower"),
        ("etcd_server_has_leader 0\netcd_server_is_leader 0\n", "no leader"),
        (None, "no answer"),
    ],
)
def test_each_member_says_its_role(monkeypatch, cluster, metrics, role):
    def run(*_words, timeout):
        if metrics is None:
            raise AcplabError("docker exec failed.", "")
        return metrics

    monkeypatch.setattr(docker, "run", run)
    cluster.addresses = {"c-control-plane": "1", "c-control-plane2": "2", "c-worker": "3"}
    assert etcd.roles(cluster) == {"c-control-plane": role, "c-control-plane2": role}


def test_a_command_runs_on_a_node_of_the_cluster_alone(monkeypatch, cluster):
    monkeypatch.setattr(etcd.ownership, "require_own", lambda _name: None)
    monkeypatch.setattr(docker, "run", lambda *words, timeout: " ".join(words))
    assert etcd.on_node(cluster, "control-plane", "ls") == "exec control-plane ls"
    with pytest.raises(AcplabError, match="has no node other") as said:
        etcd.on_node(cluster, "other", "ls")
    assert "control-plane" in said.value.remedy


@pytest.mark.parametrize(("said", "ready"), [("ok", True), ("", False)])
def test_an_api_server_is_asked_on_its_own_machine(monkeypatch, cluster, said, ready):
    monkeypatch.setattr(docker, "run", lambda *_words, timeout: said)
    assert etcd.api_servers(cluster) == {"control-plane": ready}


def test_a_control_plane_is_whole_when_all_answer_and_one_leads(monkeypatch, cluster):
    monkeypatch.setattr(etcd, "api_servers", lambda _cluster: {"a": True, "b": serves[0]})
    monkeypatch.setattr(etcd, "roles", lambda _cluster: {"a": "leader", "b": role[0]})
    role, serves = ["follower"], [True]
    assert etcd.wait_whole(cluster, 0.1) == {"a": "leader", "b": "follower"}
    serves[0] = False
    with pytest.raises(AcplabError, match="No API server is ready on b"):
        etcd.wait_whole(cluster, 0.1)
    role[0] = "no answer"
    with pytest.raises(AcplabError, match="etcd is not whole: a: leader, b: no answer"):
        etcd.wait_whole(cluster, 0.1)


def test_restarted_control_planes_get_back_what_was_put_aside(monkeypatch):
    scripts = []
    monkeypatch.setattr(faults, "_shell", lambda node, script: scripts.append((node, script)))
    faults.put_back(["c-control-plane2", "c-worker"])
    ((node, script),) = scripts
    assert node == "c-control-plane2"
    assert faults.ASIDE in script
    assert faults.MANIFESTS in script


def test_a_cluster_is_back_when_it_does_not_know_of_the_pods_that_took_it_back(now, cluster):
    box = Toolbox(cluster, "acplab-rewind-0", "kube-system")
    now.put("Pod", box.name, box.namespace)
    with pytest.raises(AcplabError, match="is not back at its snapshot") as said:
        rewind._require_back(cluster, box)
    assert "kubectl logs -n kube-system acplab-rewind-0" in said.value.remedy
    now.delete("pod", box.name, box.namespace)
    rewind._require_back(cluster, box)


def test_the_toolbox_that_took_the_snapshot_does_not_stay(now, cluster):
    with etcd.borrowed(cluster):
        etcd.toolbox(cluster, "kube-system")
        rewind._tidy(cluster)
        assert [name for name in now.names("pod") if "toolbox" in name] == ["toolbox"]
