"""Certificates that work, and those that are refused before a customer meets them; handshakes with a server of ours."""

from __future__ import annotations

import base64
import http.server
import ssl
import threading

import pytest
from acplab import certificates, measure
from acplab.base.errors import AcplabError
from hypothesis import given
from hypothesis import strategies as st

SHOP, CART = "shop.example.com", "cart.example.com"


@pytest.fixture(scope="module")
def ca():
    return certificates.authority("test CA")


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_words: object) -> None:
        pass


class Quiet(http.server.ThreadingHTTPServer):
    def handle_error(self, *_request: object) -> None:
        pass


@pytest.fixture
def server(ca, tmp_path):
    """https://127.0.0.1:PORT, with a pair for each name; clients of `ca` only, if asked for."""
    begun = []

    def start(pairs: dict[str, certificates.Pair], only_clients_of: certificates.Authority | None = None) -> str:
        contexts = {name: context(pair, only_clients_of) for name, pair in pairs.items()}
        first = next(iter(contexts.values()))

        def choose(wrapped: ssl.SSLObject, name: str, _context: ssl.SSLContext) -> None:
            wrapped.context = contexts.get(name, first)

        first.sni_callback = choose
        web = Quiet(("127.0.0.1", 0), Answer)
        web.socket = first.wrap_socket(web.socket, server_side=True)
        threading.Thread(target=web.serve_forever, daemon=True).start()
        begun.append(web)
        return f"https://127.0.0.1:{web.server_address[1]}"

    def context(pair: certificates.Pair, clients_of: certificates.Authority | None) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        file = tmp_path / "pair.pem"
        file.write_text(pair.certificate + pair.key)
        made.load_cert_chain(file)
        if clients_of:
            made.verify_mode = ssl.CERT_REQUIRED
            made.load_verify_locations(cadata=clients_of.certificate)
        return made

    yield start
    for web in begun:
        web.shutdown()
        web.server_close()


def asked(url: str, host: str, tls: ssl.SSLContext) -> dict[str, int]:
    return measure.traffic(url, n=2, host=host, tls=tls, keepalive=False).errors


def test_a_pair_says_what_it_is_for(ca):
    says = ca.issue(SHOP, "*.shop.example.com", "127.0.0.1").says
    assert says.names == (SHOP, "*.shop.example.com", "127.0.0.1")
    assert says.issuer == "test CA"
    assert says.holds_for(SHOP.upper())
    assert says.holds_for("a.shop.example.com")
    assert not says.holds_for("a.b.shop.example.com")
    assert not says.holds_for(CART)


def test_two_names_on_one_address(ca, server):
    url = server({SHOP: ca.issue(SHOP), CART: ca.issue(CART)})
    for host in (SHOP, CART):
        shown = measure.served(url, host, ca.trust())
        assert (shown.certificate.subject, shown.refused) == (host, "")
        assert asked(url, host, ca.trust()) == {}


def test_a_strict_client_takes_it(ca, server):
    strict = ca.trust()
    strict.verify_flags |= ssl.VERIFY_X509_STRICT  # Python 3.13 has it by default
    assert asked(server({SHOP: ca.issue(SHOP)}), SHOP, strict) == {}


def test_what_a_client_says_of_a_certificate_that_does_not_fit(ca, server):
    url = server({"old.example.com": ca.issue("old.example.com", days=-1), SHOP: ca.issue(SHOP)})
    assert asked(url, "old.example.com", ca.trust()) == {"certificate refused: certificate has expired": 2}
    assert measure.served(url, "old.example.com", ca.trust()).refused == "certificate has expired"
    stranger = certificates.authority("stranger").trust()
    (refused,) = asked(url, SHOP, stranger)
    assert refused.startswith("certificate refused: ")
    wrong = server({CART: ca.issue(SHOP)})
    assert asked(wrong, CART, ca.trust()) == {"certificate refused: it is for another name": 2}


def test_mutual_tls(ca, server):
    url = server({SHOP: ca.issue(SHOP)}, only_clients_of=ca)
    assert sum(asked(url, SHOP, ca.trust()).values()) == 2  # an alert, unless the server has hung up before it is read
    assert asked(url, SHOP, ca.trust(client=ca.issue_client("alice"))) == {}


@pytest.mark.parametrize(
    ("said", "named"),
    [
        (
            "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required",
            "TLS alert: certificate required",
        ),
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number", "TLS handshake failed"),
    ],
)
def test_alerts_have_a_name(said, named):
    from acplab.measure.http import kind

    assert kind(ssl.SSLError(1, said)) == named


def test_nothing_that_speaks_tls(ca, server):
    with pytest.raises(AcplabError, match="No handshake for shop"):
        measure.served("https://127.0.0.1:1", SHOP, ca.trust())


@pytest.mark.parametrize(
    ("fault", "make"),
    [
        ("does not belong", lambda ca: certificates.Pair(ca.issue(SHOP).certificate, ca.issue(SHOP).key)),
        ("has expired", lambda ca: ca.issue(SHOP, days=-3)),
        ("is for cart.example.com, not for", lambda ca: ca.issue(CART)),
        ("does not belong", lambda ca: certificates.Pair(ca.issue(SHOP).certificate, "no key")),
    ],
)
def test_a_pair_that_cannot_work_is_refused_early(ca, fault, make):
    pair = make(ca)
    with pytest.raises(AcplabError, match=fault) as told:
        pair.secret("shop-tls", host=SHOP)
    assert told.value.remedy
    assert pair.secret("shop-tls", host=SHOP, checked=False)["type"] == "kubernetes.io/tls"


def test_a_good_pair_is_a_secret_and_never_on_the_screen(ca):
    pair = ca.issue(SHOP)
    data = pair.secret("shop-tls", host=SHOP)["data"]
    assert base64.b64decode(data["tls.key"]).decode() == pair.key
    assert "PRIVATE" not in repr(pair)
    assert ca.certificate in pair.certificate
    assert list(ca.secret("clients")["data"]) == ["ca.crt"]


def test_bad_words(ca):
    with pytest.raises(AcplabError, match="needs a name"):
        ca.issue()
    with pytest.raises(AcplabError, match="no certificate"):
        certificates.read("hello")


LABEL = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)


@given(LABEL, LABEL, LABEL)
def test_a_wildcard_is_one_label(one, two, domain):
    says = certificates.Certificate("", (f"*.{domain}.com",), "", 1, None, None)  # type: ignore[arg-type]
    assert says.holds_for(f"{one}.{domain}.com")
    assert not says.holds_for(f"{one}.{two}.{domain}.com")
    assert not says.holds_for(f"{domain}.com")
