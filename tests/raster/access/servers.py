"""A server on this machine that tells what is asked of it."""

import re
import subprocess
import sys
from contextlib import contextmanager

# folders are not listed, and errors have no body: a store of objects answers like that
SERVER = """
import sys
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

class Handler(SimpleHTTPRequestHandler):
    error_message_format = ""

    def send_head(self):
        # stands for what is behind a login
        if "secret" in self.path:
            return self.send_error(401)
        if "unsigned" in self.path:
            return self.send_error(409)
        if "elsewhere" in self.path:
            # as archives do that have one place to log in
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{server.server_port}/secret")
            self.end_headers()
            return None
        return super().send_head()

    def list_directory(self, path):
        self.send_error(404)

server = ThreadingHTTPServer(("127.0.0.1", 0), lambda *a: Handler(*a, directory=sys.argv[1]))
print(server.server_port, flush=True)
server.serve_forever()
"""


@contextmanager
def serving(folder, log):
    """Serve a folder from another process, since GDAL's requests stop this one's threads.

    Yields:
        The address, and a function that returns the paths that were asked for.
    """
    with log.open("wb") as stream:
        server = subprocess.Popen(
            [sys.executable, "-u", "-c", SERVER, str(folder)],
            stdout=subprocess.PIPE,
            stderr=stream,
        )
        try:
            port = server.stdout.readline().decode().strip()
            yield (
                f"127.0.0.1:{port}",
                lambda: re.findall(r'"(?:GET|HEAD|POST) (\S+)', log.read_text()),
            )
        finally:
            server.kill()
            server.wait()
            server.stdout.close()
