"""MLflow's pages in the layout for training: `mlflow ui --app-name bench`.

MLflow 3 begins in its layout for generative AI. Which one is shown is the browser's own memory,
where no server and no tag reaches: only the page itself can. This application is MLflow's, with a
line in its first page that remembers the other layout where the visitor has not chosen yet.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]
"""As in ASGI."""

_SCRIPT = (
    b"<script>try{const k='mlflow.workflowType_v1';localStorage.getItem(k)||"
    b"localStorage.setItem(k,'\"machine_learning\"')}catch{}</script>"
)
_CACHING = (b"if-none-match", b"if-modified-since", b"range")
_OF_OLD_CONTENT = (b"content-length", b"etag", b"last-modified")


def make() -> Application:
    """MLflow's own application with that line; what the entry point of `mlflow.app` names."""
    from mlflow.server.fastapi_app import app

    return prefer_training(app)


def prefer_training(application: Application) -> Application:
    """An application whose HTML pages at addresses that end in a slash have the line."""

    async def answer(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].endswith("/"):
            await application(scope, receive, send)
            return
        asked = [item for item in scope["headers"] if item[0].lower() not in _CACHING]
        await application({**scope, "headers": asked}, receive, _Inserting(send))

    return answer


class _Inserting:
    """Sends an answer on, a page of HTML as a whole with the line at the beginning of its head."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            types = [value for name, value in message["headers"] if name == b"content-type"]
            if types and types[0].startswith(b"text/html"):
                self._start = message
                return
        if self._start is None:
            await self._send(message)
            return
        self._body += message.get("body", b"")
        if message.get("more_body"):
            return
        page = self._body.replace(b"<head>", b"<head>" + _SCRIPT, 1)
        headers = [item for item in self._start["headers"] if item[0] not in _OF_OLD_CONTENT]
        headers.append((b"content-length", str(len(page)).encode()))
        await self._send({**self._start, "headers": headers})
        await self._send({"type": "http.response.body", "body": page})
