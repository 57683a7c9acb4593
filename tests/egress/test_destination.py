"""SECURITY.md S26-S29, S33, S34: what an address alone tells, refused before anybody is asked."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigmawatch.adapters.egress.addresses import is_metadata, is_public
from sigmawatch.adapters.egress.destination import (
    Destination,
    Opening,
    admitted,
    mail_host,
    parse_url,
)
from sigmawatch.domain.errors import Invalid

LAN = Opening(network=ip_network("192.168.1.0/24"), port=8080)


def test_a_public_address_is_taken_apart() -> None:
    found = parse_url("https://Hooks.Example.com/a/b?c=d")
    assert found == Destination(host="hooks.example.com", port=443, tls=True, common=True,
                                target="/a/b?c=d")  # fmt: skip
    assert (found.authority, found.shown) == ("hooks.example.com", "https://hooks.example.com")
    assert parse_url("https://[2606:4700::1111]").authority == "[2606:4700::1111]"
    assert parse_url("https://1.1.1.1?q=1").target == "/?q=1"


@pytest.mark.parametrize(
    "host",
    [
        # S26
        "127.0.0.1", "[::1]", "0.0.0.0", "[::]", "10.1.2.3", "192.168.1.7", "172.31.0.1",
        "100.64.0.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.2.1",
        # S27
        "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "0x7f000001", "①②⑦.⓪.⓪.①", "127.0.0.1.",
        "example.com.", "127.0.0.01", "1.2.3", "\uff11.1.1.1",
        # S28
        "[::ffff:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::1]",
        "[2002:7f00:1::]", "[2001:0:7f00:1::]", "[2606:4700::5efe:7f00:1]",
        "[2606:4700::200:5efe:a00:1]", "[fe80::1%eth0]", "[fe80::1]", "[fec0::1]", "[fd00::1]",
        "[ff02::1]", "[2001:db8::1]", "[3fff::1]", "[100::1]", "[5f00::1]",
        # S29
        "169.254.169.254", "[fd00:ec2::254]", "168.63.129.16", "100.100.100.200",
        "metadata.google.internal", "METADATA.goog", "[::ffff:169.254.169.254]",
        # what no resolver would read as a name
        "exa%6dple.com", "-a.com", "a-.com", "a..com", ".com", "", "a" * 64 + ".com",
    ],
)  # fmt: skip
def test_hosts_that_are_not_public_or_not_clear_are_refused(host: str) -> None:
    with pytest.raises(Invalid) as raised:
        parse_url(f"https://{host}/hook")
    assert raised.value.field == "url"


@pytest.mark.parametrize(
    "url",
    [
        "https://user:pass@example.com/", "https://user@example.com/", "https://example.com/#a",
        "https://example.com\\@10.0.0.1/", "https://example.com/a\tb", "https://example.com/\r\nA:b",
        "https://example.com/a b", " https://example.com/", "file:/etc/passwd", "file://x/etc",
        "gopher://example.com/", "ftp://example.com/", "data:text/plain,a", "unix:/run/a.sock",
        "//example.com/", "https:example.com", "https:///a", "https://example.com:0/",
        "https://example.com:65536/", "https://example.com:0443/", "https://example.com:/",
        "https://ex\u200bample.com/", "https://example.com/" + "a" * 3_000,
    ],
)  # fmt: skip
def test_addresses_that_can_be_read_in_two_ways_are_refused(url: str) -> None:
    with pytest.raises(Invalid) as raised:
        parse_url(url)
    assert "pass" not in str(raised.value).replace("password", "")  # never quoted


@pytest.mark.parametrize("port", [22, 25, 80, 6379, 5432, 8443])
def test_other_ports_are_refused_unless_the_operator_opened_them(port: int) -> None:
    with pytest.raises(Invalid, match=f"port {port}"):
        parse_url(f"https://example.com:{port}/")
    opened = Opening(network=ip_network("192.168.1.0/24"), port=port)
    assert parse_url(f"https://192.168.1.9:{port}/", openings=[opened]).port == port
    with pytest.raises(Invalid, match="public"):
        parse_url(f"https://1.1.1.1:{port}/", openings=[opened])


def test_http_is_for_what_the_operator_opened() -> None:
    with pytest.raises(Invalid, match="unencrypted"):
        parse_url("http://example.com/")
    assert not parse_url("http://192.168.1.5:8080/ntfy", openings=[LAN]).tls
    with pytest.raises(Invalid):
        parse_url("http://192.168.2.5:8080/ntfy", openings=[LAN])
    with pytest.raises(Invalid):
        parse_url("http://192.168.1.5:8081/ntfy", openings=[LAN])


def test_an_opening_is_for_its_range_and_port_and_never_for_metadata() -> None:
    named = parse_url("http://ntfy.lan:8080/", openings=[LAN])
    assert admitted(ip_address("192.168.1.5"), named, openings=[LAN])
    assert not admitted(ip_address("192.168.2.5"), named, openings=[LAN])
    assert not admitted(ip_address("1.1.1.1"), named, openings=[LAN])  # http: only what is opened
    everything = Opening(network=ip_network("0.0.0.0/0"), port=80)
    plain = parse_url("http://cloud.example.com/", openings=[everything])
    assert not admitted(ip_address("169.254.169.254"), plain, openings=[everything])


def test_mail_goes_to_submission_ports_encrypted() -> None:
    assert mail_host("smtp.example.com", 587, tls=True).common
    assert mail_host("smtp.example.com", 465, tls=True).common
    for port, tls in ((25, True), (587, False), (443, True)):
        with pytest.raises(Invalid) as raised:
            mail_host("smtp.example.com", port, tls=tls)
        assert raised.value.field == "host"
    relay = Opening(network=ip_network("10.0.0.25/32"), port=25)
    assert not mail_host("10.0.0.25", 25, tls=False, openings=[relay]).tls


@given(st.integers(0, 2**32 - 1))
def test_an_address_inside_another_is_judged_as_itself(number: int) -> None:
    inside = IPv4Address(number)
    through = IPv6Address((0x0064_FF9B << 96) | number)
    assert is_public(through) == is_public(inside)
    isatap = IPv6Address((0x2606_4700 << 96) | (0x5EFE << 32) | number)
    assert is_public(isatap) == is_public(inside)
    for wrapped in (IPv6Address(f"::ffff:{inside}"), IPv6Address(number)):
        assert not is_public(wrapped)  # neither is ever on a wire
        assert is_metadata(wrapped) == is_metadata(inside)


@given(st.integers(0, 2**32 - 1))
def test_what_python_calls_private_is_never_public(number: int) -> None:
    address = IPv4Address(number)
    if address.is_private or address.is_multicast or address.is_reserved or address.is_loopback:
        assert not is_public(address)


@given(st.text(max_size=40))
def test_anything_at_all_is_read_or_refused(text: str) -> None:
    for url in (text, f"https://{text}", f"https://example.com:{text}", f"https://e.com/{text}"):
        try:
            found = parse_url(url)
        except Invalid:
            continue
        assert found.tls
        assert found.port == 443
        assert found.literal is None or is_public(found.literal)
