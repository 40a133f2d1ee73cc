"""A limit on the length of requests to MLflow's scoring server, which would read any length.

The server's program loads the model, and makes its application afterwards. So a model can only add
the limit by way of the class of the application.
"""

import json
import sys

import fastapi
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# The module that the server's process imports, and that loads the model meanwhile.
SERVER = "mlflow.pyfunc.scoring_server.app"
TOO_LONG = 413


class _TooLong(Exception):
    """More bytes came than are allowed."""


class BoundedBodies:
    """An application that refuses requests of too many bytes before it has read them all."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        """
        Args:
            app: the application that answers the other requests.
            most: the most bytes of a request's body.
        """
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        declared = headers.get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > self._most:
            await self._refuse(send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._most:
                raise _TooLong
            return message

        try:
            await self._app(scope, counted, send)
        except _TooLong:
            await self._refuse(send)

    async def _refuse(self, send: Send) -> None:
        reason = (
            f"the request has more than {self._most / 1e6:g} MB, the most that this model takes "
            "(serving.max_request_megabytes)"
        )
        body = json.dumps({"error_code": "BAD_REQUEST", "message": reason}).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ]
        await send({"type": "http.response.start", "status": TOO_LONG, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def bound_bodies(most: int) -> None:
    """Have the scoring server of this process refuse requests of more than `most` bytes.

    In other processes that load the model, nothing is changed.
    """
    if SERVER not in sys.modules:
        return
    original = fastapi.FastAPI

    def make() -> fastapi.FastAPI:
        fastapi.FastAPI = original  # type: ignore[misc]
        app = original()
        app.add_middleware(BoundedBodies, most=most)
        return app

    fastapi.FastAPI = make  # type: ignore[assignment, misc]
