//! A package index that asks for a name and a password.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

pub const NAME: &str = "li";
pub const PASSWORD: &str = "open-sesame-4711";

/// Serves a directory: `/team/simple/` as pages of links, everything else as files. Who shows no password gets nothing.
pub struct Index {
    server: Child,
    port: u16,
}

const SERVE: &str = r#"
import base64, http.server, os, pathlib, sys
root, word = pathlib.Path(sys.argv[1]), "Basic " + base64.b64encode(sys.argv[2].encode()).decode()

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.headers.get("Authorization") != word:
            return self.answer(401, "text/plain", b"who are you?", {"WWW-Authenticate": "Basic realm=x"})
        path = self.path.split("?")[0]
        if path.startswith("/team/simple/"):
            if not path.endswith("/"):
                return self.answer(301, "text/plain", b"", {"Location": path + "/"})
            here = f"http://127.0.0.1:{self.server.server_address[1]}"
            name = path.split("/")[3]
            files = [f for f in os.listdir(root / "files") if f.lower().startswith(name + "-")]
            if not files:
                return self.answer(404, "text/plain", b"no such project")
            links = "".join(f'<a href="{here}/team/files/{f}">{f}</a>\n' for f in sorted(files))
            return self.answer(200, "text/html", f"<html><body>{links}</body></html>".encode())
        file = root / path.removeprefix("/team/").lstrip("/")
        if not file.is_file():
            return self.answer(404, "text/plain", b"no such file")
        self.answer(200, "application/octet-stream", file.read_bytes())
    do_HEAD = do_GET

    def answer(self, status, kind, body, more={}):
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **more}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
"#;

impl Index {
    pub fn serve(directory: &Path) -> Index {
        let mut command = Command::new("python3");
        command.args(["-c", SERVE]).arg(directory).arg(format!("{NAME}:{PASSWORD}"));
        let mut server = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Index { server, port: line.trim().parse().unwrap() }
    }

    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}/team/simple/", self.port)
    }

    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        _ = self.server.kill();
        _ = self.server.wait();
    }
}
