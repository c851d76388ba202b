"""Annotations of ACK that nothing in this cluster reads: the ingress controller here is Traefik, not Nginx."""

from __future__ import annotations

from typing import Any

from acplab.base.i18n import _

Object = dict[str, Any]
NGINX = "nginx.ingress.kubernetes.io/"
# After the prefix: what Traefik 3.7.15 knows by name. A test on the cluster compares this with its binary.
KNOWN = frozenset(
    """
    affinity affinity-canary-behavior allowlist-source-range app-root auth-method auth-realm
    auth-response-headers auth-secret auth-secret-type auth-signin auth-snippet
    auth-tls-pass-certificate-to-upstream auth-tls-secret auth-tls-verify-client auth-type auth-url
    backend-protocol canary canary-by-cookie canary-by-header canary-by-header-pattern canary-by-header-value
    canary-weight canary-weight-total client-body-buffer-size configuration-snippet cors-allow-credentials
    cors-allow-headers cors-allow-methods cors-allow-origin cors-expose-headers cors-max-age custom-headers
    custom-http-errors default-backend enable-access-log enable-cors enable-global-auth enable-modsecurity
    enable-owasp-core-rules force-ssl-redirect from-to-www-redirect limit-burst-multiplier limit-connections
    limit-rpm limit-rps modsecurity-snippet modsecurity-transaction-id permanent-redirect
    permanent-redirect-code proxy-body-size proxy-buffer-size proxy-buffering proxy-buffers-number
    proxy-connect-timeout proxy-http-version proxy-max-temp-file-size proxy-next-upstream
    proxy-next-upstream-timeout proxy-next-upstream-tries proxy-read-timeout proxy-request-buffering
    proxy-send-timeout proxy-ssl-name proxy-ssl-secret proxy-ssl-server-name proxy-ssl-verify rewrite-target
    server-alias server-snippet service-upstream session-cookie-domain session-cookie-expires
    session-cookie-max-age session-cookie-name session-cookie-path session-cookie-samesite session-cookie-secure
    ssl-passthrough ssl-redirect temporal-redirect temporal-redirect-code upstream-hash-by upstream-vhost
    use-regex whitelist-source-range x-forwarded-prefix
    """.split()  # noqa: SIM905
)
WITHOUT_EFFECT = {"affinity-canary-behavior"}  # read, and then not used


def unread_annotations(one: Object) -> str:
    """What to know of an object whose annotations are for other controllers; "" if there is nothing to say."""
    given = [str(key) for key in one["metadata"].get("annotations") or {}]
    if one["kind"] == "Ingress" and (snippets := [key for key in given if _is_snippet(key)]):
        return _("the ingress controller here skips an Ingress with {names}").format(names=", ".join(snippets))
    unread = [key for key in given if _is_unread(one["kind"], key)]
    return _("not read here: {names}").format(names=", ".join(unread)) if unread else ""


def _is_snippet(key: str) -> bool:
    return key.startswith(NGINX) and key.endswith("-snippet")


def _is_unread(kind: str, key: str) -> bool:
    prefix, _slash, name = key.partition("/")
    if kind == "Ingress" and key.startswith(NGINX):
        return name not in KNOWN or name in WITHOUT_EFFECT
    # alb.ingress.kubernetes.io, mse.ingress.kubernetes.io and the like; of a Service those for the SLB.
    return (kind == "Ingress" and prefix.endswith("ingress.kubernetes.io")) or (
        kind == "Service" and prefix == "service.beta.kubernetes.io"
    )
