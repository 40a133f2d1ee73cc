"""The page's addresses."""

import asyncio
import logging
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, BackgroundTasks, FastAPI, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.middleware.trustedhost import TrustedHostMiddleware

from src.data.corrections import CORRECTIONS
from src.data.remote import as_local
from src.errors import InputError, reason_of
from src.page.correcting import correcting
from src.page.downloads import PRINT, browser, copied, printed, zipped
from src.page.guards import REPORTS, Guest, cookie_name, with_headers
from src.page.receiving import receiving
from src.page.visits import Refused, corrections_of
from src.page.workbench import Workbench
from src.photos.photo_map import MAP
from src.photos.photo_report import REPORT, write_report
from src.photos.photo_tables import DETAILS, TABLE

STATIC = Path(__file__).resolve().parent / "static"
# Seconds between two looks for idle visits.
IDLE_CHECK = 300.0
# The files of a visit that the report shows.
SHOWN = re.compile(r"report\.html|report/(page-\d+\.html|\d+\.(jpg|png))|overlays/\d+\.jpg")
Threshold = Annotated[float | None, Query(ge=0, le=1)]
Kind = Literal["photos.csv", "photos.json", "photos.geojson", "corrections.csv"]
Archive = Literal["report.zip", "report-and-photos.zip", "report.pdf"]
router = APIRouter()


def make_page(bench: Workbench) -> FastAPI:
    """Make the web application of the page.

    Args:
        bench: the workbench, which is closed when the application ends.
    """

    @asynccontextmanager
    async def lifespan(page: FastAPI) -> AsyncIterator[None]:
        ending = asyncio.create_task(_end_idle_visits(bench))
        yield
        ending.cancel()
        bench.close()

    # FastAPI's own pages of documentation would load scripts from another site.
    page = FastAPI(lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None)
    page.state.bench, page.state.cookie = bench, cookie_name(bench.config.port)
    page.middleware("http")(with_headers)
    page.add_middleware(TrustedHostMiddleware, allowed_hosts=bench.config.names)
    page.add_exception_handler(Refused, _told)
    page.add_exception_handler(InputError, _told)
    page.add_exception_handler(OSError, _unwritten)
    page.add_exception_handler(RequestValidationError, _misunderstood)
    page.include_router(router)
    page.include_router(receiving)
    page.include_router(correcting)
    page.mount("/static", StaticFiles(directory=STATIC))
    return page


async def _end_idle_visits(bench: Workbench) -> None:
    while True:
        await asyncio.sleep(IDLE_CHECK)
        await run_in_threadpool(bench.end_idle)


def _told(request: Request, error: Exception) -> Response:
    status = error.status if isinstance(error, Refused) else 500
    return JSONResponse({"detail": str(error)}, status_code=status)


def _unwritten(request: Request, error: Exception) -> Response:
    """Say why a file could not be written or read, such as a full disk."""
    assert isinstance(error, OSError)
    logging.getLogger(__name__).warning("%s", request.url.path, exc_info=error)
    return JSONResponse({"detail": f"the server failed: {reason_of(error)}"}, status_code=507)


def _misunderstood(request: Request, error: Exception) -> Response:
    """Name the part of a request that is wrong. FastAPI's own answer would repeat its content."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    detail = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return JSONResponse({"detail": ascii(detail)[1:-1]}, status_code=422)


@router.get("/")
def start(request: Request) -> Response:
    """Show the page, and begin a visit if the browser has none."""
    bench, cookie = request.app.state.bench, request.app.state.cookie
    response = FileResponse(STATIC / "page.html")
    if bench.visits.found(request.cookies.get(cookie)) is None:
        secret, _ = bench.open()
        response.set_cookie(cookie, secret, httponly=True, samesite="lax")
    return response


@router.get("/api/visit")
def visit_settings(request: Request, visit: Guest) -> dict[str, Any]:
    """Return what the page needs to know to begin with."""
    bench = request.app.state.bench
    made_by = bench.inspector.made_by
    return {
        "token": visit.token,
        "name": visit.name,
        "threshold": made_by["threshold"],
        "calibrated": made_by["calibrated"],
        "model": made_by["model"],
        "opacity": bench.config.pictures.opacity,
        "extensions": bench.config.photos.extensions,
        "photo_megabytes": bench.config.limits.photo_megabytes,
        "pdf": browser() is not None,
        "kept": bench.config.keep,
        "inspection": visit.details.model_dump(),
    }


@router.delete("/api/visit")
def forget(request: Request, visit: Guest) -> None:
    """End the visit. Its files are deleted unless visits are kept."""
    app = request.app
    app.state.bench.end(request.cookies[app.state.cookie])


@router.get("/api/photos")
def changes(visit: Guest, since: int = 0) -> dict[str, Any]:
    """Return the photos that have changed since a version of the visit."""
    with visit.lock:
        changed = [one for one in visit.uploads.values() if one.changed > since]
        photos = [
            {
                "number": one.number,
                "name": one.name,
                "state": one.state,
                "reason": one.reason,
                "record": one.record,
                "corrections": [c.model_dump() for c in corrections_of(visit, one)],
            }
            for one in changed
        ]
        return {"version": visit.version, "photos": photos}


@router.get(REPORTS + "{path:path}")
def report(request: Request, visit: Guest, path: str, threshold: Threshold = None) -> Response:
    """Show the report, which is written anew when its first page or another threshold is shown."""
    if not SHOWN.fullmatch(path):
        raise Refused(404, "there is no such page")
    file = visit.folder / path
    if file.suffix != ".html":
        return FileResponse(_existing(file))
    with visit.writing:
        if path == REPORT or threshold != visit.threshold:
            request.app.state.bench.results(visit, threshold)
        return HTMLResponse(_existing(file).read_bytes())


def _existing(file: Path) -> Path:
    if not file.is_file():
        raise Refused(404, "there is no such page")
    return file


@router.get("/download/{kind}")
def send_download(
    request: Request,
    visit: Guest,
    later: BackgroundTasks,
    kind: Kind | Archive,
    threshold: Threshold = None,
) -> Response:
    """Send the results as a file."""
    bench, folder = request.app.state.bench, visit.folder
    # Another download of the visit may ask for another threshold meanwhile.
    with visit.writing:
        results = bench.results(visit, threshold)
        if kind in (TABLE, DETAILS, MAP, CORRECTIONS):
            file = copied(folder / kind)
        elif kind == "report.pdf":
            page = folder / f"{PRINT}{secrets.token_hex(4)}.html"
            most = bench.config.limits.pdf_photos
            write_report(
                folder, results, visit.details, bench.config.report, name=page.name, most=most
            )
        else:
            whole = kind == "report-and-photos.zip"
            photos = [as_local(one.place.path) for one in visit.present()] if whole else []
            file = zipped(folder, photos)
    if kind == "report.pdf":
        try:
            file = printed(page)
        finally:
            page.unlink(missing_ok=True)
    later.add_task(file.unlink, missing_ok=True)
    return FileResponse(file, filename=kind, background=later)
