"""What a request gets that cannot be answered: one sentence as JSON, whatever was wrong with it."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from model.errors import CuepointError, UsageError

logger = logging.getLogger(__name__)


def add_refusals(app: FastAPI) -> None:
    """For all routes: 422 for a request that makes no sense, 500 where Cuepoint is to blame."""
    app.add_exception_handler(CuepointError, _told)
    app.add_exception_handler(RequestValidationError, _invalid)


async def _told(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, UsageError):
        logger.warning("%s: %s", request.url.path, error)
    return JSONResponse({"detail": str(error)}, status_code=422 if isinstance(error, UsageError) else 500)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    """As FastAPI does, without sending the values back: not everything that comes in can be written as JSON."""
    assert isinstance(error, RequestValidationError)
    told = [{"loc": _plain(e["loc"]), "msg": _plain(e["msg"]), "type": e["type"]} for e in error.errors()]
    return JSONResponse({"detail": told}, status_code=422)


def _plain(value: object) -> object:
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return value if isinstance(value, int) else str(value).encode("utf-8", "replace").decode()
