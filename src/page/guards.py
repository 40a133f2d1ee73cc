"""What protects the page from other sites, from foreign names, and from being embedded."""

import secrets
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request, Response

from src.page.visits import Refused, Visit

TOKEN = "x-visit-token"
# The report has its style and script inside, as it must work as a file. All text in it is escaped.
_OWN = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
OF_PAGE = _OWN + "script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'"
OF_REPORT = _OWN + "script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src 'self'"
REPORTS = "/results/"


def cookie_name(port: int) -> str:
    """Return the name of the cookie. Browsers share cookies among the ports of a machine."""
    return f"visit-{port}"


async def with_headers(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    """Refuse requests that other sites cause, and add the headers that protect an answer.

    A link on another site may open the page. An image or a frame there may not: each one would
    begin a visit.
    """
    site = request.headers.get("sec-fetch-site", "same-origin")
    link = request.url.path == "/" and request.headers.get("sec-fetch-dest") == "document"
    outside = site not in ("same-origin", "none") and not link
    response = Response(status_code=403) if outside else await call_next(request)
    report = request.url.path.startswith(REPORTS)
    response.headers["content-security-policy"] = OF_REPORT if report else OF_PAGE
    response.headers["x-content-type-options"] = "nosniff"
    response.headers["referrer-policy"] = "no-referrer"
    response.headers["cross-origin-resource-policy"] = "same-origin"
    response.headers["cross-origin-opener-policy"] = "same-origin"
    response.headers.setdefault("cache-control", "no-store")
    return response


def visit_of(request: Request) -> Visit:
    """Return the visit of the request's cookie.

    Raises:
        Refused: there is none, the request is of an ended visit's page, or a change comes without
            the visit's token.
    """
    secret = request.cookies.get(request.app.state.cookie)
    visit: Visit | None = request.app.state.bench.visits.found(secret)
    if visit is None:
        raise Refused(403, "this visit has ended; load the page again")
    told, token = (text.encode() for text in (request.headers.get(TOKEN, ""), visit.token))
    # A tab may still show an ended visit while its browser has another one.
    named = request.query_params.get("visit", visit.name)
    if named != visit.name or (told and not secrets.compare_digest(told, token)):
        raise Refused(403, "this visit has ended; load the page again")
    if request.method not in ("GET", "HEAD") and not told:
        raise Refused(403, "the request does not come from this page")
    return visit


Guest = Annotated[Visit, Depends(visit_of)]
