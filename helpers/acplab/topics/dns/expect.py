"""What checks expect of names: that Pods get the right addresses, from the right server, with few questions."""

from __future__ import annotations

from collections.abc import Collection

from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.grading import LabView, Result
from acplab.grading.expect import met
from acplab.grading.prose import listed
from acplab.measure import dns
from acplab.topics.dns import corefile, injection, zones
from acplab.topics.dns.policy import resolv_conf
from acplab.topics.dns.resolv import ResolvConf, questions


def resolves(lab: LabView, pod: str, name: str, addresses: Collection[str], text: str) -> Result:
    """A program in the Pod gets exactly these addresses for a name; with none, it must get none."""
    found = dns.look_up(pod, name, lab.namespace) if is_there(lab, pod) else []
    return met(
        text, set(found) == set(addresses) and is_there(lab, pod), listed(found), listed(addresses), pod=pod, name=name
    )


def answers(lab: LabView, pod: str, name: str, rcode: str, text: str, server: str | None = None) -> Result:
    """A server answers a Pod's question with this rcode. server: the Pod's first nameserver if it is not given."""
    seen = dns.ask(pod, name, lab.namespace, server=server).rcode if is_there(lab, pod) else _("no such Pod")
    return met(text, seen == rcode, seen, rcode, pod=pod, name=name, server=server or "")


def few_questions(lab: LabView, pod: str, name: str, most: int, text: str, existing: Collection[str] = ()) -> Result:
    """By its resolv.conf a Pod asks at most so many questions for a name. existing: whole names that exist."""
    conf = conf_of(lab, pod)
    found = len(questions(conf, name, existing)) if conf else None
    return met(text, found is not None and found <= most, found, most, pod=pod, name=name)


def asks_cache(lab: LabView, pod: str, text: str, cache: str = injection.CACHE) -> Result:
    """A Pod asks a cache first, and that cache answers it."""
    conf = conf_of(lab, pod)
    first = conf.nameservers[0] if conf and conf.nameservers else ""
    seen = dns.ask(pod, "kubernetes.default.svc.cluster.local.", lab.namespace, server=cache) if conf else None
    ok = first == cache and seen is not None and seen.rcode == "NOERROR"
    return met(text, ok, first or _("none"), cache, pod=pod)


def corefile_is_sound(lab: LabView, text: str, use: corefile.Use | None = None) -> Result:
    """The Corefile of CoreDNS has no mistake that we know of."""
    found = corefile_mistakes(lab, use)
    return met(text, not found, listed(map(str, found)), _("none"))


def corefile_mistakes(lab: LabView, use: corefile.Use | None = None) -> list[corefile.Mistake]:
    """The mistakes in the ConfigMap of CoreDNS."""
    config = lab.get("configmap", "coredns", "kube-system") or {}
    return corefile.mistakes((config.get("data") or {}).get("Corefile", ""), use)


def every_server_answers(lab: LabView, pod: str, name: str, text: str) -> Result:
    """Each nameserver in a Pod's resolv.conf answers a question about this whole name with NOERROR."""
    conf = conf_of(lab, pod)
    servers = conf.nameservers if conf else ()
    seen = {one: dns.ask(pod, name, lab.namespace, server=one).rcode for one in servers}
    found = ", ".join(f"{server}: {rcode}" for server, rcode in seen.items())
    return met(text, seen and set(seen.values()) == {"NOERROR"}, found or _("none"), _("NOERROR from each"), pod=pod)


def published(lab: LabView, name: str, addresses: Collection[str], text: str) -> Result:
    """PrivateZone has exactly these addresses for $svc.$ns; with none, no such record. Red without any PrivateZone."""
    zone = zones.find_zone(lab.cluster)
    found = zone.addresses(name) if zone else []
    return met(text, zone is not None and set(found) == set(addresses), listed(found), listed(addresses), name=name)


def a_pod(lab: LabView, selector: str) -> str:
    """The name of a ready Pod with these labels; "" if there is none, which no other function here takes for a Pod."""
    return next((one["metadata"]["name"] for one in lab.pods(selector)), "")


def is_there(lab: LabView, pod: str) -> bool:
    """Whether a Pod runs, so that it can be asked."""
    found = lab.get("pod", pod) if pod else None
    return found is not None and found["status"].get("phase") == "Running"


def conf_of(lab: LabView, pod: str) -> ResolvConf | None:
    """The resolv.conf of a running Pod, read inside of it; None if it cannot be read."""
    if not is_there(lab, pod):
        return None
    try:
        return ResolvConf.parse(dns.resolver_file(pod, lab.namespace))
    except AcplabError:  # an image without cat
        return _conf_by_spec(lab, pod)


def _conf_by_spec(lab: LabView, pod: str) -> ResolvConf | None:
    """The resolv.conf that kubelet makes of its spec, but for what the node itself adds."""
    found, service = lab.get("pod", pod), lab.get("service", "kube-dns", "kube-system")
    if found is None or service is None:
        return None
    return resolv_conf(found["spec"], lab.namespace, service["spec"]["clusterIP"], ResolvConf())
