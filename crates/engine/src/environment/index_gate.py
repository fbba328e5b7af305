"""Stands between the build of an environment and package indexes that ask for a password.

Packages run programs of their own while they are installed, so the password must not be where they are. The build
knows only an address on this machine and a word that is good for its own time; this program, outside of the build's
sandbox, adds the password. It passes on GET and HEAD for what lies below an index's own directory, and nothing else.

Standard input: one line of JSON; when it ends, so does this program. Standard output: one line, the ports.
"""

import base64
import hmac
import http.client
import http.server
import json
import os
import shutil
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request

CONNECTIONS = threading.BoundedSemaphore(64)
TIMEOUT_SECONDS = 120
PAGE_BYTES_MOST = 64 << 20
ASKED = ["Accept", "User-Agent", "Range", "If-None-Match", "If-Modified-Since"]
ANSWERED = ["Content-Type", "ETag", "Last-Modified", "Content-Range", "Accept-Ranges"]
PAGES = ("text/html", "application/vnd.pypi.simple")


def basic(name, password):
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


class PassOn(urllib.request.HTTPRedirectHandler):
    """Who is sent elsewhere goes there without the password."""

    def redirect_request(self, *_):
        return None


def leads_elsewhere(path):
    """Whether some server could read the path as one that goes up, however often it decodes it and whatever it leaves out."""
    for _ in range(4):
        parts = [part.partition(";")[0].strip() for part in path.replace("\\", "/").split("/")]
        if "\\" in path or ".." in parts or "." in parts or any(character < " " for character in path):
            return True
        plain = urllib.parse.unquote(path)
        if plain == path:
            return False
        if plain.count("/") != path.count("/"):
            return True
        path = plain
    return True


OPENER = urllib.request.build_opener(PassOn)


class Gate(http.server.BaseHTTPRequestHandler):
    timeout = TIMEOUT_SECONDS

    def do_GET(self):
        with CONNECTIONS:
            self.pass_on()

    do_HEAD = do_GET

    def pass_on(self):
        server = self.server
        if not hmac.compare_digest(self.headers.get("Authorization", "").encode(), server.word.encode()):
            return self.refuse(401, "the word of the build is wanted")
        path = self.path.partition("?")[0]
        if not path.startswith(server.below) or leads_elsewhere(path[len(server.below) :]):
            return self.refuse(403, "not part of the package index")
        request = urllib.request.Request(server.origin + self.path, method=self.command)
        for name in ASKED:
            if name in self.headers:
                request.add_header(name, self.headers[name])
        if server.authorization:
            request.add_unredirected_header("Authorization", server.authorization)
        try:
            answer = OPENER.open(request, timeout=TIMEOUT_SECONDS)
        except urllib.error.HTTPError as error:
            answer = error
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = getattr(error, "reason", error)
            return self.refuse(502, f"{server.origin} does not answer: {reason}")
        with answer:
            self.answer(answer)

    def answer(self, answer):
        here = f"http://127.0.0.1:{self.server.server_address[1]}"
        there = self.server.origin
        page, length = None, answer.headers.get("Content-Length")
        if answer.headers.get("Content-Type", "").startswith(PAGES) and self.command == "GET":
            page = answer.read(PAGE_BYTES_MOST + 1)
            if len(page) > PAGE_BYTES_MOST:
                return self.refuse(502, f"a page of {there} is too large")
            page = page.replace((there + "/").encode(), (here + "/").encode())
            length = str(len(page))
        self.send_response(answer.status)
        for name in ANSWERED:
            if name in answer.headers:
                self.send_header(name, answer.headers[name])
        if "Location" in answer.headers:
            location = answer.headers["Location"]
            self.send_header("Location", here + location[len(there) :] if location.startswith(there + "/") else location)
        if length is not None:
            self.send_header("Content-Length", length)
        self.send_header("Connection", "close")
        self.end_headers()
        if page is not None:
            self.wfile.write(page)
        elif self.command == "GET":
            shutil.copyfileobj(answer, self.wfile)

    def refuse(self, status, why):
        body = (why + "\n").encode()
        self.send_response(status, why.replace("\n", " "))
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="build"')
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    def __init__(self, word, index):
        super().__init__(("127.0.0.1", 0), Gate)
        self.word = basic("build", word)
        self.origin, self.below = index["origin"], index["below"]
        self.authorization = basic(index["name"], index["password"]) if "name" in index else None

    def handle_error(self, *_):
        pass


def main():
    order = json.loads(sys.stdin.readline())
    servers = [Server(order["word"], index) for index in order["indexes"]]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps([server.server_address[1] for server in servers]), flush=True)
    sys.stdin.read()
    os._exit(0)


main()
