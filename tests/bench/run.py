"""The benches, a line each, beside a bare run or a budget. No test: `.venv/bin/python tests/bench/run.py [NAME ...]`.

It makes clusters of its own (instance "bench") and removes them.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

os.environ["ACPLAB_INSTANCE"] = "bench"
sys.path.insert(0, str(Path(__file__).parents[2] / "helpers"))

import yaml
from acplab import cluster, dns, drills, faults, images, kube, measure
from acplab.base import paths
from acplab.cluster import kind_config
from acplab.course import lab as labs
from acplab.course import notebook
from acplab.host import docker
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
    "cluster": bench_cluster,
    "ha": bench_ha,
    "drill": bench_drill,
    "load": bench_load,
    "dns": bench_dns,
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
