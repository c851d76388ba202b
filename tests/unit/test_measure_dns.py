"""Questions, CoreDNS's log and metrics, and loads by dnsperf: what the tools say, in our words."""

from __future__ import annotations

import math
import re

import pytest
from acplab import kube
from acplab.base.errors import AcplabError
from acplab.measure import dns
from acplab.measure.dns import loads, query_log, questions
from acplab.measure.dns.metrics import Counters
from hypothesis import given
from hypothesis import strategies as st

DIG = """\
;; Got answer:
;; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 27353
;; flags: qr aa rd; QUERY: 1, ANSWER: 2, AUTHORITY: 0, ADDITIONAL: 1
;; WARNING: recursion requested but not available

;; OPT PSEUDOSECTION:
; EDNS: version: 0, flags:; udp: 1232
;; ANSWER SECTION:
shop.ch11.svc.cluster.local. 30\tIN\tA\t172.20.1.7
shop.ch11.svc.cluster.local. 30\tIN\tA\t172.20.1.5

;; Query time: 412 usec
;; SERVER: 172.21.0.10#53(172.21.0.10) (UDP)
;; WHEN: Thu Nov 26 08:41:00 UTC 2026
;; MSG SIZE  rcvd: 106

;; Got answer:
;; ->>HEADER<<- opcode: QUERY, status: NXDOMAIN, id: 5
;; flags: qr aa rd; QUERY: 1, ANSWER: 0, AUTHORITY: 1, ADDITIONAL: 1

;; Query time: 1000 usec
;; SERVER: 172.21.0.10#53(172.21.0.10) (TCP)
;; MSG SIZE  rcvd: 106
"""

LOG = """\
.:53
[INFO] plugin/reload: Running configuration SHA512 = 1b2
[INFO] 172.20.1.9:40000 - 5 "A IN mark-1-begin.cluster.local. udp 60 false 512" NXDOMAIN qr,aa,rd 150 0.0001s
[INFO] 172.20.1.9:40001 - 6 "A IN example.com.ch11.svc.cluster.local. udp 52 false 512" NXDOMAIN qr,aa,rd 145 0.000161s
[INFO] 172.20.1.8:40002 - 7 "AAAA IN other.com. udp 40 true 1232" NOERROR qr,rd,ra 90 2.5e-05s
[INFO] 172.20.1.9:40003 - 8 "A IN Example.COM. tcp 29 false 65535" - - 0 2.000481s
[ERROR] plugin/errors: 2 example.com. A: read udp 172.20.0.2:1->192.0.2.1:53: i/o timeout
[INFO] 172.20.1.9:40004 - 9 "A IN mark-1-end.cluster.local. udp 60 false 512" NXDOMAIN qr,aa,rd 150 0.0001s
"""

DNSPERF = """\
DNS Performance Testing Tool
Version 2.10.0

[Status] Command line: dnsperf -v -s 172.21.0.10
> NOERROR shop.ch11.svc.cluster.local A 0.001000
> NOERROR shop.ch11.svc.cluster.local A 0.003000
> NXDOMAIN none.ch11.svc.cluster.local A 0.002000
> T shop.ch11.svc.cluster.local A
[Status] Testing complete (time limit)

Statistics:

  Queries sent:         4
  Queries completed:    3 (75.00%)
  Queries lost:         1 (25.00%)

  Response codes:       NOERROR 2 (66.67%), NXDOMAIN 1 (33.33%)
  Average packet size:  request 56, response 72
  Run time (s):         1.000256
  Queries per second:   2.999

  Average Latency (s):  0.002000 (min 0.001000, max 0.003000)
"""

METRICS = """\
# HELP coredns_dns_requests_total Counter of DNS requests
coredns_dns_requests_total{family="1",proto="udp",server="dns://:53",type="A",view="",zone="."} 10
coredns_dns_requests_total{family="1",proto="udp",server="dns://:53",type="AAAA",view="",zone="."} 4
coredns_dns_responses_total{plugin="kubernetes",rcode="NOERROR",server="dns://:53",view="",zone="."} 9
coredns_dns_responses_total{plugin="kubernetes",rcode="NXDOMAIN",server="dns://:53",view="",zone="."} 5
coredns_cache_requests_total{server="dns://:53",view="",zones="."} 14
coredns_cache_hits_total{server="dns://:53",type="success",view="",zones="."} 7
coredns_cache_hits_total{server="dns://:53",type="denial",view="",zones="."} 1
go_goroutines 34
process_start_time_seconds 1.76e+09
"""


@pytest.fixture
def said(monkeypatch):
    """What Pods say to which command; exec gives it, or raises it."""
    answers: list[tuple[str, object]] = []
    asked: list[list[str]] = []

    def run(pod, command, namespace=None, container=None):
        asked.append(command)
        answer = next(answer for word, answer in answers if word in " ".join(command))
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(kube, "exec", run)
    return answers, asked


def failed(program: str, code: int) -> AcplabError:
    return AcplabError(f"{program} in Pod client ended with code {code}: nothing", "")


# --- single questions ---------------------------------------------------------------------------------------


def test_an_answer_of_dig():
    good, missing = questions.parse(DIG, ["shop.ch11.svc.cluster.local", "none"])
    assert (good.rcode, good.addresses, good.ms) == ("NOERROR", ["172.20.1.5", "172.20.1.7"], 0.412)
    assert (good.server, good.protocol, good.authoritative) == ("172.21.0.10", "udp", True)
    assert good.records[0].ttl == 30
    assert (missing.rcode, missing.records, missing.protocol) == ("NXDOMAIN", (), "tcp")


def test_a_server_that_did_not_answer_before_another_one_did_is_passed_over():
    dead = ";; communications error to 192.0.2.53#53: timed out\n"
    first, second = questions.parse(dead + DIG, ["a", "b"])
    assert (first.rcode, second.rcode) == ("NOERROR", "NXDOMAIN")
    assert questions.parse(dead, ["a"])[0].rcode == "timeout"


def test_a_question_names_its_server_protocol_and_type(said):
    answers, asked = said
    answers.append(("dig", DIG))
    dns.ask("client", "shop.ch11.svc.cluster.local.", "ch11", server="172.21.0.10", protocol="tcp", type="SRV")
    assert asked[0][0] == "dig"
    assert asked[0][-3:] == ["@172.21.0.10", "shop.ch11.svc.cluster.local.", "SRV"]
    assert {"+tcp", "+nosearch", "+tries=1"} <= set(asked[0])


def test_no_answer_is_an_answer(said):
    answers, _ = said
    answers.append(("dig", failed("dig", 9)))
    assert dns.ask("client", "shop", "ch11").rcode == "timeout"
    assert "no answer" in repr(dns.ask("client", "shop", "ch11"))


def test_one_of_several_questions_without_an_answer_keeps_the_others(said):
    answers, asked = said
    answers += [("one. A two. A", failed("dig", 9)), ("one. A", DIG), ("two. A", failed("dig", 9))]
    assert [one.rcode for one in dns.ask_all("client", ["one.", "two."], "ch11")] == ["NOERROR", "timeout"]
    assert len(asked) == 3


def test_a_pod_without_dig_is_an_error(said):
    answers, _ = said
    answers.append(("dig", AcplabError("dig could not be run in Pod shop: no such file", "")))
    with pytest.raises(AcplabError, match="could not be run"):
        dns.ask("shop", "shop", "ch11")


def test_a_program_gets_addresses_or_none(said):
    answers, _asked = said
    answers.append(("getent ahosts shop", "172.20.1.5 STREAM shop\n172.20.1.5 DGRAM\n172.20.1.4 STREAM\n"))
    answers.append(("getent ahosts none", failed("getent", 2)))
    assert dns.look_up("client", "shop", "ch11") == ["172.20.1.4", "172.20.1.5"]
    assert dns.look_up("client", "none", "ch11") == []


@pytest.mark.parametrize("name", ["-f/etc/passwd", "a b", "", "a;b", "$(id)", "x" * 255, None])
def test_what_is_no_name_goes_into_no_command(name):
    with pytest.raises(AcplabError, match="not a name"):
        questions.checked_name(name)


@pytest.mark.parametrize(
    "wrong", [{"protocol": "dot"}, {"type": "ANY"}, {"timeout": 11}, {"timeout": 0}, {"server": "-x"}]
)
def test_wrong_options_are_sentences(wrong):
    with pytest.raises(AcplabError):
        dns.ask("client", "shop", "ch11", **wrong)


# --- the log ----------------------------------------------------------------------------------------------------


def test_queries_in_a_log():
    _first, second, third, fourth, _last = query_log.parse(LOG, "coredns-1")
    assert (second.name, second.type, second.client) == ("example.com.ch11.svc.cluster.local", "A", "172.20.1.9")
    assert second.ms == pytest.approx(0.161)
    assert third.ms == pytest.approx(0.025)
    assert (fourth.name, fourth.rcode, fourth.protocol) == ("example.com", "SERVFAIL", "tcp")


def test_only_what_is_between_the_marks():
    queries = query_log.between(query_log.parse(LOG, "x"), "mark-1-begin.cluster.local", "mark-1-end.cluster.local")
    assert len(queries) == 3
    assert query_log.between(query_log.parse(LOG, "x"), "never.asked", "mark-1-begin.cluster.local") == []


class Servers:
    """Two CoreDNS Pods: each question of the Pod client is a line in the log of one, in turn."""

    def __init__(self) -> None:
        self.logs = {"coredns-1": "", "coredns-2": ""}
        self.logging = True

    def write(self, server: str, name: str, client: str = "172.20.1.9") -> None:
        if self.logging:
            self.logs[server] += f'[INFO] {client}:4 - 5 "A IN {name} udp 60 false 512" NOERROR qr,aa 1 0.0001s\n'

    def ask(self, pod: str, name: str, namespace: str, server: str) -> None:
        self.write({"172.20.0.2": "coredns-1", "172.20.0.3": "coredns-2"}[server], name)


@pytest.fixture
def coredns(monkeypatch) -> Servers:
    made = Servers()
    pods = [
        {"metadata": {"name": f"coredns-{n}"}, "spec": {"nodeName": "n"}, "status": {"phase": "Running", "podIP": f"172.20.0.{n + 1}"}}
        for n in (1, 2)
    ]  # fmt: skip
    client = {"spec": {"nodeName": "n"}, "status": {"podIP": "172.20.1.9"}}
    monkeypatch.setattr(kube, "list", lambda kind, namespace, selector: pods)
    monkeypatch.setattr(kube, "get", lambda kind, name, namespace: client)
    monkeypatch.setattr(kube, "logs", lambda pod, namespace, tail: made.logs[pod])
    monkeypatch.setattr(dns.watching, "ask", made.ask)
    return made


def test_what_a_pod_has_really_asked(coredns):
    coredns.write("coredns-1", "before.example.com.")
    with dns.watch("client", "ch11") as seen:
        coredns.write("coredns-1", "shop.ch11.svc.cluster.local.")
        coredns.write("coredns-2", "shop.svc.cluster.local.")
        coredns.write("coredns-2", "noise.", client="172.20.1.1")
    assert seen.names == ["shop.ch11.svc.cluster.local", "shop.svc.cluster.local"]
    assert (len(seen), seen.by_type) == (2, {"A": 2})
    assert [one.server for one in seen.queries] == ["coredns-1", "coredns-2"]


def test_what_everybody_has_asked(coredns):
    with dns.watch("client", "ch11", everybody=True) as seen:
        coredns.write("coredns-2", "noise.", client="172.20.1.1")
    assert seen.names == ["noise"]


def test_without_a_log_there_is_a_sentence(coredns, monkeypatch):
    monkeypatch.setattr(dns.watching, "ARRIVE_SECONDS", 0.0)
    coredns.logging = False
    with pytest.raises(AcplabError, match="no line for our last query"), dns.watch("client", "ch11"):
        pass


def test_the_cache_is_asked_at_its_own_address_and_node(monkeypatch):
    pods = [
        {"metadata": {"name": f"cache-{node}"}, "spec": {"nodeName": node}, "status": {"phase": "Running", "podIP": "172.18.0.2"}}
        for node in ("a", "b")
    ]  # fmt: skip
    monkeypatch.setattr(kube, "list", lambda kind, namespace, selector: pods)
    (one,) = dns.servers("cache", "b")
    assert (one.pod, one.address, one.metrics) == ("cache-b", "169.254.20.10", "172.18.0.2:9253")
    with pytest.raises(AcplabError, match="No Pod"):
        dns.servers("cache", "c")


# --- the metrics --------------------------------------------------------------------------------------------------


def test_counters():
    seen = Counters.parse(METRICS)
    assert (seen.requests, seen.total("coredns_dns_requests_total", type="AAAA")) == (14, 4)
    assert seen.by_rcode == {"NOERROR": 9, "NXDOMAIN": 5}
    assert (seen.from_cache.hits, seen.from_cache.n) == (8, 14)


def test_a_difference_and_a_server_that_began_again():
    before, after = Counters.parse(METRICS), Counters.parse(METRICS.replace("} 10", "} 25").replace("} 4", "} 1"))
    since = after - before
    assert since.total("coredns_dns_requests_total", type="A") == 15
    assert since.total("coredns_dns_requests_total", type="AAAA") == 1


numbers = st.dictionaries(st.sampled_from("abc"), st.integers(0, 10**6))


def made(values: dict[str, int]) -> Counters:
    return Counters({("n_total", frozenset({("type", key)})): float(value) for key, value in values.items()})


@given(numbers, numbers)
def test_what_is_added_can_be_taken_away(one, other):
    both = made(one) + made(other)
    assert both.total("n_total") == sum(one.values()) + sum(other.values())
    assert (both - made(one)).total("n_total") == sum(other.values())


def test_counters_of_all_servers_are_read_by_a_pod(said):
    answers, asked = said
    answers.append(("curl", METRICS))
    two = [dns.Server(f"coredns-{n}", "n", f"172.20.0.{n}", f"172.20.0.{n}:9153") for n in (2, 3)]
    assert dns.counters("client", "ch11", two).requests == 28
    assert asked[1][-1] == "http://172.20.0.3:9153/metrics"


# --- loads --------------------------------------------------------------------------------------------------------


def test_a_load_in_numbers_and_words():
    seen = dns.Lookups.parse(DNSPERF, rate=4, seconds=1)
    assert (seen.total, seen.lost, seen.good) == (4, 1, 2)
    assert seen.by_rcode == {"NOERROR": 2, "NXDOMAIN": 1, "timeout": 1}
    assert (seen.latency(0.5), seen.latency(1.0)) == pytest.approx((2.0, 3.0))
    assert seen.kept_up
    assert "4 queries in 1 s" in seen.summary()
    assert "lost: 25.0 %" in seen.summary()


def test_ours_agrees_with_dnsperfs_own_figures():
    seen = dns.Lookups.parse(DNSPERF, rate=4, seconds=1)
    answered = [one.ms for one in seen.samples if one.ms is not None]
    assert (seen.total, seen.lost, len(answered)) == (seen.own["sent"], seen.own["lost"], seen.own["completed"])
    assert sum(answered) / len(answered) == pytest.approx(1000 * seen.own["mean"])


def test_a_sender_that_was_late_says_so():
    seen = dns.Lookups.parse(DNSPERF, rate=100, seconds=1)
    assert not seen.kept_up
    assert "later than wanted" in seen.summary()


def test_all_lost_has_no_latency():
    seen = dns.Lookups([loads.Sample("a", "A", "timeout", None)], 1, 1, {"sent": 1})
    assert math.isnan(seen.latency())
    assert "latency" not in seen.summary()


def test_dnsperf_that_fails_is_a_sentence():
    with pytest.raises(AcplabError, match="last line: Error: failed to connect"):
        dns.Lookups.parse("DNS Performance Testing Tool\nError: failed to connect\n", 1, 1)


def test_the_command_of_a_load(said):
    answers, asked = said
    answers.append(("dnsperf", DNSPERF))
    dns.load("client", ["a.example.com", "b"], "ch11", rate=200, seconds=3, server="172.21.0.10", protocol="tcp")
    shell, dash_c, script = asked[0]
    assert (shell, dash_c) == ("sh", "-c")
    assert "printf 'a.example.com A\\nb A\\n'" in script
    assert "-s 172.21.0.10 -m tcp -Q 200 -l 3 -t 2 -q 401" in script


@given(st.floats(1, 2000), st.floats(1, 45), st.floats(0.5, 10))
def test_a_load_never_waits_for_its_answers_and_is_bounded(rate, seconds, timeout):
    try:
        plan = loads._plan(["a"], rate, seconds, "172.21.0.10", "A", "udp", timeout)
    except AcplabError:
        assert round(rate) * round(seconds) > loads.MAX_QUERIES
        return
    waiting = int(re.search(r"-q (\d+)", plan.command[2])[1])
    assert waiting >= plan.rate * timeout
    assert plan.rate * plan.seconds <= loads.MAX_QUERIES


@pytest.mark.parametrize("wrong", [{"rate": 2001}, {"seconds": 46}, {"rate": 2000, "seconds": 45}, {"timeout": 0}])
def test_loads_that_are_too_big(wrong):
    with pytest.raises(AcplabError):
        dns.load("client", ["a"], "ch11", server="172.21.0.10", **wrong)


def test_a_load_while_something_else_happens(said):
    answers, _ = said
    answers.append(("dnsperf", DNSPERF))
    with dns.loading("client", ["a"], "ch11", rate=4, seconds=1, server="172.21.0.10") as load:
        pass
    assert load.result.total == 4


def test_a_fault_of_a_load_is_raised_at_the_end_of_the_block(said):
    answers, _ = said
    answers.append(("dnsperf", failed("sh", 1)))
    with (
        pytest.raises(AcplabError, match="ended with code"),
        dns.loading("client", ["a"], "ch11", server="172.21.0.10"),
    ):
        pass
