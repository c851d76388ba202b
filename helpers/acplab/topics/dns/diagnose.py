"""Hints about names: what the Corefile says, what a Pod asks, and why it has no cache."""

from __future__ import annotations

from acplab.base.i18n import _
from acplab.grading import LabView
from acplab.grading.checks import Ladder
from acplab.grading.prose import listed
from acplab.topics.dns.corefile import Use
from acplab.topics.dns.expect import conf_of, corefile_mistakes
from acplab.topics.dns.injection import is_injected, reasons_against
from acplab.topics.dns.resolv import names

Two = tuple[str, str]


def broken_corefile(use: Use | None = None) -> Ladder:
    """A mistake in the Corefile of CoreDNS."""

    def ladder(lab: LabView) -> Two | None:
        found = corefile_mistakes(lab, use)
        if not found:
            return None
        return (
            _("Read the Corefile of CoreDNS from line {n} on.").format(n=found[0].line),
            _("Line {n}: {sentence}").format(n=found[0].line, sentence=found[0].sentence),
        )

    return ladder


def names_tried(pod: str, name: str) -> Ladder:
    """What a Pod makes of a name, by its resolv.conf."""

    def ladder(lab: LabView) -> Two | None:
        conf = conf_of(lab, pod)
        if conf is None:
            return None
        return (
            _("Which servers and search domains has Pod {pod}? See its /etc/resolv.conf.").format(pod=pod),
            _("It asks {servers}, for these names in turn: {names}.").format(
                servers=listed(conf.nameservers), names=", ".join(names(conf, name))
            ),
        )

    return ladder


def not_injected(selector: str) -> Ladder:
    """Pods without the node cache: which condition they do not meet, or that they are older than the webhook."""

    def ladder(lab: LabView) -> Two | None:
        lost = [pod for pod in lab.pods(selector, ready=False) if not is_injected(pod)]
        namespace = lab.get("namespace", lab.namespace, "")
        if not lost or namespace is None:
            return None
        name = lost[0]["metadata"]["name"]
        why = reasons_against(lost[0], namespace)
        if why:
            return _("A condition of the injection is not met by Pod {pod}.").format(pod=name), why[0]
        return (
            _("Pod {pod} meets all conditions, and it was not injected.").format(pod=name),
            _("A webhook sees a Pod once, when it is made. When was this one made?"),
        )

    return ladder
