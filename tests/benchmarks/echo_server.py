"""A server that answers rows with the sum of each, for the tests. Usage: echo_server.py PORT [WRONG_BY]."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WRONG_BY = float(sys.argv[2]) if len(sys.argv) > 2 else 0.0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(b"")

    def do_POST(self):
        rows = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["data"]
        self.answer(json.dumps([sum(row) + WRONG_BY for row in rows]).encode())

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
