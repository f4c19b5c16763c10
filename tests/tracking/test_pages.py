"""MLflow's first page in the layout for training; everything else as it was."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bench.tracking.pages import Message, Receive, Send, prefer_training

PAGE = (b"<html><head>", b"<title>x</title></head></html>")


async def application(scope: Message, receive: Receive, send: Send) -> None:
    """Answers with PAGE in two pieces, and with the headers that it was asked with."""
    assert all(name != b"if-none-match" for name, _ in scope["headers"]) or scope["path"] != "/"
    kind = b"text/html; charset=utf-8" if scope["path"] in ("/", "/page") else b"text/plain"
    length = str(sum(map(len, PAGE))).encode()
    headers = [(b"content-type", kind), (b"content-length", length), (b"etag", b"1"), (b"x", b"y")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": PAGE[0], "more_body": True})
    await send({"type": "http.response.body", "body": PAGE[1]})


def ask(path: str) -> tuple[dict[bytes, bytes], bytes]:
    """Headers and body of the answer."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    scope: dict[str, Any] = {"type": "http", "path": path, "headers": [(b"if-none-match", b"1")]}
    asyncio.run(prefer_training(application)(scope, receive, send))  # type: ignore[arg-type]
    return dict(sent[0]["headers"]), b"".join(message.get("body", b"") for message in sent[1:])


def test_the_first_page_has_the_line() -> None:
    headers, body = ask("/")
    assert body.startswith(PAGE[0] + b"<script>")
    assert body.endswith(b"</script>" + PAGE[1])
    assert b"machine_learning" in body
    assert headers[b"content-length"] == str(len(body)).encode()
    assert headers[b"x"] == b"y"
    assert b"etag" not in headers


@pytest.mark.parametrize("path", ["/page", "/text/"])
def test_other_answers_are_as_they_were(path: str) -> None:
    headers, body = ask(path)
    assert body == b"".join(PAGE)
    assert headers[b"etag"] == b"1"


def test_it_is_what_mlflow_is_told_of() -> None:
    import tomllib
    from pathlib import Path

    project = Path(__file__).parents[2] / "pyproject.toml"
    apps = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["entry-points"]
    assert apps["mlflow.app"] == {"bench": "bench.tracking.pages:make"}
