"""Requests go only to this machine, and a wrong option gets a sentence."""

from __future__ import annotations

import ssl
from typing import Any, Unpack

import pytest
from acplab.base.errors import AcplabError
from acplab.measure import Request, RequestOptions, steady, traffic
from acplab.measure.request import prepare, target
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    "url",
    [
        "http://www.example.com",
        "http://localhost.example.com",
        "http://user@localhost/",
        "http://192.168.1.1",
        "http://0.0.0.0:80",
        "http://128.0.0.1",
        "http://[::1]:80",
        "http://[::ffff:127.0.0.1]",
        "http://127.0.0.1@198.51.100.1/",
        "http://user@127.0.0.1/",
        "http://127.1",
        "http://0177.0.0.1",
        "http://2130706433",
        "ftp://127.0.0.1",
        "127.0.0.1:8080",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:port",
        "http://",
        "",
    ],
)
def test_other_addresses_are_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acplab.measure.loads.Load.start", lambda load: pytest.fail(f"sends to {load.request.url}"))
    with pytest.raises(AcplabError, match="not an address on this machine"):
        traffic(url, n=1)
    with pytest.raises(AcplabError, match="not an address on this machine"):
        steady(url)


@given(st.text(max_size=40))
def test_what_is_accepted_goes_to_this_machine(text: str) -> None:
    from yarl import URL  # what aiohttp makes of it

    tried = (
        text,
        f"http://{text}",
        f"http://127.0.0.1{text}",
        f"http://127.0.0.1:80/{text}",
        f"http://localhost{text}",
    )
    for url in tried:
        try:
            accepted = URL(target(url))
        except AcplabError:
            continue
        assert (accepted.host or "").startswith("127.")
        assert accepted.user is None


@pytest.mark.parametrize(
    ("url", "path", "whole"),
    [
        ("http://127.0.0.1:80", "/", "http://127.0.0.1:80/"),
        ("http://localhost:8080/own", "/", "http://127.0.0.1:8080/own"),
        ("http://127.0.0.1", "/cart?x=1", "http://127.0.0.1:80/cart?x=1"),
        ("http://127.9.9.9:1/own?y=2", "/", "http://127.9.9.9:1/own?y=2"),
        ("http://127.0.0.1:1/own", "/other", "http://127.0.0.1:1/other"),
        ("http://127.0.0.1:1/own", "//198.51.100.1/", "http://127.0.0.1:1//198.51.100.1/"),
    ],
)
def test_the_target(url: str, path: str, whole: str) -> None:
    assert target(url, path) == whole


@pytest.mark.parametrize("path", ["cart", "@198.51.100.1/", "", "/a\r\nb", 5, None])
def test_a_path_starts_with_a_slash(path: Any) -> None:
    with pytest.raises(AcplabError, match="not a path"):
        target("http://127.0.0.1:80", path)


@pytest.mark.parametrize("url", [None, 5, b"http://127.0.0.1"])
def test_a_url_that_is_no_string_is_refused(url: Any) -> None:
    with pytest.raises(AcplabError, match="not an address on this machine"):
        traffic(url, n=1)


def prepared(**options: Unpack[RequestOptions]) -> Request:
    return prepare("http://127.0.0.1", options)


def test_header_names_are_merged_whatever_their_case() -> None:
    request = prepared(
        host="www.example.com", headers={"host": "no", "COOKIE": "a=b", "foo": "bar"}, cookies={"c": "d"}
    )
    assert request.headers == {"Host": "www.example.com", "Cookie": "a=b; c=d", "foo": "bar"}


def test_numbers_become_header_values() -> None:
    assert prepared(headers={"x": 1}, cookies={"y": 2.5}).headers == {"x": "1", "Cookie": "y=2.5"}  # type: ignore[dict-item]


@pytest.mark.parametrize(
    "options", [{"headers": {"a": "b\r\nc: d"}}, {"cookies": {"a": "x\ny"}}, {"headers": {"": "x"}}]
)
def test_a_header_is_one_line(options: RequestOptions) -> None:
    with pytest.raises(AcplabError, match="not one line"):
        prepare("http://127.0.0.1", options)


@pytest.mark.parametrize(
    ("option", "given"),
    [
        ("headers", "foo: bar"),
        ("cookies", "foo=bar"),
        ("headers", [("foo", "bar")]),
        ("cookies", {"foo"}),
        ("headers", 5),
    ],
)
def test_headers_and_cookies_are_dicts(option: str, given: Any) -> None:
    with pytest.raises(AcplabError, match=f"{option} must be a dict, not ") as caught:
        traffic("http://127.0.0.1:9", n=1, **{option: given})
    assert f"{option}={{" in caught.value.remedy


@pytest.mark.parametrize("given", [{1: "x"}, {"x": None}, {"x": b"y"}, {"x": ["y"]}])
@pytest.mark.parametrize("option", ["headers", "cookies"])
def test_headers_and_cookies_hold_strings(option: str, given: Any) -> None:
    with pytest.raises(AcplabError, match=f"{option} must hold strings"):
        traffic("http://127.0.0.1:9", n=1, **{option: given})


@pytest.mark.parametrize(
    ("host", "meant"),
    [
        ("http://shop.example.com", "shop.example.com"),
        ("https://shop.example.com:8443/cart?x=1", "shop.example.com:8443"),
        ("//shop.example.com", "shop.example.com"),
        ("shop.example.com/", "shop.example.com"),
        ("shop.example.com/cart", "shop.example.com"),
        (" shop.example.com", "shop.example.com"),
        ("x\n", "x"),
        ("user@shop.example.com", "www.example.com"),
        ("two words", "www.example.com"),
        ("*.example.com", "www.example.com"),
        ("-", "www.example.com"),
        ("商店.example.com", "www.example.com"),
        ("", "www.example.com"),
        (5, "5"),
    ],
)
def test_a_host_is_a_name_and_no_url(host: Any, meant: str) -> None:
    with pytest.raises(AcplabError, match="host must be a name") as caught:
        prepared(host=host)
    assert f'host="{meant}"' in caught.value.remedy
    assert prepared(host=meant).headers == {"Host": meant}


def test_a_host_header_is_checked_like_host() -> None:
    with pytest.raises(AcplabError, match="host must be a name"):
        prepared(headers={"host": "http://shop.example.com"})


@pytest.mark.parametrize(
    "host", ["shop", "www.example.com", "a_b.example.com.", "shop.example.com:8080", "10.0.0.1", "[fd00::1]:80"]
)
def test_names_and_addresses_are_hosts(host: str) -> None:
    assert prepared(host=host).headers == {"Host": host}


@pytest.mark.parametrize("method", ["GET / HTTP/1.1", "", None, 5])
def test_a_method_is_a_word(method: Any) -> None:
    with pytest.raises(AcplabError, match="not an HTTP method"):
        prepared(method=method)


@pytest.mark.parametrize(
    ("timeout", "words"), [(0, "greater than 0"), (31, "at most 30"), ("3", "a number, not '3'"), (None, "a number")]
)
def test_a_timeout_is_a_number_of_seconds(timeout: Any, words: str) -> None:
    with pytest.raises(AcplabError, match=f"timeout must be .*{words}"):
        prepared(timeout=timeout)


def test_an_unknown_option_is_named() -> None:
    with pytest.raises(AcplabError, match="no option 'hosts'") as caught:
        traffic("http://127.0.0.1:9", hosts="www.example.com")  # type: ignore[call-arg]
    assert "host, path, headers" in caught.value.remedy


@pytest.mark.parametrize("url", ["https://localhost", "https://127.0.0.1:8443"])
def test_https_wants_to_know_whom_to_trust(url: str) -> None:
    with pytest.raises(AcplabError, match="wants TLS"):
        prepare(url, {})
    asked = prepare(url, {"tls": ssl.create_default_context(), "host": "shop.example.com:8443"})
    assert asked.url.startswith("https://127.0.0.1")
    assert asked.server_name == "shop.example.com"


def test_trust_is_for_https_and_is_no_word() -> None:
    with pytest.raises(AcplabError, match="is not https"):
        prepare("http://127.0.0.1", {"tls": ssl.create_default_context()})
    with pytest.raises(AcplabError, match="does not"):
        prepare("https://127.0.0.1", {"tls": True})  # type: ignore[typeddict-item]
