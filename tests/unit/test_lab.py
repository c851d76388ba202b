"""Labs and chapters on a fake cluster: beginning, going on, starting over, ending, and everything that may go wrong."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import threading

import pytest
from acplab.base import locks
from acplab.base.errors import AcplabError
from acplab.course import chapter as chapters
from acplab.course import files as workfiles
from acplab.course import lab as labs
from acplab.course import namespaces
from acplab.course import spec as labfiles
from acplab.course import store as record
from acplab.kube import client as connection
from fakes import LAB_YAML, SHOP, World, build

GROWN = SHOP.replace("replicas: 1", "replicas: 3")
NAMESPACE = ("namespace", "", "lab-01-shop")


@pytest.fixture
def world(tmp_path, monkeypatch) -> World:
    return build(tmp_path, monkeypatch)


def quiet(_sentence: str) -> None:
    pass


def started(lab_id: str = "01-shop") -> labs.Lab:
    return labs.start(lab_id, say=quiet)


# --- starting -------------------------------------------------------------------------------------------


def test_start_sets_up_and_hands_out(world, capsys):
    lesson = labs.start("01-shop")
    assert world.kube.objects[NAMESPACE]["metadata"]["labels"] == {"acplab.dev/lab": "01-shop"}
    assert ("configmap", "lab-01-shop", "stock") in world.kube.objects
    assert (lesson.work / "shop.yaml").read_text() == SHOP
    assert "0 of 2 tasks are done" in capsys.readouterr().out


def test_start_again_goes_on_and_touches_nothing(world):
    lesson = started()
    lesson.apply(GROWN)
    (lesson.work / "shop.yaml").write_text("mine")
    before = dict(world.kube.objects)
    said: list[str] = []
    again = labs.start("01-shop", say=said.append)
    assert world.kube.objects == before
    assert (again.work / "shop.yaml").read_text() == "mine"
    assert "goes on" in said[0]


def test_start_waits_for_what_setup_deploys(world):
    world.write("labs/01-shop/setup/old.yaml", SHOP)
    started()
    assert "wait Deployment shop ready" in world.kube.calls


def test_start_does_not_wait_for_what_is_broken_on_purpose(world):
    world.write("labs/01-shop/setup/old.yaml", SHOP)
    world.write("labs/01-shop/lab.yaml", LAB_YAML + "ready: []\n")
    started()
    assert not [call for call in world.kube.calls if call.startswith("wait")]


@pytest.mark.parametrize("broken", ["apply", "wait", "patch"])
@pytest.mark.parametrize("error", [AcplabError("no image", "pull it"), KeyboardInterrupt()])
def test_a_start_that_fails_leaves_nothing(world, broken, error):
    world.write("labs/01-shop/setup/old.yaml", SHOP)
    world.kube.broken[broken] = error
    with pytest.raises(type(error)):
        started()
    assert not world.kube.objects
    assert not (world.lab / "work").exists()
    world.kube.broken.clear()
    assert started().check("open").lab_id == "01-shop"


def test_a_start_that_was_killed_half_way_is_done_again(world):
    started()
    del world.kube.objects[NAMESPACE]["metadata"]["annotations"]
    del world.kube.objects["configmap", "lab-01-shop", "stock"]
    with pytest.raises(AcplabError, match="not in the cluster now"):
        labs.check("01-shop")
    started()
    assert ("configmap", "lab-01-shop", "stock") in world.kube.objects


def test_a_namespace_that_is_going_away_is_waited_for(world):
    world.kube.put(
        "Namespace", "lab-01-shop",
        metadata={"labels": {"acplab.dev/lab": "01-shop"}, "deletionTimestamp": "now", "annotations": {namespaces.READY: "true"}},
    )  # fmt: skip
    started()
    assert "wait namespace lab-01-shop deleted" in world.kube.calls


def test_a_namespace_that_does_not_go_is_touched_so_that_its_controller_looks_again(world):
    """After a drain the API of the metrics is away for a moment, and the controller would wait for minutes."""
    labels = {"acplab.dev/lab": "01-shop"}
    world.kube.put("Namespace", "lab-01-shop", metadata={"labels": labels, "deletionTimestamp": "now"})
    world.kube.broken["wait"] = AcplabError("not deleted within 15 s", "")
    with pytest.raises(AcplabError, match="not deleted within"):
        started()
    assert world.kube.calls.count("patch namespace lab-01-shop") > 1


def test_a_namespace_that_goes_while_it_is_touched_is_no_fault(world):
    labels = {"acplab.dev/lab": "01-shop"}
    world.kube.put("Namespace", "lab-01-shop", metadata={"labels": labels, "deletionTimestamp": "now"})
    world.kube.broken["wait"] = AcplabError("not deleted within 15 s", "")
    world.kube.broken["patch"] = connection.Refused("namespaces not found", "", 404)
    with pytest.raises(AcplabError, match="not deleted within"):
        started()


# --- one clear sentence ----------------------------------------------------------------------------------


@pytest.mark.parametrize("labels", [None, {}, {"acplab.dev/lab": "another"}])
@pytest.mark.parametrize("act", ["start", "check", "hint", "reset", "finish", "apply"])
def test_a_namespace_that_is_not_ours_is_never_touched(world, labels, act):
    world.kube.put("Namespace", "lab-01-shop", metadata={"labels": labels})
    world.kube.put("Pod", "precious", "lab-01-shop")
    before = dict(world.kube.objects)
    acts = {"start": started, "apply": lambda: labs.find("01-shop").apply("shop.yaml")}
    with pytest.raises(AcplabError, match="not ours") as caught:
        (acts.get(act) or (lambda: getattr(labs, act)("01-shop")))()
    assert "Nothing was touched" in caught.value.remedy
    assert world.kube.objects == before
    assert not (world.lab / "work").exists()


@pytest.mark.parametrize("act", ["check", "hint"])
def test_before_the_start(world, act):
    with pytest.raises(AcplabError, match="has not been started") as caught:
        getattr(labs, act)("01-shop")
    assert 'labs.start("01-shop")' in caught.value.remedy
    assert not world.kube.objects


def test_after_the_finish(world):
    started().finish(quiet)
    with pytest.raises(AcplabError, match="not in the cluster now"):
        labs.check("01-shop")


def test_without_a_cluster(world):
    world.kube.up = False
    for act in (started, lambda: labs.check("01-shop"), lambda: labs.finish("01-shop")):
        with pytest.raises(AcplabError, match="no cluster"):
            act()
    assert not (world.lab / "work").exists()


def test_unknown_names_come_with_the_near_ones(world):
    with pytest.raises(AcplabError) as lab:
        labs.start("01-shpo")
    assert "01-shop" in lab.value.remedy
    with pytest.raises(AcplabError) as task:
        started().check("opne")
    assert "open" in task.value.remedy
    with pytest.raises(AcplabError) as chapter:
        chapters.open("00-wellcome")
    assert "00-welcome" in chapter.value.remedy


def test_a_file_that_is_not_there(world):
    with pytest.raises(AcplabError) as caught:
        started().apply("shpo.yaml")
    assert "shop.yaml" in caught.value.remedy


def test_a_file_outside_the_lab(world):
    world.write("labs/secret.yaml", SHOP)
    with pytest.raises(AcplabError, match="no file"):
        started().apply("../secret.yaml")


def test_a_manifest_for_another_namespace_is_refused_whole(world):
    lesson = started()
    before = dict(world.kube.objects)
    with pytest.raises(AcplabError, match="names the namespace kube-system"):
        lesson.apply(SHOP + "---\n" + SHOP.replace("{name: shop}", "{name: shop, namespace: kube-system}"))
    assert world.kube.objects == before


def hold(home: str, ready, release) -> None:
    os.environ["ACPLAB_HOME"] = home
    with locks.operation_lock("01-shop", "resetting it"):
        ready.set()
        release.wait(30)


def test_two_terminals_at_once(world):
    started()
    before = dict(world.kube.objects)
    spawn = multiprocessing.get_context("spawn")
    ready, release = spawn.Event(), spawn.Event()
    other = spawn.Process(target=hold, args=(str(world.home), ready, release))
    other.start()
    try:
        assert ready.wait(30)
        for act in (
            started,
            *(lambda act=act: getattr(labs, act)("01-shop") for act in ("check", "hint", "reset", "finish")),
        ):
            with pytest.raises(AcplabError, match=rf"process {other.pid}\) is resetting it since \d") as caught:
                act()
            assert "nothing was changed" in caught.value.remedy
    finally:
        release.set()
        other.join(30)
    assert world.kube.objects == before
    assert labs.check("01-shop").task_id == "open"


def test_a_terminal_that_died_holds_nothing(world):
    started()
    spawn = multiprocessing.get_context("spawn")
    ready, release = spawn.Event(), spawn.Event()
    other = spawn.Process(target=hold, args=(str(world.home), ready, release))
    other.start()
    assert ready.wait(30)
    other.kill()
    other.join(30)
    assert labs.check("01-shop").task_id == "open"


def test_two_threads_of_one_program(world):
    inside, leave = threading.Event(), threading.Event()

    def work() -> None:
        with locks.operation_lock("01-shop", "checking it"):
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=work)
    thread.start()
    assert inside.wait(10)
    with pytest.raises(AcplabError, match="checking it"), locks.operation_lock("01-shop", "resetting it"):
        pass
    leave.set()
    thread.join()


def test_the_turn_ends_with_an_error_too(world):
    with pytest.raises(RuntimeError), locks.operation_lock("01-shop", "x"):
        raise RuntimeError
    with locks.operation_lock("01-shop", "y"):
        pass


def test_who_held_the_turn_is_forgotten(world):
    with locks.operation_lock("01-shop", "y"):
        assert (world.home / "locks" / "01-shop.holder").exists()
    assert not (world.home / "locks" / "01-shop.holder").exists()


# --- checking, hints, progress ---------------------------------------------------------------------------


def test_red_then_green_then_green_again(world):
    lesson = started()
    red = lesson.check("open")
    assert not red.passed
    lesson.apply("shop.yaml")
    assert lesson.check("open").passed
    assert lesson.check("open").passed


def test_a_check_never_writes(world):
    lesson = started()
    world.kube.calls.clear()
    lesson.check("open")
    lesson.hint("open")
    assert {call.split()[0] for call in world.kube.calls} == {"get", "list"}


def test_check_without_a_task_takes_the_next_one(world):
    lesson = started()
    assert lesson.check().task_id == "open"
    lesson.apply("shop.yaml")
    report = lesson.check()
    assert report.next == "Next: grow: Grow the shop"
    assert lesson.check().task_id == "grow"
    lesson.apply("solution/grown.yaml")
    assert "All 2 tasks are done" in lesson.check().next
    assert lesson.check().task_id == "grow"


def test_progress_outlives_the_kernel_and_a_later_red(world):
    lesson = started()
    lesson.apply("shop.yaml")
    lesson.check("open")
    world.kube.delete("deployment", "shop", "lab-01-shop")
    assert not lesson.check("open").passed
    fresh = started()
    assert "[x] 1 open" in fresh.progress()
    assert "<- next" in fresh.progress().splitlines()[2]
    world.kube.up = False
    assert labs.overview() == [("01-shop", "1 of 2 tasks are done")]


def test_progress_outlives_the_cluster(world):
    lesson = started()
    lesson.apply("shop.yaml")
    lesson.check("open")
    world.kube.objects.clear()
    said: list[str] = []
    labs.start("01-shop", say=said.append)
    assert "set up again" in said[0]
    assert "1 of 2" in said[-1]


def test_hints_have_two_tiers_and_come_from_the_state(world):
    lesson = started()
    assert lesson.hint("open").text == "0 Deployments are here."
    lesson.apply("shop.yaml")
    assert started().hint("open").text == "Look at the kind in your file."
    assert lesson.hint("open").tier == 2
    assert lesson.hint("grow").tier == 1


def test_notes_of_the_start_and_of_the_learner(world):
    lesson = started()
    lesson.note("guess", 20)
    assert record.notes("01-shop") == {"pods": 0, "guess": 20}


def test_a_damaged_progress_file_is_said_and_kept(world):
    lesson = started()
    record.file().write_bytes(b"not a database at all" * 100)
    with pytest.raises(AcplabError, match=r"progress\.sqlite3"):
        lesson.progress()
    assert record.file().read_bytes().startswith(b"not a database")


def test_attempts_are_counted(world):
    lesson = started()
    lesson.check("open")
    lesson.check("open")
    lesson.reset(quiet)
    assert record.attempts("01-shop", "open") == 2
    with sqlite3.connect(record.file()) as db:
        assert db.execute("select distinct passed from attempt").fetchall() == [(0,)]


# --- starting over and ending -----------------------------------------------------------------------------


def test_reset_starts_over_and_keeps_the_files(world):
    lesson = started()
    (lesson.work / "shop.yaml").write_text(GROWN)
    (lesson.work / "mine.yaml").write_text("mine")
    lesson.apply("shop.yaml")
    lesson.check("open")
    said: list[str] = []
    lesson.reset(said.append)
    assert ("deployment", "lab-01-shop", "shop") not in world.kube.objects
    assert ("configmap", "lab-01-shop", "stock") in world.kube.objects
    assert (lesson.work / "shop.yaml").read_text() == SHOP
    shelf = next(lesson.work.glob("old-*"))
    assert sorted(file.name for file in shelf.iterdir()) == ["mine.yaml", "shop.yaml"]
    assert (shelf / "shop.yaml").read_text() == GROWN
    assert not lesson.done()
    assert lesson.hint("open").tier == 1
    assert str(shelf) in "\n".join(said)
    assert "1 x deployment" in "\n".join(said)


def test_reset_by_id_gives_back_the_last_sentence(world, capsys):
    started()
    assert labs.reset("01-shop") == "The lab 01-shop is as it was at the start."
    assert capsys.readouterr().out.startswith("Resetting 01-shop")


def test_resets_in_the_same_second_keep_both(world):
    lesson = started()
    for text in ("first", "second"):
        (lesson.work / "mine.yaml").write_text(text)
        lesson.reset(quiet)
    assert {file.read_text() for file in lesson.work.glob("old-*/mine.yaml")} == {"first", "second"}


def test_reset_with_unchanged_files_moves_nothing(world):
    lesson = started()
    lesson.reset(quiet)
    assert [file.name for file in lesson.work.iterdir()] == ["shop.yaml"]


def test_reset_ends_pods_at_once_but_only_once_the_namespace_goes(world):
    lesson = started()
    world.kube.put("Pod", "slow", "lab-01-shop")
    world.kube.put("Pod", "stranger", "default")
    world.kube.put("Pod", "tidy", "lab-01-shop", metadata={"annotations": {namespaces.UNDOES: "the routes of a node"}})
    deletes: list[str] = []
    delete = world.kube.delete

    def slowly(kind, name, namespace=None, wait=True, grace=None):
        deletes.append(f"{kind} {name} {grace}")
        if kind != "namespace":
            delete(kind, name, namespace, wait, grace)

    world.kube.delete = slowly
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(namespaces.kube, "delete", slowly)
        lesson.reset(quiet)
    assert deletes == ["namespace lab-01-shop None", "pod slow 0"]


def test_a_reset_that_fails_half_way_can_be_gone_on_with(world):
    lesson = started()
    (lesson.work / "shop.yaml").write_text(GROWN)
    world.kube.broken["apply"] = AcplabError("refused", "wait")
    with pytest.raises(AcplabError, match="refused"):
        lesson.reset(quiet)
    assert not world.kube.names("namespace")
    world.kube.broken.clear()
    started()
    assert (lesson.work / "shop.yaml").read_text() == SHOP
    assert next(lesson.work.glob("old-*/shop.yaml")).read_text() == GROWN


def test_the_cluster_is_clean_afterwards(world):
    world.kube.put("Namespace", "kube-system")
    before = namespaces.inventory()
    lesson = started()
    lesson.apply("shop.yaml")
    lesson.check("open")
    assert namespaces.inventory() > before
    said: list[str] = []
    world.kube.put("ConfigMap", "kube-root-ca.crt", "lab-01-shop")
    lesson.finish(said.append)
    assert namespaces.inventory() == before
    assert said[0] == "Removed the namespace lab-01-shop with 1 x deployment, 1 x configmap."
    assert "1 of 2 tasks are done" in said[1]
    assert (lesson.work / "shop.yaml").exists()


def test_finish_twice(world):
    lesson = started()
    lesson.finish(quiet)
    said: list[str] = []
    lesson.finish(said.append)
    assert "nothing to remove" in said[0]


# --- inventory -------------------------------------------------------------------------------------------


def test_inventory_leaves_out_what_changes_by_itself(world):
    put = world.kube.put
    put("Namespace", "lab-x", metadata={"labels": {"acplab.dev/lab": "x"}})
    put("Pod", "mine", "lab-x")
    for kind, name in (
        ("Pod", "dns"),
        ("ReplicaSet", "dns"),
        ("Event", "e"),
        ("Lease", "l"),
        ("Secret", "bootstrap-token-abc"),
    ):
        put(kind, name, "kube-system")
    put("Secret", "real", "kube-system")
    # A lab beside this one has the course add a kind, which stays; one that a learner has made must go.
    put("CustomResourceDefinition", "rollouts.argoproj.io", metadata={"labels": {"acplab.dev/platform": "true"}})
    assert namespaces.inventory() == {"namespace//lab-x", "pod/lab-x/mine", "secret/kube-system/real"}


# --- chapters --------------------------------------------------------------------------------------------


def test_a_chapter_has_a_fresh_namespace(world, capsys):
    chapter = chapters.open("00-welcome")
    assert chapter.ingress_url == "http://127.0.0.1:8080"
    assert [repr(one) for one in chapter.apply("shop.yaml")] == ["deployment/shop created"]
    chapter = chapters.open("00-welcome")
    assert not world.kube.names("deployment")
    assert world.kube.names("namespace") == ["ch-00-welcome"]
    chapter.apply(SHOP)
    chapter.close()
    assert capsys.readouterr().out.splitlines()[-1:] == ["Removed the namespace ch-00-welcome with 1 x deployment."]
    assert not world.kube.objects


def test_a_chapter_says_which_manifests_there_are(world):
    chapter = chapters.open("00-welcome")
    for name in ("shoop.yaml", "../../labs/01-shop/given/shop.yaml"):
        with pytest.raises(AcplabError) as caught:
            chapter.apply(name)
        assert "shop.yaml" in caught.value.remedy


def test_a_chapter_removes_what_a_file_has_made(world):
    chapter = chapters.open("00-welcome")
    chapter.apply("shop.yaml")
    chapter.remove("shop.yaml", "shop.yaml")
    assert not world.kube.names("deployment")
    assert world.kube.names("namespace") == ["ch-00-welcome"]


def test_a_chapter_in_use_by_another_terminal_is_left_alone(world):
    chapter = chapters.open("00-welcome")
    chapter.apply("shop.yaml")
    with locks.operation_lock(chapter.namespace, "opening it"):
        for act in (lambda: chapters.open("00-welcome"), chapter.close):
            with pytest.raises(AcplabError, match="is opening it"):
                act()
    assert world.kube.names("deployment") == ["shop"]


def test_a_strangers_chapter_namespace(world):
    world.kube.put("Namespace", "ch-00-welcome")
    with pytest.raises(AcplabError, match="not ours"):
        chapters.open("00-welcome")
    assert world.kube.names("namespace") == ["ch-00-welcome"]


# --- lab.yaml --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ("id: 01-shop", "id: 02-shop", "must be the same"),
        ("title: Open the shop\nch", "ch", "`title` is missing"),
        ("minutes: 5", "minutes: five", "valid integer, not 'five'"),
        ("minutes: 5", "minutes: 0", "greater than or equal to 1, not 0"),
        ("minutes: 5", "minuets: 5", "no key `minuets`; use one of: minutes"),
        ("minutes: 5", "minutes: 5\ncolour: red", "no key `colour`"),
        ("hosts: [shop.example.com]", "hosts: [1]", "`hosts.1`: Input should be a valid string, not 1"),
        ("{id: grow,", "{id: open,", "'open' is used twice"),
        ("{id: grow,", "{id: Grow it,", "joined by hyphens"),
        (", ask: The shop must have three replicas.", "", "`tasks.2.ask` is missing"),
        ("id: 01-shop", "- id", "cannot be read"),
    ],
)
def test_faults_of_a_lab_are_sentences(world, before, after, sentence):
    assert before in LAB_YAML
    world.write("labs/01-shop/lab.yaml", LAB_YAML.replace(before, after, 1))
    assert sentence in "\n".join(labfiles.problems(world.lab))
    with pytest.raises(AcplabError):
        labs.start("01-shop")


def test_all_labs_are_listed_in_order(world):
    world.write("labs/00-first/lab.yaml", LAB_YAML.replace("01-shop", "00-first"))
    world.write("labs/.hidden/lab.yaml", "")
    assert [lab.id for lab in labs.all()] == ["00-first", "01-shop"]


def test_hidden_files_of_editors_are_left_alone(world):
    lesson = started()
    (lesson.work / ".shop.yaml.swp").write_text("x")
    assert workfiles.put_away(lesson.lab) is None


def test_a_chapter_works_on_another_cluster_and_comes_back(world, monkeypatch):
    chapter = chapters.open("00-welcome")
    assert connection.current() == connection.kubeconfig("small")
    with chapter.on_cluster("tight"):
        assert connection.current() == connection.kubeconfig("tight")
        chapter.apply("shop.yaml")
    assert connection.current() == connection.kubeconfig("small")
    with chapter.on_cluster("tight"):  # a later visit finds what the first has left
        assert ("deployment", chapter.namespace, "shop") in world.kube.objects
    said: list[str] = []
    chapter.close(said.append)
    assert any("no namespace" in line and "fake" in line for line in said)  # the fake has one world for both
    assert said[-1].endswith("To remove it: ./acplab delete --profile tight")


def test_a_chapter_says_how_to_remove_its_own_cluster_if_that_is_not_small(world):
    said: list[str] = []
    chapters.open("00-welcome", profile="tight").close(said.append)
    assert said[-1].endswith("To remove it: ./acplab delete --profile tight")


def test_a_lab_speaks_to_its_own_cluster_whichever_is_current(world, monkeypatch):
    world.write("labs/01-shop/lab.yaml", f"{LAB_YAML}cluster: tight\n")
    asked: set = set()
    look = world.kube.find
    monkeypatch.setattr(labs.kube, "find", lambda *words: asked.add(connection.current()) or look(*words))
    lesson = started()
    assert connection.current() == connection.kubeconfig("tight"), "what the notebook does next goes there too"
    connection.use(connection.kubeconfig("small"))
    lesson.apply("shop.yaml")
    lesson.check("open")
    lesson.hint("open")
    assert lesson.ingress_url
    assert connection.current() == connection.kubeconfig("small"), "nobody asked to switch"
    lesson.finish(quiet)
    assert asked == {connection.kubeconfig("tight")}


# --- labs with other needs ---------------------------------------------------------------------------------


def test_a_lab_that_needs_no_cluster_never_asks_for_one(world, monkeypatch):
    world.write("labs/01-shop/lab.yaml", LAB_YAML + "cluster: none\n")
    world.write("labs/01-shop/checks.py", world.lab.joinpath("checks.py").read_text().replace("@at_start", ""))
    for name in ("find", "ensure", "recorded"):
        monkeypatch.setattr(labs.cluster, name, lambda *_, **__: pytest.fail("asked for a cluster"))
    for name in ("apply", "find", "delete"):
        monkeypatch.setattr(labs.kube, name, lambda *_, **__: pytest.fail("asked the cluster"))
    for file in world.lab.glob("setup/*"):
        file.unlink()
    world.lab.joinpath("setup").rmdir()
    with pytest.raises(AcplabError, match="has not been started"):
        labs.find("01-shop")._view()
    lesson = started()
    assert lesson._view().ingress_url == ""
    assert "goes on" in said_by(lesson.open)
    assert "as it was at the start" in said_by(lesson.reset)
    assert "nothing in a cluster" in said_by(lesson.finish)


def said_by(call) -> str:
    said: list[str] = []
    call(said.append)
    return "\n".join(said)


def test_a_lab_begins_with_its_ranges_and_goes_on_with_the_learners(world, monkeypatch):
    ranges = "ranges: {pods: 172.20.0.0/24, services: 172.21.0.0/20}"
    world.write("labs/01-shop/lab.yaml", f"{LAB_YAML}cluster: tight\n{ranges}\n")
    seen: list = []

    def ensure(profile, ranges=None):
        seen.append((profile, ranges and ranges.pods))
        return world.kube.find_cluster(profile)

    monkeypatch.setattr(labs.cluster, "ensure", ensure)
    lesson = started()
    lesson.open(quiet)
    lesson.reset(quiet)
    assert seen == [("tight", "172.20.0.0/24"), ("tight", None), ("tight", "172.20.0.0/24")]


@pytest.mark.parametrize(
    ("ranges", "fault"), [("{pods: 10.0.0.0/8}", "`ranges.services` is missing"), ("{pod: 1}", "`ranges.pod`")]
)
def test_ranges_that_no_cluster_takes_are_a_fault_of_lab_yaml(world, ranges, fault):
    world.write("labs/01-shop/lab.yaml", f"{LAB_YAML}ranges: {ranges}\n")
    assert fault in "\n".join(labfiles.problems(world.lab))
