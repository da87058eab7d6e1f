"""An OpenTelemetry collector, as far as a sender can tell: it prints each span that it is sent as a line of JSON.

python otlp_collector.py PORT
"""

import http.server
import json
import sys

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Collector(http.server.BaseHTTPRequestHandler):
    """Takes OTLP over HTTP."""

    def do_GET(self):
        """Say that it is there."""
        self.send_response(200)
        self.end_headers()

    def do_POST(self):
        """Print what came."""
        sent = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["content-length"])))
        for group in sent.resource_spans:
            resource = plain(group.resource.attributes)
            for scope in group.scope_spans:
                for span in scope.spans:
                    sys.stdout.write(json.dumps(described(span) | {"resource": resource}) + "\n")
        sys.stdout.flush()
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args):
        """Say nothing else."""


def described(span):
    return {
        "name": span.name,
        "trace": span.trace_id.hex(),
        "span": span.span_id.hex(),
        "parent": span.parent_span_id.hex(),
        "attributes": plain(span.attributes),
    }


def plain(attributes):
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("", int(sys.argv[1])), Collector).serve_forever()
