"""What the page's tests are answered with: rankings that differ by model, models that write, hostile text; a server."""

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import uvicorn

from common.retrieval.searcher import Hit
from serving.http.app import create_app
from serving.http.backend import IndexCard, ModelCard, Search, Searched
from serving.http.settings import HttpSettings
from serving.records import ServingError
from tests.serving.fake_backend import BASE, FakeBackend, adapter

WRITER = "acme/writer"
EVIL = '<img src=x onerror="window.hit = 1"><script>window.hit = 2</script>'
COPY = '''def copy_file(source, target, *, follow_symlinks=True):
    """Copy a file and its permissions; return the target.

    If target is a folder, the file keeps its name in there.
    """
    if os.path.isdir(target):
        target = os.path.join(target, os.path.basename(source))
    shutil.copyfile(source, target, follow_symlinks=follow_symlinks)
    copymode(source, target)  # 0o644 stays 0o644
    return target'''
STREAM = """/** Copies one file; an existing one is replaced. */
@Override
public long copy(Path source, Path target) throws IOException {
    if (Files.isDirectory(target)) {
        target = target.resolve(source.getFileName());
    }
    return Files.copy(source, target, REPLACE_EXISTING).toFile().length();
}"""
TREE = """func CopyTree(from, to string) error {
	// every file below it, in the order of the walk
	return filepath.Walk(from, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		return copyFile(path, filepath.Join(to, path[len(from):]), 0644)
	})
}"""
PAGE = f"""// {EVIL} 𝒳 copy
const copyText = (text) => navigator.clipboard.writeText(`${{text}}`);"""


def hit(path: str, line: int, symbol: str, language: str, source: str, score: float, kind: str = "function") -> Hit:
    scores = {"bm25": score * 24, "dense": score}
    return Hit(path, line, line + source.count("\n"), symbol, kind, language, score, scores, source, source)


HITS = (
    hit("src/files/copying.py", 112, "copy_file", "python", COPY, 0.871),
    hit("core/src/main/java/org/example/io/FileStreams.java", 48, "FileStreams.copy", "java", STREAM, 0.744, "method"),
    hit("internal/tree/copy.go", 9, "CopyTree", "go", TREE, 0.613),
    hit(f"web/{EVIL}.js", 2, EVIL, "javascript", PAGE, 0.402),
)


class PageBackend(FakeBackend):
    """The adapter `java` ranks the second hit first and misses the last; Ruby is never found. `busy`: takes nothing."""

    busy = False

    async def models(self) -> list[ModelCard]:
        writers = [
            ModelCard(WRITER, WRITER, "c" * 64, ("generation",), 1.0, max_tokens=2048),
            ModelCard(f"{WRITER}:python", WRITER, "c" * 64, ("generation",), 1.0, adapter("python", "2", "generation")),
        ]
        return [*await super().models(), *writers]

    def _chosen(self, name):
        if self.busy:
            raise ServingError(429, "the queue is full", retry_after=2)
        return super()._chosen(type(name)(BASE, "java" if name.adapter else None) if name.base == WRITER else name)

    async def indexes(self) -> list[IndexCard]:
        return [IndexCard("stdlib", ("go", "java", "javascript", "python", "ruby"), (BASE, f"{BASE}:java"), 18_204)]

    async def search(self, request: Search) -> Searched:
        searched = await super().search(request)
        first, second, third, last = HITS
        ranked = (second, first, third) if searched.chosen.adapter else (first, second, third, last)
        languages = request.filters.languages
        hits = tuple(one for one in ranked if not languages or one.language in languages)
        scored = tuple(replace(one, score=0.871 - 0.13 * rank) for rank, one in enumerate(hits))
        return Searched(scored[: request.top_k], searched.index, searched.chosen, searched.tokens)


@contextlib.contextmanager
def serving(backend: FakeBackend, **settings) -> Iterator[str]:
    """The address of a server on a port of this machine."""
    app = create_app(backend, HttpSettings(**settings))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()
