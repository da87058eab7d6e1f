"""A stand-in for a Slack incoming webhook: runs in a pod and prints each message as a line of JSON."""

import http.server
import json
import sys
import time


class Webhook(http.server.BaseHTTPRequestHandler):
    """Accepts what Slack accepts."""

    def do_POST(self):
        """Print the message, and answer as Slack does."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        sys.stdout.write(json.dumps({"at": time.time(), "path": self.path, "body": body}) + "\n")
        sys.stdout.flush()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *args):
        """Log no requests."""


http.server.ThreadingHTTPServer(("", 8080), Webhook).serve_forever()
