"""A forge on the loopback interface: the calls of GitHub and GitLab that are used, and git itself.

It is strict: a path, a method, a header or a field that the real one does not take is answered as
the real one answers.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

from agentdb.delivery.client import Client
from agentdb.delivery.forge import Forge
from agentdb.delivery.github import GitHub, github_account
from agentdb.delivery.gitlab import GitLab, gitlab_account
from agentdb.delivery.remote import Remote, read_remote
from agentdb.delivery.repository import Credentials

Kind = Literal["github", "gitlab"]
TOKEN = "ghp_veryverysecret"  # noqa: S105 - nobody's
PROJECT = "shop/orders"
LONGEST_BODY = 65_536

Headers = dict[str, str]
Moment = Literal["before push", "after push", "before POST", "after POST"]


@dataclass
class Answer:
    """What is answered: a status, what is in it, and headers."""

    status: int
    content: Any = None
    headers: Headers = field(default_factory=dict)


@dataclass
class Fault:
    """What goes wrong once with the next request of a method: `after` what it asked was done."""

    method: str
    answer: Answer | None  # None: the connection is closed without a word
    after: bool = False


@dataclass
class Loopback:
    """A forge with one project; what tests arrange and look at."""

    kind: Kind
    root: Path
    url: str = ""
    per_page: int = 100
    requests: list[dict[str, Any]] = field(default_factory=list)
    comments: list[dict[str, Any]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    watchers: dict[Moment, Callable[[], None]] = field(default_factory=dict)
    pushes: int = 0
    lock: Lock = field(default_factory=Lock)

    @property
    def bare(self) -> Path:
        return self.root / f"{PROJECT}.git"

    @property
    def address(self) -> str:
        return f"{self.url}/{PROJECT}.git"

    @property
    def remote(self) -> Remote:
        return read_remote(self.address)

    def forge(self, sleep: Callable[[float], None] = lambda _: None, token: str = TOKEN) -> Forge:
        if self.kind == "github":
            account = github_account(self.remote, None, token)
            return GitHub(Client(account, sleep), self.remote)
        return GitLab(Client(gitlab_account(self.remote, None, token), sleep), self.remote)

    @property
    def credentials(self) -> Credentials:
        return Credentials(self.url, USERS[self.kind], TOKEN)

    def branches(self) -> Mapping[str, str]:
        """Each branch of the bare repository and its commit."""
        format_ = "%(refname:short) %(objectname)"
        lines = git(self.bare, "for-each-ref", f"--format={format_}", "refs/heads").splitlines()
        return dict(line.split() for line in lines)

    def file(self, branch: str, path: str) -> str:
        return git(self.bare, "show", f"{branch}:{path}")

    def end(self, number: int, state: Literal["merged", "closed"]) -> None:
        """Let a human merge or close a request."""
        request = self.requests[number - 1]
        request["state"] = state
        request["ended"] = "2026-03-08T10:00:00Z"
        if state == "merged":
            git(self.bare, "update-ref", "refs/heads/main", f"refs/heads/{request['branch']}")

    def opened(self) -> list[str]:
        """The branch of each request ever opened."""
        return [request["branch"] for request in self.requests]


USERS: Mapping[Kind, str] = {"github": "x-access-token", "gitlab": "oauth2"}


@contextmanager
def loopback(kind: Kind, root: Path) -> Iterator[Loopback]:
    """Run a forge whose project has one commit on `main`."""
    served = Loopback(kind, root)
    make_bare(served.bare)
    handler = type("Handler", (_Handler,), {"served": served})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        served.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()


def make_bare(bare: Path, **files: str) -> None:
    """Make a bare repository with a first commit on `main`."""
    bare.mkdir(parents=True)
    git(bare, "init", "--quiet", "--bare", "--initial-branch=main")
    commit(bare, "main", {"README": "orders\n", **files})


def commit(bare: Path, branch: str, files: Mapping[str, str], email: str = "ann@b.example") -> str:
    """Let somebody put a commit with these files on a branch."""
    who = {"GIT_INDEX_FILE": str(bare / "test-index")}
    for role in ("AUTHOR", "COMMITTER"):
        who |= {f"GIT_{role}_NAME": "Ann", f"GIT_{role}_EMAIL": email}
        who |= {f"GIT_{role}_DATE": "2026-03-01T10:00:00Z"}
    known = git(bare, "for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")
    git(bare, "read-tree", *([known] if known else ["--empty"]), environment=who)
    for path, text in files.items():
        blob = git(bare, "hash-object", "-w", "--stdin", stdin=text)
        git(bare, "update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", environment=who)
    tree = git(bare, "write-tree", environment=who)
    parents = ["-p", known] if known else []
    made = git(bare, "commit-tree", tree, *parents, stdin="Work", environment=who)
    git(bare, "update-ref", f"refs/heads/{branch}", made)
    return made


def git(
    folder: Path, *words: str, stdin: str = "", environment: Mapping[str, str] | None = None
) -> str:
    """Run git and return what it prints."""
    done = subprocess.run(  # noqa: S603
        ["git", *words],  # noqa: S607
        cwd=folder,
        env={**os.environ, **(environment or {})},
        input=stdin,
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class _Handler(BaseHTTPRequestHandler):
    served: Loopback

    def do_GET(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def do_PATCH(self) -> None:
        self.answer()

    def do_PUT(self) -> None:
        self.answer()

    def log_message(self, *_: object) -> None: ...

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith(f"/{PROJECT}.git/"):
            self.serve_git(body)
            return
        with self.served.lock:
            self.served.asked.append(f"{self.command} {self.path}")
            fault = self.take_fault()
            self.pass_by("before POST" if self.command == "POST" else None)
            if fault is None or fault.after:
                answer: Answer | None = _api(self, body)
            self.pass_by("after POST" if self.command == "POST" else None)
            if fault is not None:
                answer = fault.answer
        if answer is None:
            self.close_connection = True
            return
        self.reply(answer)

    def pass_by(self, moment: Moment | None) -> None:
        watcher = self.served.watchers.pop(moment, None) if moment else None
        if watcher:
            watcher()

    def take_fault(self) -> Fault | None:
        faults = self.served.faults
        if faults and faults[0].method == self.command:
            return faults.pop(0)
        return None

    def reply(self, answer: Answer) -> None:
        content = answer.content
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        with suppress(ConnectionError):  # whoever asked may have been killed
            self.end_headers()
            self.wfile.write(data)

    def serve_git(self, body: bytes) -> None:
        secret = b64encode(f"{USERS[self.served.kind]}:{TOKEN}".encode()).decode()
        if self.headers["Authorization"] != f"Basic {secret}":
            refusal = {"WWW-Authenticate": 'Basic realm="git"'}
            self.reply(Answer(401, headers=refusal))
            return
        parts = urlsplit(self.path)
        is_push = self.command == "POST" and parts.path.endswith("git-receive-pack")
        self.served.pushes += is_push
        self.pass_by("before push" if is_push else None)
        asked = {
            "GIT_PROJECT_ROOT": str(self.served.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": parts.path,
            "QUERY_STRING": parts.query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_USER": "agentdb",
            "PATH": os.environ["PATH"],
        }
        done = subprocess.run(
            ["git", "http-backend"],  # noqa: S607
            env=asked,
            input=body,
            capture_output=True,
            check=True,
        )
        self.pass_by("after push" if is_push else None)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.decode().split(": ", 1) for line in head.split(b"\r\n"))
        status = int(headers.pop("Status", "200").split()[0])
        self.reply(Answer(status, content, headers))


def _api(handler: _Handler, body: bytes) -> Answer:
    served = handler.served
    parts = urlsplit(handler.path)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    try:
        content = json.loads(body) if body else {}
    except ValueError:
        return Answer(400, {"message": "Problems parsing JSON"})
    api = _GitHub(served) if served.kind == "github" else _GitLab(served)
    if not api.knows(handler.headers):
        return Answer(401, {"message": "Bad credentials"})
    path = parts.path.removeprefix(api.prefix)
    if path == parts.path:
        return Answer(404, {"message": "Not Found"})
    for method, pattern, call in api.calls():
        found = re.fullmatch(pattern, path)
        if found and method == handler.command:
            return _paged(call(*found.groups(), query=query, content=content), handler, query)
    return Answer(404, {"message": "Not Found"})


def _paged(answer: Answer, handler: _Handler, query: Mapping[str, str]) -> Answer:
    """Give one page of a list, and in a header where the next one is."""
    if answer.status != 200 or not isinstance(answer.content, list):
        return answer
    size = min(int(query.get("per_page", 30)), handler.served.per_page)
    page = int(query.get("page", 1))
    rest = answer.content[(page - 1) * size :]
    headers = {}
    if len(rest) > size:
        path = re.sub(r"[?&]page=\d+", "", handler.path)
        sign = "&" if "?" in path else "?"
        following = f"{handler.served.url}{path}{sign}page={page + 1}"
        headers["Link"] = f'<{following}>; rel="next", <{following}>; rel="last"'
    return Answer(200, rest[:size], headers)


def _next(served: Loopback, content: Mapping[str, Any], names: tuple[str, str, str, str]) -> Any:  # noqa: ANN401
    title, body, branch, base = (content[name] for name in names)
    request = {
        "number": len(served.requests) + 1,
        "title": title,
        "body": body,
        "branch": branch,
        "base": base,
        "project": 7,
        "state": "open",
        "ended": None,
    }
    served.requests.append(request)
    return request


@dataclass
class _GitHub:
    served: Loopback
    prefix: str = "/api/v3"

    def knows(self, headers: Any) -> bool:  # noqa: ANN401
        return bool(
            headers["Authorization"] == f"Bearer {TOKEN}"
            and headers["X-GitHub-Api-Version"] == "2022-11-28"
            and headers["Accept"] == "application/vnd.github+json"
        )

    def calls(self) -> list[tuple[str, str, Callable[..., Answer]]]:
        top = f"/repos/{PROJECT}"
        return [
            ("GET", top, lambda **_: Answer(200, {"default_branch": "main"})),
            ("GET", f"{top}/pulls", self.listed),
            ("POST", f"{top}/pulls", self.open),
            ("PATCH", rf"{top}/pulls/(\d+)", self.update),
            ("GET", rf"{top}/issues/(\d+)/comments", self.comments),
            ("POST", rf"{top}/issues/(\d+)/comments", self.comment),
        ]

    def listed(self, *, query: Mapping[str, str], **_: object) -> Answer:
        state = query.get("state", "open")
        owner, _colon, branch = query.get("head", ":").partition(":")
        found = [
            self.told(request)
            for request in reversed(self.served.requests)
            if (not branch or (owner, branch) == ("shop", request["branch"]))
            and (state == "all" or (request["state"] == "open") == (state == "open"))
        ]
        return Answer(200, found)

    def open(self, *, content: Mapping[str, Any], **_: object) -> Answer:
        names = ("title", "body", "head", "base")
        missing = [name for name in names if not content.get(name)]
        branches = self.served.branches()
        if missing:
            return self.invalid(*[{"code": "missing_field", "field": name} for name in missing])
        if content["head"] not in branches or content["base"] not in branches:
            return self.invalid({"code": "invalid", "field": "head"})
        if len(content["body"]) > LONGEST_BODY:
            return self.invalid({"message": "body is too long (maximum is 65536 characters)"})
        if branches[content["head"]] == branches[content["base"]]:
            return self.invalid({"message": "No commits between main and it"})
        if self.is_open(content["head"]):
            said = f"A pull request already exists for shop:{content['head']}."
            return self.invalid({"message": said})
        return Answer(201, self.told(_next(self.served, content, names)))

    def is_open(self, branch: str) -> bool:
        open_ = [each for each in self.served.requests if each["state"] == "open"]
        return any(each["branch"] == branch for each in open_)

    def update(self, number: str, *, content: Mapping[str, Any], **_: object) -> Answer:
        request = self.served.requests[int(number) - 1]
        request.update({name: content[name] for name in ("title", "body") if name in content})
        return Answer(200, self.told(request))

    def comments(self, number: str, **_: object) -> Answer:
        found = [each for each in self.served.comments if each["number"] == int(number)]
        told = [{"user": {"login": each["author"]}, "body": each["body"]} for each in found]
        return Answer(200, told)

    def comment(self, number: str, *, content: Mapping[str, Any], **_: object) -> Answer:
        said = {"number": int(number), "author": "agentdb-bot", "body": content["body"]}
        self.served.comments.append(said)
        return Answer(201, {"id": 1})

    def invalid(self, *errors: Mapping[str, str]) -> Answer:
        return Answer(422, {"message": "Validation Failed", "errors": list(errors)})

    def told(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        merged = request["state"] == "merged"
        return {
            "number": request["number"],
            "html_url": f"{self.served.url}/{PROJECT}/pull/{request['number']}",
            "state": "open" if request["state"] == "open" else "closed",
            "title": request["title"],
            "body": request["body"],
            "head": {"ref": request["branch"]},
            "base": {"ref": request["base"]},
            "merged_at": request["ended"] if merged else None,
            "closed_at": request["ended"],
        }


@dataclass
class _GitLab:
    served: Loopback
    prefix: str = "/api/v4"

    def knows(self, headers: Any) -> bool:  # noqa: ANN401
        return bool(headers["PRIVATE-TOKEN"] == TOKEN)

    def calls(self) -> list[tuple[str, str, Callable[..., Answer]]]:
        top = "/projects/shop%2Forders"
        assert unquote(top).endswith(PROJECT)
        return [
            ("GET", top, lambda **_: Answer(200, {"default_branch": "main"})),
            ("GET", f"{top}/merge_requests", self.listed),
            ("POST", f"{top}/merge_requests", self.open),
            ("PUT", rf"{top}/merge_requests/(\d+)", self.update),
            ("GET", rf"{top}/merge_requests/(\d+)/notes", self.comments),
            ("POST", rf"{top}/merge_requests/(\d+)/notes", self.comment),
        ]

    def listed(self, *, query: Mapping[str, str], **_: object) -> Answer:
        state = query.get("state", "all")
        found = [
            self.told(request)
            for request in reversed(self.served.requests)
            if query.get("source_branch", request["branch"]) == request["branch"]
            and state in ("all", self.state(request))
        ]
        return Answer(200, found)

    def open(self, *, content: Mapping[str, Any], **_: object) -> Answer:
        names = ("title", "description", "source_branch", "target_branch")
        missing = [name for name in names if not content.get(name)]
        branches = self.served.branches()
        if missing:
            return Answer(400, {"error": ", ".join(f"{name} is missing" for name in missing)})
        if content["source_branch"] not in branches:
            return Answer(400, {"message": ["Source branch does not exist"]})
        for request in self.served.requests:
            if request["branch"] == content["source_branch"] and request["state"] == "open":
                said = (
                    "Another open merge request already exists for this source branch: "
                    f"!{request['number']}"
                )
                return Answer(409, {"message": [said]})
        return Answer(201, self.told(_next(self.served, content, names)))

    def update(self, number: str, *, content: Mapping[str, Any], **_: object) -> Answer:
        request = self.served.requests[int(number) - 1]
        request["title"] = content.get("title", request["title"])
        request["body"] = content.get("description", request["body"])
        return Answer(200, self.told(request))

    def comments(self, number: str, *, query: Mapping[str, str], **_: object) -> Answer:
        found = [each for each in self.served.comments if each["number"] == int(number)]
        told = [
            {"author": {"username": each["author"]}, "body": each["body"], "system": False}
            for each in found
        ]
        pushed = {"author": {"username": "bot"}, "body": "added 1 commit", "system": True}
        ordered = [pushed, *told]
        return Answer(200, ordered if query.get("sort", "desc") == "asc" else ordered[::-1])

    def comment(self, number: str, *, content: Mapping[str, Any], **_: object) -> Answer:
        said = {"number": int(number), "author": "agentdb-bot", "body": content["body"]}
        self.served.comments.append(said)
        return Answer(201, {"id": 1})

    def state(self, request: Mapping[str, Any]) -> str:
        return "opened" if request["state"] == "open" else str(request["state"])

    def told(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        ended, state = request["ended"], request["state"]
        return {
            "iid": request["number"],
            "web_url": f"{self.served.url}/{PROJECT}/-/merge_requests/{request['number']}",
            "state": self.state(request),
            "title": request["title"],
            "description": request["body"],
            "source_branch": request["branch"],
            "target_branch": request["base"],
            "source_project_id": request["project"],
            "target_project_id": 7,
            "merged_at": ended if state == "merged" else None,
            "closed_at": ended if state == "closed" else None,
        }
