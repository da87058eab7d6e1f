"""A Slack incoming webhook, as far as a sender can tell: in a pod, it prints each message as a line of JSON."""

import http.server
import json
import sys
import time


class Webhook(http.server.BaseHTTPRequestHandler):
    """Takes what Slack takes."""

    def do_POST(self):
        """Print a message, and answer as Slack does."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        sys.stdout.write(json.dumps({"at": time.time(), "path": self.path, "body": body}) + "\n")
        sys.stdout.flush()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *args):
        """Say nothing else."""


http.server.ThreadingHTTPServer(("", 8080), Webhook).serve_forever()
