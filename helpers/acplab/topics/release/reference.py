"""Tables to look things up in: how our ingress controller differs from ingress-nginx, and what ACK has and calls things."""

from __future__ import annotations

from acplab.base.i18n import _
from acplab.show import Table

Rows = list[tuple[str, ...]]


def differences() -> Table:
    """Where Traefik 3.7, which runs here, answers otherwise than ingress-nginx.

    Each row was seen on this course's cluster (tests/cluster/test_canary_semantics.py keeps it so); what ingress-nginx
    does is from its documentation, its source and its issues.
    """
    head = (_("case"), "ingress-nginx", _("Traefik 3.7 (here)"))
    return Table(
        _("The same Ingress on two controllers"), head, _of_canaries() + _of_paths_and_clients() + _of_the_rest()
    )


def _of_canaries() -> Rows:
    return [
        (_("canary-weight 20"), _("draws lots for each request"), _("each replica deals: 1 of 5, and then again")),
        (_("a canary in another namespace than its main Ingress"), _("works"), _("is ignored")),
        (
            _("a canary whose Service is the main one of another Ingress"),
            _("breaks the canary (ingress-nginx issue 9458)"),
            _("works"),
        ),
        (_("a canary with a defaultBackend and no rules"), _("is merged with the main Ingress"), _("is ignored")),
        (_("the main Service has no endpoints, the header says always"), "503", _("the canary answers")),
        (_("an invalid header pattern, and a weight"), _("the main Service answers"), _("the weight decides")),
    ]


def _of_paths_and_clients() -> Rows:
    return [
        (
            _("a canary for /, and a rule for /api on the same host; /api with the canary's header"),
            _("the Service of /api answers"),
            _("the canary of / answers, unless the other path is long (Traefik issue 13785)"),
        ),
        (
            _("pathType Exact for /foo beside Prefix for /"),
            _("Exact wins"),
            _("the longer rule wins: Exact does from 8 characters on"),
        ),
        (
            _("session affinity, after the header sent a request to the canary"),
            _("the client stays with the canary"),
            _("it does not stay: only the weight sets that cookie"),
        ),
        (
            _("session affinity to the main Service, then the header says always"),
            _("the main Service answers"),
            _("the canary answers"),
        ),
        (_("affinity-canary-behavior: legacy"), _("has an effect"), _("is ignored")),
    ]


def _of_the_rest() -> Rows:
    return [
        (_("mirror-target and its like"), _("mirrors requests"), _("is ignored without a word")),
        (_("more requests than limit-rps allows"), "503", _("429, counted by each replica")),
        (_("a snippet annotation"), _("takes effect where snippets are allowed"), _("the whole Ingress is skipped")),
    ]


def mapping() -> Table:
    """What ACK's page about the two scenarios calls them, in both editions, and what engineers would say."""
    by_request, by_weight = _("header, cookie or query parameter: scenario 1"), _("weight of a Service: scenario 2")
    chosen = _("灰度发布 and AB测试")
    rows: Rows = [
        (by_request, chosen, chosen, _("canary release, or A/B test")),
        (by_weight, "蓝绿发布", "蓝绿发布", _("canary release (金丝雀发布)")),
        (_("what the page calls a kind of 灰度发布"), "AB测试", "蓝绿发布", _("neither")),
    ]
    return Table(_("Names for splitting requests"), (_("split by"), _("ACK 2021"), _("ACK now"), _("engineers")), rows)


def controllers() -> Table:
    """The ingress controllers of ACK, each with the year of the page that says so."""
    head = (_("ingress controller"), _("year"), _("what it is"), _("canary"))
    return Table(_("Ingress controllers of ACK"), head, _nginx() + _others())


def _nginx() -> Rows:
    name = "Nginx Ingress Controller"
    return [
        (
            name,
            "2021",
            _("the default: 2 replicas in kube-system behind an SLB"),
            _("service-match and service-weight, or canary-*"),
        ),
        (
            name,
            "2026",
            _(
                "ingress-nginx ended in March, so ACK stops maintaining it; you run it yourself, without SLA (无SLA保障)"
            ),
            _("canary-*; service-* is gone from v1.12 on"),
        ),
    ]


def _others() -> Rows:
    alb = _("managed; SLA up to 99.995 %, up to 1 million requests per second; needs vSwitches in two zones")
    gateway = _(
        "ALB Ingress Controller from 2.17.0 on; or Gateway with Inference Extension, which you run yourself, without SLA"
    )
    return [
        (
            "ALB Ingress",
            "2026",
            alb,
            _("alb.ingress.kubernetes.io/canary-*: header, cookie, weight; a weight needs an Ingress of its own"),
        ),
        (
            "MSE Ingress, APIG Ingress",
            "2026",
            _("Higress; requests do not pass through its controller"),
            _("more than 50 annotations of nginx, over 90 % of the cases"),
        ),
        ("Gateway API", "2026", gateway, _("matches and weights of an HTTPRoute")),
    ]
