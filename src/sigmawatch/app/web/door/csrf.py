"""Whose page a change comes from (SECURITY.md, CSRF).

Who is recognised by where they are or by a cookie is recognised whichever page asks: so a change
must come from our own page. A key or token is sent by whoever wrote it there, and proves that by
itself; but a foreign page is refused all the same unless `cors_origins` lists it.
"""

from __future__ import annotations

from collections.abc import Mapping

from sigmawatch.app.web.problems import ProblemError

OWN_HEADER = "x-sigmawatch"  # a header that no form and no plain fetch of another site can send
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def check_page(headers: Mapping[str, str], *, own: str, by_cookie: bool, listed: bool) -> None:
    """Raises ProblemError 403 for an unsafe request of another site's page.

    own: our origin as the client sees it. by_cookie: known by a cookie alone. listed: its origin is
    one of `cors_origins`, and it brought a key.
    """
    origin, site = headers.get("origin"), headers.get("sec-fetch-site", "").lower()
    if by_cookie:
        from_us = site == "same-origin" if site else origin == own
        if not from_us or origin not in {None, own}:
            raise ProblemError("forbidden", "another site's page may not change anything here")
        if OWN_HEADER not in headers:
            raise ProblemError("forbidden", f"with a cookie, send the header {OWN_HEADER}: 1 too")
        return
    if listed:
        return
    if site not in {"", "same-origin", "none"} or origin not in {None, own}:
        raise ProblemError("forbidden", "another site's page may not change anything here")
