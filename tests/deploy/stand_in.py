"""A program that says it is ready on the port it is given: stands in for a service where only the launcher matters."""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Ready(BaseHTTPRequestHandler):
    """Answers every GET with 200, or with a failing check for the word `unready`."""

    def do_GET(self) -> None:
        """Say how it is."""
        well = "unready" not in sys.argv
        self.send_response(200 if well else 503)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"checks": {"kafka": "ok", "mongodb": "does not answer"}}')


if __name__ == "__main__":
    HTTPServer(("127.0.0.1", int(sys.argv[1])), Ready).serve_forever()
