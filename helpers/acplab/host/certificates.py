"""Certificates of our own: an authority, key pairs for names and clients, and Secrets that an Ingress can use.

    ca = certificates.authority()                        # in the real world a public one, or the company's
    pair = ca.issue("shop.example.com", days=90)
    kube.apply(pair.secret("shop-tls"), namespace)       # refused if it cannot work: expired, or key and certificate differ
    measure.traffic(url, host="shop.example.com", tls=ca.trust())

Keys are for exercises: they are in memory, without a password. Only this module uses cryptography.
"""

from __future__ import annotations

import base64
import ssl
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from acplab.base.arguments import number
from acplab.base.errors import AcplabError
from acplab.base.i18n import _

if TYPE_CHECKING:
    from cryptography import x509

EARLIER = timedelta(minutes=5)  # a certificate counts from a little before now: clocks differ
CA_DAYS = 365


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key, both as PEM text; the certificate of its authority follows in `certificate`."""

    certificate: str
    key: str

    @cached_property
    def says(self) -> Certificate:
        """What the certificate says."""
        return read(self.certificate)

    def secret(self, name: str, host: str = "", checked: bool = True) -> dict[str, Any]:
        """A Secret of type kubernetes.io/tls, as `kubectl create secret tls` makes it.

        AcplabError if it cannot work: see problem(). checked=False makes it nevertheless, to see what clients say.
        """
        if checked and (found := problem(self.certificate, self.key, host)):
            raise found
        data = {"tls.crt": _base64(self.certificate), "tls.key": _base64(self.key)}
        return _secret(name, data, "kubernetes.io/tls")

    def __repr__(self) -> str:
        return repr(self.says)  # a key is not for the screen


@dataclass(frozen=True)
class Certificate:
    """What a certificate says. names: that it holds for; start, end: of the time in which it does."""

    subject: str
    names: tuple[str, ...]
    issuer: str
    serial: int
    start: datetime
    end: datetime

    def holds_for(self, host: str) -> bool:
        """Whether a client that asks for this name takes it; "*.example.com" is one label, as RFC 6125 has it."""
        asked = host.rstrip(".").lower()
        wildcard = f"*.{asked.partition('.')[2]}"
        return any(name.lower() in (asked, wildcard) for name in self.names)

    @property
    def expired(self) -> bool:
        """Whether its time is over."""
        return self.end <= datetime.now(UTC)

    def __repr__(self) -> str:
        return _("certificate {serial:x} of {subject} for {names}, from {issuer}, until {end:%Y-%m-%d %H:%M} UTC").format(
            serial=self.serial % 2**32, subject=self.subject, names=", ".join(self.names) or _("no name"),
            issuer=self.issuer, end=self.end,
        )  # fmt: skip


class Authority:
    """Who signs certificates (CA). Who trusts its certificate takes what it has signed, if name and time fit."""

    def __init__(self, name: str) -> None:
        from cryptography import x509

        self.name, self._key = name, _new_key()
        builder = _builder(name, self._key, name, CA_DAYS)
        signed = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        signed = signed.add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
        self._signed = _signed(signed.add_extension(_usage(certificates=True), critical=True), self._key)

    @property
    def certificate(self) -> str:
        """Its own certificate, as PEM text: this is what clients get."""
        return _pem(self._signed)

    def issue(self, *names: str, days: float = 90) -> Pair:
        """A pair for host names ("shop.example.com", "*.example.com") or addresses; days below 0: it is over already."""
        if not names or not all(names):
            raise AcplabError(
                _("A certificate needs a name."), _('Say for which: ca.issue("shop.example.com", "www.example.com").')
            )
        return self._issue(names[0], names, days, client=False)

    def issue_client(self, name: str, days: float = 90) -> Pair:
        """A pair with which a client shows who it is, for mutual TLS."""
        return self._issue(name, (), days, client=True)

    def trust(self, client: Pair | None = None) -> ssl.SSLContext:
        """For measure: trusts this authority alone, and shows the client's pair if the server asks."""
        context = ssl.create_default_context(cadata=self.certificate)
        if client:
            with tempfile.NamedTemporaryFile("w", suffix=".pem") as both:  # the library reads it from a file only
                both.write(client.certificate + client.key)
                both.flush()
                context.load_cert_chain(both.name)
        return context

    def secret(self, name: str) -> dict[str, Any]:
        """A Secret with its certificate as ca.crt: what an ingress controller checks clients against."""
        return _secret(name, {"ca.crt": _base64(self.certificate)}, "Opaque")

    def _issue(self, subject: str, names: Sequence[str], days: float, client: bool) -> Pair:
        from cryptography import x509
        from cryptography.x509.oid import ExtendedKeyUsageOID

        key = _new_key()
        purpose = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        builder = _builder(subject, key, self.name, number("days", days))
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        builder = builder.add_extension(_usage(certificates=False), critical=True)
        signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.add_extension(signer, critical=False)  # Python 3.13 refuses a certificate without
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(list(map(_general, names))), critical=False)
        return Pair(_pem(_signed(builder, self._key)) + self.certificate, _key_pem(key))

    def __repr__(self) -> str:
        return _("authority {name}: {says}").format(name=self.name, says=read(self.certificate))


def authority(name: str = "acplab course CA") -> Authority:
    """A new authority. Nobody on this machine trusts it, except who is given its .trust()."""
    return Authority(name)


def read(certificate: str | bytes) -> Certificate:
    """What a certificate says: PEM text (the first one in it) or DER bytes. AcplabError if it is none."""
    from cryptography import x509

    try:
        if isinstance(certificate, bytes):
            return _read(x509.load_der_x509_certificate(certificate))
        return _read(x509.load_pem_x509_certificate(certificate.encode()))
    except ValueError:
        raise AcplabError(
            _("This is no certificate."), _("A certificate begins with -----BEGIN CERTIFICATE-----.")
        ) from None


def problem(certificate: str, key: str, host: str = "") -> AcplabError | None:
    """Why this pair cannot serve a host ("" for any of its names), or None. Each is noticed before a customer does."""
    says = read(certificate)
    if not _belong_together(certificate, key):
        return AcplabError(
            _("The key does not belong to the certificate of {subject}.").format(subject=says.subject),
            _("A renewed certificate often comes with a new key: use both, or neither."),
        )
    if says.expired:
        return AcplabError(
            _("The certificate of {subject} has expired on {end:%Y-%m-%d %H:%M} UTC.").format(
                subject=says.subject, end=says.end
            ),
            _('Issue a new one: ca.issue("{subject}").').format(subject=says.subject),
        )
    if host and not says.holds_for(host):
        return AcplabError(
            _("The certificate is for {names}, not for {host}.").format(names=", ".join(says.names), host=host),
            _('Issue one for the name that customers ask for: ca.issue("{host}").').format(host=host),
        )
    return None


def _belong_together(certificate: str, key: str) -> bool:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        private = load_pem_private_key(key.encode(), password=None)
    except ValueError:
        return False
    return private.public_key() == x509.load_pem_x509_certificate(certificate.encode()).public_key()


# --- the library ---------------------------------------------------------------------------------------------------


def _new_key() -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())  # as good as RSA 3072 here, and made in a moment


def _builder(subject: str, key: Any, issuer: str, days: float) -> x509.CertificateBuilder:
    from cryptography import x509

    end = datetime.now(UTC) + timedelta(days=days)
    start = min(datetime.now(UTC) - EARLIER, end - timedelta(days=1))  # one that is over was good once
    builder = x509.CertificateBuilder(_name(issuer), _name(subject), key.public_key(), x509.random_serial_number())
    return builder.not_valid_before(start).not_valid_after(end)


def _signed(builder: x509.CertificateBuilder, key: Any) -> x509.Certificate:
    from cryptography.hazmat.primitives.hashes import SHA256

    return builder.sign(key, SHA256())


def _name(text: str) -> x509.Name:
    from cryptography import x509

    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text[:64])])


def _general(name: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(certificates: bool) -> x509.KeyUsage:
    """What the key may sign: certificates, or the handshakes of its owner."""
    from cryptography import x509

    names = (
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "encipher_only",
        "decipher_only",
    )
    none = dict.fromkeys(names, False)
    return x509.KeyUsage(digital_signature=not certificates, key_cert_sign=certificates, crl_sign=certificates, **none)


def _read(found: x509.Certificate) -> Certificate:
    from cryptography import x509

    try:
        held = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = tuple(str(name.value) for name in held)
    except x509.ExtensionNotFound:
        names = ()
    common = [_common(one) for one in (found.subject, found.issuer)]
    return Certificate(common[0], names, common[1], found.serial_number, found.not_valid_before_utc, found.not_valid_after_utc)  # fmt: skip


def _common(name: x509.Name) -> str:
    from cryptography import x509

    return ", ".join(str(one.value) for one in name.get_attributes_for_oid(x509.NameOID.COMMON_NAME)) or "?"


def _pem(certificate: x509.Certificate) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM).decode()


def _key_pem(key: Any) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _secret(name: str, data: dict[str, str], type_: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": type_, "data": data}


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
