"""Stands for one process of the stack: answers 200 on its ports, touches its ready file, ends as it is told."""

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, nargs="*", default=[])
    parser.add_argument("--ends", type=int, help="ends at once with this status")
    parser.add_argument("--dies", action="store_true", help="ends by itself soon after it was ready")
    parser.add_argument("--deaf", action="store_true", help="ignores SIGTERM")
    parser.add_argument("--grandchild", action="store_true", help="starts a process that ignores SIGTERM")
    told = parser.parse_args()
    if told.ends is not None:
        sys.exit(told.ends)
    if told.deaf:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if told.grandchild:
        subprocess.Popen([sys.executable, __file__, "--deaf"])
    for port in told.port:
        server = ThreadingHTTPServer(("127.0.0.1", port), Answer)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    if "CERTIFY_READY_FILE" in os.environ:
        Path(os.environ["CERTIFY_READY_FILE"]).touch()
    if told.dies:
        time.sleep(0.7)
        print("the roof fell in", flush=True)
        os._exit(3)
    while True:
        time.sleep(60)


if __name__ == "__main__":
    main()
