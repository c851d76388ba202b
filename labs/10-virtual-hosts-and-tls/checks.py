"""Two hosts and a path on one address, then TLS for both: who answers, which certificate is shown, and for how long."""

from acplab.grading import LabView, Result, Results, diagnose, expect, hint, task
from acplab.topics import release

BOOKS, TOYS = "books.hosts.example.com", "toys.hosts.example.com"
SHOPS = ((BOOKS, "books"), (TOYS, "toys"))
CA = "lab-ca"
HIDDEN = 0.08  # 45 answers without a single one from another version: its share is below 8 % (95 % sure)
LOST = 0.03  # 125 requests without a loss: fewer than 3 % are lost (95 % sure)
SOON, LONG = 8, 59  # days: 7 and 60, with room for what has gone by since


@task("two-hosts")
def two_hosts(lab: LabView) -> Results:
    for host, version in SHOPS:
        yield answers(lab, host, "/", version)


@task("one-path")
def one_path(lab: LabView) -> Results:
    for host, version in SHOPS:
        for path in ("/pay", "/pay/7"):
            yield answers(lab, host, path, "pay")
        for path in ("/payment", "/"):
            yield answers(lab, host, path, version)


@task("tls")
def tls(lab: LabView) -> Results:
    for host, version in SHOPS:
        yield release.answers_over_tls(lab, host, version, CA, text="over-tls")
        yield release.answers_over_tls(lab, host, "pay", CA, text="over-tls", path="/pay/7")
    if not lab.recorded_load("renewal").total:  # since then it is a new one
        yield release.taken(lab, BOOKS, CA, text="soon-over", at_most=SOON)


@task("no-plain")
def no_plain(lab: LabView) -> Results:
    for host, _version in SHOPS:
        yield release.redirects(lab, host, text="sent-on")
        yield release.taken(lab, host, CA, text="still-taken")


@task("renew")
def renew(lab: LabView) -> Results:
    load = lab.recorded_load("renewal")
    yield expect.lossless(load, below=LOST, text="lossless")
    yield expect.went_on_after(load, "renewed", "books", seconds=3, text="went-on")
    yield release.renewed_under(lab, BOOKS, load, text="under-load")
    yield release.taken(lab, BOOKS, CA, text="lasts", at_least=LONG)


def answers(lab: LabView, host: str, path: str, version: str) -> Result:
    """Without TLS or, when that is sent on, with it: who answers stays right after the later tasks, too."""
    seen = release.look_either_way(lab, host, version, HIDDEN, CA, path=path)
    return release.only_version(seen, version, text="who-answers", host=host, path=path)


def claim(lab: LabView) -> str:
    return lab.open_results()[0].claim


def found(lab: LabView) -> str:
    return lab.open_results()[0].found


def certificates(lab: LabView) -> str:
    return "; ".join(f"{host}: {release.certificate_at(lab, host, CA)}" for host, _version in SHOPS)


def authority(lab: LabView) -> str:
    return "there" if lab.exists("secret", CA) else "missing"


wrong_answer = diagnose.say("answer", when=LabView.open_results, claim=claim, found=found)
hint("two-hosts", release.claimed_twice, release.ingress_rule(BOOKS), release.ingress_rule(TOYS), wrong_answer)
hint("one-path", release.claimed_twice, diagnose.say("path", when=LabView.open_results, claim=claim, found=found))
hint("tls", diagnose.say("certificate", shown=certificates, authority=authority))
hint("no-plain", diagnose.say("plain", when=LabView.open_results, claim=claim, found=found))
hint("renew", diagnose.say("renewal", when=LabView.open_results, claim=claim, found=found, shown=certificates))
