"""One handshake: which certificate a server shows for a name (SNI), and whether a client would take it."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.host import certificates
from acplab.measure.request import target

TIMEOUT = 3.0


@dataclass(frozen=True)
class Shown:
    """certificate: what the server has shown. refused: why the client does not take it, "" if it does."""

    certificate: certificates.Certificate
    refused: str

    def __repr__(self) -> str:
        verdict = _("a client refuses it: {why}").format(why=self.refused) if self.refused else _("a client takes it")
        return f"{self.certificate!r}; {verdict}"


def served(url: str, host: str, tls: ssl.SSLContext) -> Shown:
    """Ask for a host in a handshake (SNI), and say what was shown.

    url: https://127.0.0.1:PORT. tls: whom the client trusts. AcplabError if nothing there speaks TLS.
    """
    parts = urlsplit(target(url, scheme="https"))
    address = (str(parts.hostname), int(parts.port or 443))
    refused, shown = "", _handshake(address, host, _curious())
    try:
        _handshake(address, host, tls)
    except ssl.SSLCertVerificationError as error:
        refused = error.verify_message.rstrip(".")
    return Shown(certificates.read(shown), refused)


def _handshake(address: tuple[str, int], host: str, context: ssl.SSLContext) -> bytes:
    """The server's certificate, as DER."""
    try:
        with (
            socket.create_connection(address, TIMEOUT) as plain,
            context.wrap_socket(plain, server_hostname=host) as wrapped,
        ):
            return wrapped.getpeercert(binary_form=True) or b""
    except ssl.SSLCertVerificationError:
        raise
    except OSError as error:
        raise AcplabError(
            _("No handshake for {host}: {error}.").format(host=host, error=error),
            _("Is this the https port (chapter.cluster.tls_url)? Does an Ingress name a Secret for this host?"),
        ) from None


def _curious() -> ssl.SSLContext:
    """Takes every certificate, only to look at it: nothing is sent."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
