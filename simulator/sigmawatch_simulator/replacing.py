"""Answers that a broken or angry venue gives instead of data; worded as seen in the wild."""

from dataclasses import replace

import msgspec

from sigmawatch_simulator.faults import Fault
from sigmawatch_simulator.venues.speech import HTML, JSON, Answer

_CLOUDFRONT = (
    '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN">\n<HTML><HEAD>\n'
    "<TITLE>ERROR: The request could not be satisfied</TITLE>\n</HEAD><BODY>\n"
    "<H1>403 ERROR</H1>\n<H2>The request could not be satisfied.</H2>\nRequest blocked.\n"
    "</BODY></HTML>"
)
_CLOUDFLARE = (
    '<!DOCTYPE html>\n<html class="no-js" lang="en-US">\n<head>\n'
    "<title>{} | 520: Web server is returning an unknown error</title>\n"
    '<meta charset="UTF-8" />\n</head><body></body></html>'
)
_PAGE = "<!DOCTYPE html>\n<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"
_REGION = (
    "Service unavailable from a restricted location according to 'b. Eligibility' in the terms."
)
_BUSY = "Server is currently overloaded with other requests. Please try again in a few minutes."
_RATE = {
    "kraken": {"error": ["EGeneral:Too many requests"]},
    "coinbase": {"message": "Public rate limit exceeded"},
    "binance": {"code": -1003, "msg": "Too much request weight used; please use streams."},
    "okx": {"code": "50011", "msg": "Too Many Requests", "data": []},
    "bybit": {"retCode": 10006, "retMsg": "Too many visits!", "result": {}},
    "bitstamp": {
        "response_code": "400.002",
        "response_explanation": "Request rate limit exceeded.",
    },
}


def replacement(fault: Fault, venue: str, *, now_ms: int) -> Answer:
    """The answer of a fault of the kinds in faults.REPLACING."""
    match fault.kind:
        case "rate_limited":
            return _json(_RATE[venue], 429, **_wait(fault.retry_after_s))
        case "rate_in_words":
            return _json(_RATE[venue], 200)
        case "banned" | "banned_in_words":
            return _banned(fault, now_ms=now_ms)
        case "region_blocked":
            return _json({"code": 0, "msg": _REGION}, 451)
        case "kraken_error":
            return _json({"error": [str(fault.value or "EService:Unavailable")]}, 200)
        case "overloaded":
            return _json({"code": -1008, "msg": _BUSY}, 503)
        case "null_result":
            return _json({"error": [], "result": None} if venue == "kraken" else None, 200)
        case "empty_body" | "empty_object" | "empty_array":
            return Answer(body=_EMPTY[fault.kind])
        case "redirect":
            return Answer(body=b"", status=302, content_type=HTML, headers={"Location": "/login"})
        case _:
            return _page(fault, venue)


def login_page() -> Answer:
    """Where the redirect leads."""
    return Answer(body=_PAGE.format("Log in to the network").encode(), content_type=HTML)


_EMPTY = {"empty_body": b"", "empty_object": b"{}", "empty_array": b"[]"}
_TITLES = {
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Temporarily Unavailable",
    504: "Gateway Time-out",
}


def _page(fault: Fault, venue: str) -> Answer:
    match fault.kind:
        case "forbidden_html":
            status, text = 403, _CLOUDFRONT
        case "cloudflare_520":
            status, text = 520, _CLOUDFLARE.format(venue)
        case "server_error":
            status = int(fault.value or 502)
            text = _PAGE.format(f"{status} {_TITLES.get(status, 'Error')}")
        case "html_200":
            status, text = 200, _PAGE.format("We are checking your browser")
        case _:
            raise AssertionError(f"no replacement for {fault.kind}")
    return Answer(body=text.encode(), status=status, content_type=HTML)


def _banned(fault: Fault, *, now_ms: int) -> Answer:
    wait_s = 120 if fault.retry_after_s is None else fault.retry_after_s
    text = f"Way too much request weight used; IP banned until {now_ms + wait_s * 1_000}."
    said = {"code": -1003, "msg": text}
    if fault.kind == "banned":
        return _json(said, 418, **_wait(wait_s))
    return replace(_json(said, 418), ban_s=wait_s)


def _json(value: object, status: int, **headers: str) -> Answer:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Answer(body=msgspec.json.encode(value), status=status, content_type=JSON, headers=named)


def _wait(seconds: int | None) -> dict[str, str]:
    return {} if seconds is None else {"Retry_After": str(seconds)}
