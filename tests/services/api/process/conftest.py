"""uvicorn with this API's protocol and an app that returns what it read, on raw sockets."""

import asyncio
import socket
import threading
from contextlib import ExitStack
from functools import partial

import pytest
from uvicorn import Config, Server

from services.api.process.connections import ConnectionLimits, Connections
from services.api.process.fast_protocol import FastHttpProtocol
from services.api.process.worker import BoundedLoop


class App:
    """Returns how many bytes it has read; /early answers before it reads, /slow after half a second."""

    def __init__(self):
        self.cut_short = 0

    async def __call__(self, scope, receive, send):
        taken = 0
        if scope["path"] == "/slow":
            await asyncio.sleep(0.5)
        while scope["path"] != "/early":
            message = await receive()
            if message["type"] == "http.disconnect":
                self.cut_short += 1
                return
            taken += len(message["body"])
            if not message["more_body"]:
                break
        body = f"{scope['path']} {taken}".encode()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture
def app():
    return App()


@pytest.fixture
def serve(app):
    """Serve with limits, in a thread; yield a function that connects."""
    with ExitStack() as ends:

        def start(*, keep_alive=5, fast_path=None, overload=None, **limits):
            made = Connections(ConnectionLimits(**limits))
            made.fast_path, made.overload = fast_path, overload
            protocol = partial(FastHttpProtocol, connections=made)
            config = Config(
                app, http=protocol, ws="none", lifespan="off", log_config=None, timeout_keep_alive=keep_alive
            )
            listening = socket.create_server(("127.0.0.1", 0))
            server = Server(config)
            loop = BoundedLoop(1.0)

            async def run():
                await server.serve([listening])
                for one in list(made._open):
                    one.transport.abort()
                await asyncio.sleep(0)

            def run_and_close():
                loop.run_until_complete(run())
                loop.close()

            thread = threading.Thread(target=run_and_close)
            thread.start()

            def end():
                server.should_exit = server.force_exit = True
                thread.join()

            ends.callback(end)

            def connect():
                return ends.enter_context(socket.create_connection(listening.getsockname(), timeout=10))

            connect.connections = made
            return connect

        yield start
