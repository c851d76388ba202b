"""The benches, a line each, beside a bare run or a budget. No test: `.venv/bin/python tests/bench/run.py [NAME ...]`.

It makes clusters of its own (instance "bench") and removes them.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

os.environ["ACPLAB_INSTANCE"] = "bench"
sys.path.insert(0, str(Path(__file__).parents[2] / "helpers"))

import yaml
from acplab import cluster, dns, drills, faults, images, kube, measure
from acplab.base import paths
from acplab.cluster import kind_config, nodes
from acplab.course import lab as labs
from acplab.course import notebook
from acplab.host import docker
from acplab.kube import client
from rich.console import Console
from rich.table import Table

Row = tuple[str, str, str, str]
REQUESTS, RATES = 2000, (100, 500)
BARE = "acplab-bench-bare"
REPEATS, PAUSE = 5, 5  # drills, and the seconds of each
# budgets
IMPORT_SECONDS, CHECK_SECONDS, RESET_SECONDS = 0.1, 2, 10


def seconds(call: Callable[[], object]) -> float:
    """How long a call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def bench_import() -> list[Row]:
    """A Python that imports acplab, against one that imports nothing; medians of 9 pairs."""

    def start(code: str) -> float:
        return seconds(lambda: subprocess.run([sys.executable, "-c", code], cwd=paths.ROOT, check=True))

    pairs = [(start("import acplab"), start("pass")) for _ in range(9)]
    ours, bare = (statistics.median(column) for column in zip(*pairs, strict=True))
    return [
        (
            "import acplab, more than bare python / budget",
            f"{ours - bare:.3f} s",
            f"{IMPORT_SECONDS} s",
            f"{(ours - bare) / IMPORT_SECONDS:.2f}",
        )
    ]


PLANS_PER_SECOND = 10_000


def bench_planning() -> list[Row]:
    """Network plans checked per second on one core: a typical plan, and candidates of which most are broken."""
    from dataclasses import replace

    from acplab.topics import network

    near = (
        network.Neighbour("shared", "vpc", ("172.16.0.0/16",)),
        network.Neighbour("office", "idc", ("10.0.0.0/10",)),
        network.Neighbour("other", "cluster", ("10.64.0.0/16",), "172.21.0.0/20"),
    )
    zones = ("cn-hangzhou-h", "cn-hangzhou-i", "cn-hangzhou-j")
    plan = network.plan_or_raise(network.Request("192.168.0.0/16", zones=zones, nodes_later=100, neighbours=near))
    candidates = [
        replace(plan, pod_cidr=f"10.{i}.0.0/16", node_mask=mask) for i in range(256) for mask in range(24, 29)
    ]
    broken = [one for one in candidates if not network.valid(one)]

    def rate(call: Callable[[network.Plan], object], plans: list[network.Plan]) -> float:
        return statistics.median(len(plans) / core_seconds(lambda: [call(one) for one in plans]) for _ in range(5))

    rates = {
        "check of a typical plan": rate(network.check, [plan] * 2000),
        f"valid of {len(candidates)} candidates": rate(network.valid, candidates),
    }
    budget = PLANS_PER_SECOND
    rows = [(f"{what} / budget", f"{n:,.0f}/s", f"{budget:,}/s", f"{n / budget:.2f}") for what, n in rates.items()]
    proposals = rate(network.check, broken)
    return [*rows, (f"check of the {len(broken)} broken ones, with proposals", f"{proposals:,.0f}/s", "no budget", "")]


def core_seconds(call: Callable[[], object]) -> float:
    """How long a call keeps a core busy, whatever else the machine does."""
    began = time.process_time()
    call()
    return time.process_time() - began


def bench_judge() -> list[Row]:
    """How often the judge of canaries errs in 10,000 simulated releases of one look, beside the exact chance."""
    from acplab.topics import release

    judge, versions = release.Judge(looks=1), {"good": (0.02, 0.02), "bad": (0.12, 0.02)}
    rows = []
    for name, (new, old) in versions.items():
        truths = release.Truth(new), release.Truth(old)
        seen = release.simulate(judge, *truths, 60, 240)
        exact = release.chances(judge, *truths, 60, 240)["roll back"]
        share = seen.worse / seen.releases
        ratio = f"{share / exact:.2f}" if exact else "-"
        rows.append((f"judge: a {name} version found worse / exact chance", f"{share:.3%}", f"{exact:.3%}", ratio))
    return rows


ENTRY, ENTRY_HOST = "manifests/10c-release-strategies", "bench.example.com"
ENTRY_RULE = """apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: bench, annotations: {nginx.ingress.kubernetes.io/ssl-redirect: "false"}}
spec:
  ingressClassName: nginx
  tls: [{hosts: [bench.example.com], secretName: bench}]
  rules:
    - host: bench.example.com
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: "${service}", port: {number: 80}}}}]}
"""


def bench_entry() -> Iterator[Row]:
    """What TLS and a mirror add to a request's latency: medians of rounds that take turns, in one run on one cluster."""
    there, trust = entry_shop()
    ways = {"kept": {}, "each": {"keepalive": False}}
    took = in_turn(
        {
            f"{scheme} {name}": partial(entry_latency, url, **how, **more)
            for name, how in ways.items()
            for scheme, url, more in (("http", there.ingress_url, {}), ("https", there.tls_url, trust))
        }
    )
    yield entry_row("TLS / without, connections kept", took["https kept"], took["http kept"])
    yield entry_row("TLS / without, a connection each", took["https each"], took["http each"])
    there.kube.apply(ENTRY_RULE, "default", service="front")
    alone = fronted_latency(there, "front-split.yaml")
    copied = fronted_latency(there, "front-mirror.yaml", percent="100", target="watched-new")
    down = fronted_latency(there, "front-mirror.yaml", percent="100", target="127.0.0.1:1")
    alone = statistics.mean([alone, fronted_latency(there, "front-split.yaml")])  # before and after
    yield entry_row("mirror of 100 % / no mirror", copied, alone)
    yield entry_row("mirror of 100 %, down / no mirror", down, alone)


def entry_shop() -> tuple[cluster.Cluster, dict[str, Any]]:
    """Two versions behind the ingress, with and without TLS; the cluster, and whom a client trusts."""
    from acplab import certificates

    there, ca = cluster.ensure("small"), certificates.authority()
    for name in ("watched-old", "watched-new"):
        there.kube.apply(f"{ENTRY}/app.yaml", "default", name=name, version="v1", errors="0", replicas="1")
        there.kube.wait("deployment", name, namespace="default")
    there.kube.apply(ca.issue(ENTRY_HOST).secret("bench"), "default")
    there.kube.apply(ENTRY_RULE, "default", service="watched-old")
    trust = {"tls": ca.trust()}
    measure.until(there.tls_url, "v1", host=ENTRY_HOST, **trust)
    return there, trust


def in_turn(ways: dict[str, Callable[[], float]]) -> dict[str, float]:
    """The median of five rounds for each; what disturbs a round disturbs all of them."""
    rounds = [{name: call() for name, call in ways.items()} for _round in range(5)]
    return {name: statistics.median(one[name] for one in rounds) for name in ways}


def entry_row(what: str, new: float, old: float) -> Row:
    """Two latencies in ms, and their ratio."""
    return what, f"{new:.1f} ms", f"{old:.1f} ms", f"{new / old:.2f}"


def entry_latency(url: str, **how: Any) -> float:
    """The median latency of requests through the ingress, in ms."""
    return measure.traffic(url, n=200, rate=50, host=ENTRY_HOST, **how).latency()


def fronted_latency(there: cluster.Cluster, file: str, **values: str) -> float:
    """The same with a load balancer of these rules before the applications; connections are kept."""
    there.kube.apply(f"{ENTRY}/{file}", "default", **values)
    there.kube.wait("deployment", "front", namespace="default")
    measure.until(there.ingress_url, "v1", host=ENTRY_HOST)
    return statistics.median(entry_latency(there.ingress_url) for _round in range(3))


def bench_cluster() -> list[Row]:
    """Our cluster small with its platform, against a bare `kind create cluster` of the same nodes."""
    return [creation("small")]


def bench_ha() -> Iterator[Row]:
    """The same of ha: three control planes, three workers, and the load balancer."""
    yield creation("ha")
    cluster.delete("ha")


def creation(profile: str) -> Row:
    """How long a cluster of this profile takes until it is ready, beside bare kind."""
    image = images.ensure()
    cluster.delete(profile)
    try:
        bare = seconds(lambda: bare_kind(profile, image))
    finally:
        kind("delete", "cluster", f"--name={BARE}")
    ours = seconds(lambda: cluster.ensure(profile))
    return f"cluster {profile} ready / bare kind create", f"{ours:.1f} s", f"{bare:.1f} s", f"{ours / bare:.2f}"


def bare_kind(profile: str, image: images.NodeImage) -> None:
    """kind alone: the same nodes, ready, without our platform. Its ports are whatever is free."""
    folder = paths.home() / "clusters" / "bare"
    folder.mkdir(parents=True, exist_ok=True)
    ports = dict.fromkeys(("api", *kind_config.NODE_PORTS), 0)
    config, kubeconfig = folder / "kind.yaml", folder / "kubeconfig"
    config.write_text(yaml.safe_dump(kind_config.own_config(profile, ports, image.patches)))
    options = {"name": BARE, "image": image.reference, "config": config, "kubeconfig": kubeconfig}
    kind("create", "cluster", *(f"--{key}={value}" for key, value in options.items()))
    kubectl = str(Path(sys.executable).with_name("kubectl"))
    wait = ["wait", "--for=condition=Ready", "node", "--all", "--timeout=150s"]
    subprocess.run([kubectl, f"--kubeconfig={kubeconfig}", *wait], check=True, stdout=subprocess.DEVNULL)


def kind(*words: str) -> None:
    """The kind command, quietly."""
    subprocess.run([str(images.kind()), *words], check=True, stderr=subprocess.DEVNULL)


def bench_drill() -> list[Row]:
    """The outage that a drill measures, beside vegeta's requests of the same seconds: the API server's node is paused."""
    there = cluster.ensure("small")
    vegeta = build_vegeta()
    pairs = [outages(there, vegeta) for _again in range(REPEATS)]
    ours, theirs = ([pair[side] for pair in pairs] for side in (0, 1))
    ratios = [one / other for one, other in pairs]
    what = f"outage of a pause of {PAUSE} s, {REPEATS} times: drill / vegeta"
    return [(what, spread(ours, " s"), spread(theirs, " s"), spread(ratios))]


def spread(values: list[float], unit: str = "") -> str:
    """The median, and the range."""
    return f"{statistics.median(values):.2f}{unit} ({min(values):.2f} to {max(values):.2f})"


def outages(there: cluster.Cluster, vegeta: Path) -> tuple[float, float]:
    """Seconds of one outage as the drill's API probe and as vegeta has seen it. Both send 20/s and wait for 1 s."""
    node = next(name for name in there.nodes if name.endswith("control-plane"))
    target = f"GET https://127.0.0.1:{there.ports['api']}/livez\n".encode()
    attack = [
        str(vegeta),
        "attack",
        "-rate=20",
        f"-duration={PAUSE + 8}s",
        "-timeout=1s",
        "-keepalive=false",
        "-insecure",
    ]
    beside = subprocess.Popen(attack, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with ThreadPoolExecutor(1) as pool:
        seen = pool.submit(beside.communicate, target)
        report = drills.conduct(faults.pause(node), [drills.api(there, 20, 1)], seconds=PAUSE, before=2, after=3)
    return report.down("api"), vegeta_outage(vegeta, seen.result()[0])


def vegeta_outage(vegeta: Path, results: bytes) -> float:
    """Seconds from the first request that failed to the first good one after the last that did, by when they were sent."""
    encode = [str(vegeta), "encode", "--to", "json"]
    lines = subprocess.run(encode, input=results, capture_output=True, check=True).stdout.splitlines()
    sent = sorted((datetime.fromisoformat(one["timestamp"]), one["code"] == 200) for one in map(json.loads, lines))
    failed = [n for n, (_at, ok) in enumerate(sent) if not ok]
    well_again = min(failed[-1] + 1, len(sent) - 1)  # on a busy machine the last may fail, too
    return (sent[well_again][0] - sent[failed[0]][0]).total_seconds()


def bench_checks() -> Iterator[Row]:
    """Each check of each lab on `small`, green, 10 times: the 95th percentile against the budget."""
    cluster.ensure("small")
    for lab in (one for one in labs.all() if one.cluster == "small"):
        lesson = labs.find(lab.id)
        reset = statistics.median(seconds(lambda lesson=lesson: lesson.reset(lambda _words: None)) for _ in range(3))
        yield f"reset {lab.id} / budget", f"{reset:.1f} s", f"{RESET_SECONDS} s", f"{reset / RESET_SECONDS:.2f}"
        os.chdir(lab.folder)
        memory: dict = {}
        for cell in notebook.read(lab.folder / "solution.ipynb")["cells"]:
            if cell["cell_type"] == "code":
                exec(compile(cell["source"], cell["id"], "exec"), memory)
                yield from (check_row(lesson, task) for task in notebook.CHECK.findall(cell["source"]))


def check_row(lab: labs.Lab, task: str) -> Row:
    """How long a check takes that has just been green."""
    took = sorted(seconds(lambda: lab.check(task)) for _ in range(10))
    p50, p95 = measure.quantile(took, 0.5), measure.quantile(took, 0.95)
    ours = f"p95 {p95:.2f} s, p50 {p50:.2f} s"
    return f"check {lab.lab.id} {task} / budget", ours, f"{CHECK_SECONDS} s", f"{p95 / CHECK_SECONDS:.2f}"


def bench_load() -> list[Row]:
    """The load generator's achieved rate against the rate asked for, beside vegeta's, at the same ingress controller."""
    url = cluster.ensure("small").ingress_url
    vegeta = build_vegeta()
    rows = []
    for rate in RATES:
        ours = measure.traffic(url, n=REQUESTS, rate=rate, host="nobody.example.com").achieved_rate
        theirs = vegeta_rate(vegeta, url, rate)
        rows.append(
            (
                f"load at {rate}/s: acplab / vegeta",
                f"{ours:.1f}/s ({ours / rate - 1:+.2%})",
                f"{theirs:.1f}/s ({theirs / rate - 1:+.2%})",
                f"{ours / theirs:.3f}",
            )
        )
    return rows


def bench_dns() -> list[Row]:
    """DNS loads: our percentiles beside dnsperf's own mean, of the same run; and what the node cache answers itself."""
    with cluster.ensure("small"):
        dns.prepare()
        try:
            dns.install("node-local-dns")
            return _dns_rows()
        finally:
            dns.clean()
            kube.delete("pod", "bench-dns", "default")


def _dns_rows() -> list[Row]:
    tools = {"name": "tools", "image": "docker.io/acplab/dns-tools:1.0.0", "imagePullPolicy": "IfNotPresent"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bench-dns"}, "spec": {"containers": [tools]}}
    kube.apply([pod], "default")
    kube.wait("pod", "bench-dns", namespace="default")
    name, where = ["kubernetes.default.svc.cluster.local"], ("bench-dns", "default")
    rows = []
    for title, server in (("CoreDNS", None), ("node cache", "169.254.20.10")):
        before = dns.counters(*where, dns.servers())
        seen = dns.load(where[0], name, where[1], rate=500, seconds=10, server=server)
        mean = statistics.mean(one.ms for one in seen.samples if one.ms is not None)
        own = 1000 * seen.own["mean"]
        rows.append((f"{title}: our mean / dnsperf's own", f"{mean:.3f} ms", f"{own:.3f} ms", f"{mean / own:.3f}"))
        asked = (dns.counters(*where, dns.servers()) - before).requests
        rows.append(
            (f"{title}: queries that CoreDNS got", f"{asked}", f"{seen.total} sent", f"{asked / seen.total:.3f}")
        )
    return rows


ECI_MANY, ECI_CROWD, ECI_SECONDS = 50, 100, 20
ECI_IDLE_BUDGET = 0.02  # of a core


def bench_eci() -> Iterator[Row]:
    """Create-to-Ready on the virtual node (without the simulated pull), on workers, and plain `docker run`; what it uses itself."""
    there = cluster.ensure("eci")
    client.use(there.kubeconfig)  # for the threads, too
    try:
        yield from eci_rows(there)
    finally:
        cluster.delete("eci")


def eci_rows(there: cluster.Cluster) -> Iterator[Row]:
    """The rows of bench_eci on its cluster."""
    kube.apply([ECI_CACHE])
    kube.wait("imagecache", "bench", lambda one: one.get("status", {}).get("phase") == "Ready")
    yield eci_usage(there, "idle")
    for n, again in ((1, 9), (ECI_MANY, 1)):
        took: dict[str, list[float]] = {where: [] for where in ("docker run", "worker", "ECI")}
        for where in [*took] * again:  # in turn, so that all meet the same load of the machine
            took[where] += eci_times(where, n)
        for ours, beside in (("ECI", "docker run"), ("worker", "docker run"), ("ECI", "worker")):
            ratio = measure.quantile(took[ours], 0.5) / measure.quantile(took[beside], 0.5)
            what = f"{n} at once, create to Ready: {ours} / {beside}"
            yield what, eci_words(took[ours]), eci_words(took[beside]), f"{ratio:.2f}"
    with eci_pods("ECI", ECI_CROWD) as (_began, ready):
        yield eci_usage(there, f"with {len(ready)} Pods")


ECI_CACHE = {
    "apiVersion": "eci.alibabacloud.com/v1",
    "kind": "ImageCache",
    "metadata": {"name": "bench"},
    "spec": {"images": ["docker.io/acplab/storefront:1.0.0"], "imageCacheSize": 20},
}


def eci_words(took: list[float]) -> str:
    p50, p95 = measure.quantile(took, 0.5), measure.quantile(took, 0.95)
    return f"p50 {p50:.2f} s, p95 {p95:.2f} s"


def eci_times(where: str, n: int) -> list[float]:
    """Seconds from each creation until it was ready, of n at once."""
    if where == "docker run":
        return docker_times(n)
    with eci_pods(where, n) as (began, ready):
        return [ready.get(name, math.inf) - began[name] for name in began]


def docker_times(n: int) -> list[float]:
    """`docker run` of n containers at once, until Docker says that each has started."""
    names = [f"acplab-bench-{number}" for number in range(n)]
    words = ["--detach", f"--network={nodes.network()}", "--cpus=0.25", "--memory=512m"]
    try:
        with ThreadPoolExecutor(n) as pool:
            return list(
                pool.map(
                    lambda name: seconds(lambda: docker.run("run", "--name", name, *words, "acplab/storefront:1.0.0")),
                    names,
                )
            )
    finally:
        docker.run("rm", "--force", *names)


@contextmanager
def eci_pods(where: str, n: int) -> Iterator[tuple[dict[str, float], dict[str, float]]]:
    """n Pods, created at once: name -> when it was created, and when it was seen to be ready. They are gone afterwards."""
    names = [f"bench-{number}" for number in range(n)]
    ready: dict[str, float] = {}
    try:
        with ThreadPoolExecutor(16) as pool:
            watching = pool.submit(watch_ready, ready, n)
            began = dict(pool.map(lambda name: eci_create(name, where), names))
            watching.result()
        yield began, ready
    finally:
        for name in names:
            kube.delete("pod", name, "default", wait=False)
        for name in names:
            kube.wait("pod", name, "deleted", "default")


def eci_create(name: str, where: str) -> tuple[str, float]:
    """Create a Pod without a probe, so that Ready means started, as it does for `docker run`."""
    limits = {"cpu": "250m", "memory": "512Mi"}
    shop = {"name": "shop", "image": "docker.io/acplab/storefront:1.0.0", "imagePullPolicy": "IfNotPresent"}
    shop |= {
        "env": [{"name": "DRAIN_SECONDS", "value": "0"}],
        "resources": {"requests": {"cpu": "5m", "memory": "8Mi"}, "limits": limits},
    }
    about = {"name": name, "labels": {"app": "bench"}}
    if where == "ECI":
        about["labels"]["alibabacloud.com/eci"] = "true"
        about["annotations"] = {"k8s.aliyun.com/eci-image-cache": "true"}
    began = time.perf_counter()
    kube.apply([{"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": {"containers": [shop]}}], "default")
    return name, began


def watch_ready(ready: dict[str, float], n: int) -> None:
    """Note when each of n Pods is seen to be ready, or stop after 300 s."""
    from kubernetes import client as library
    from kubernetes import watch

    api = library.CoreV1Api(client.client().client)
    stream = watch.Watch().stream(
        api.list_namespaced_pod, "default", label_selector="app=bench", timeout_seconds=300, _request_timeout=310
    )
    for event in stream:
        pod = event["object"]
        conditions = {one.type: one.status for one in pod.status.conditions or []}
        if conditions.get("Ready") == "True" and pod.metadata.deletion_timestamp is None:
            ready.setdefault(pod.metadata.name, time.perf_counter())
        if len(ready) == n:
            return


def eci_usage(there: cluster.Cluster, when: str) -> Row:
    """CPU and memory of the virtual node's program, over some seconds."""
    pid = docker.run("inspect", "--format", "{{.State.Pid}}", f"{there.name}-eci").strip()
    before = cpu_seconds(pid)
    time.sleep(ECI_SECONDS)
    share = (cpu_seconds(pid) - before) / ECI_SECONDS
    memory = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    ours = f"{share:.2%} of a core, {int(memory.split()[1]) / 1024:.0f} MiB"
    return f"virtual node, {when} / budget when idle", ours, f"{ECI_IDLE_BUDGET:.0%}", f"{share / ECI_IDLE_BUDGET:.2f}"


def cpu_seconds(pid: str) -> float:
    """What a process has used so far, in seconds of a core."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def build_vegeta() -> Path:
    """vegeta, a load tool with a constant rate, from the Go module proxy."""
    folder = paths.cache() / "bench"
    if not (folder / "vegeta").exists():
        env = os.environ | {
            "GOBIN": str(folder),
            "GOPATH": str(paths.cache() / "go"),
            "GOCACHE": str(paths.cache() / "go-build"),
            "GOTOOLCHAIN": "local",
        }
        go = [sys.executable, "-c", "import sys, go; sys.exit(go.main())"]
        subprocess.run([*go, "install", "github.com/tsenart/vegeta/v12@v12.12.0"], env=env, check=True)
    return folder / "vegeta"


def vegeta_rate(vegeta: Path, ingress_url: str, rate: int) -> float:
    """Requests per second that vegeta really sent."""
    command = [
        str(vegeta),
        "attack",
        "-rate",
        str(rate),
        "-duration",
        f"{REQUESTS / rate:.0f}s",
        "-header",
        "Host: nobody.example.com",
    ]
    attack = subprocess.run(command, input=f"GET {ingress_url}/\n".encode(), capture_output=True, check=True)
    report = [str(vegeta), "report", "-type", "json"]
    found = subprocess.run(report, input=attack.stdout, capture_output=True, check=True)
    return json.loads(found.stdout)["rate"]


def bench_tests() -> list[Row]:
    """What the last `./acplab test --record` took: medians against the budgets."""
    known = json.loads((paths.ROOT / "tests" / "proof.json").read_text(encoding="utf-8"))
    rows = []
    for what, folder, budget in (("a chapter", "notebooks/", 90), ("a lab's proof", "labs/", 60)):
        took = [one["seconds"] for name, one in known.items() if name.startswith(folder) and "seconds" in one]
        middle = statistics.median(took or [0.0])
        rows.append(
            (f"{what}, median of {len(took)} / budget", f"{middle:.0f} s", f"{budget} s", f"{middle / budget:.2f}")
        )
    return rows


BENCHES = {
    "import": bench_import,
    "planning": bench_planning,
    "judge": bench_judge,
    "entry": bench_entry,
    "cluster": bench_cluster,
    "ha": bench_ha,
    "drill": bench_drill,
    "load": bench_load,
    "dns": bench_dns,
    "eci": bench_eci,
    "checks": bench_checks,
    "tests": bench_tests,
}


def main() -> None:
    """Run the benches named on the command line (all, if none is) and print a table of each as soon as it ends."""
    docker.ensure()
    try:
        for name in sys.argv[1:] or BENCHES:
            title = f"{name}, {time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores"
            table = Table("what", "ours", "beside", "ratio", title=title)
            try:
                for row in BENCHES[name]():
                    table.add_row(*row)
            finally:  # also after Ctrl-C: what is measured is measured
                Console(width=130).print(table)
    finally:
        cluster.delete("small")


if __name__ == "__main__":
    main()
