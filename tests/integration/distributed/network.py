"""Hosts on a switch of their own, any of which can be cut off as if its cable were pulled.

Network namespaces of Linux: whoever is cut off notices nothing but silence.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

#: Nobody else's, hopefully; the first address is this machine's.
SUBNET = "10.213.77"
HERE = f"{SUBNET}.1"


class NoNetworkError(Exception):
    """Why no such network can be made here."""


@dataclass(frozen=True)
class Host:
    """``prefix`` are the words before a command that is to run there."""

    name: str
    address: str
    prefix: tuple[str, ...]


class Network:
    """Use as a context manager. Raises NoNetworkError."""

    def __init__(self) -> None:
        self._tag = f"ot{os.getpid()}"
        self._hub = f"{self._tag}-hub"
        self._hosts: list[Host] = []

    def __enter__(self) -> Self:
        try:
            self._ip("netns", "add", self._hub)
            self._in_hub("link", "add", "switch", "type", "bridge")
            self._in_hub("link", "set", "switch", "up")
            cable = ("type", "veth", "peer", "name", "here", "netns", self._hub)
            self._ip("link", "add", self._tag, *cable)
            self._ip("addr", "add", f"{HERE}/24", "dev", self._tag)
            self._ip("link", "set", self._tag, "up")
            self._in_hub("link", "set", "here", "up", "master", "switch")
        except (OSError, subprocess.CalledProcessError) as error:
            self.__exit__()
            said = getattr(error, "stderr", "") or str(error)
            raise NoNetworkError(f"no network of its own can be made here: {said}") from error
        return self

    def __exit__(self, *_: object) -> None:
        for host in self._hosts:
            subprocess.run(["ip", "netns", "delete", host.name], check=False)
        subprocess.run(["ip", "netns", "delete", self._hub], capture_output=True, check=False)

    def add(self, name: str) -> Host:
        number = len(self._hosts) + 2
        host = Host(
            f"{self._tag}-{name}",
            f"{SUBNET}.{number}",
            ("ip", "netns", "exec", f"{self._tag}-{name}"),
        )
        self._ip("netns", "add", host.name)
        self._hosts.append(host)
        cable = ("type", "veth", "peer", "name", "eth0", "netns", host.name)
        self._in_hub("link", "add", self._port(host), *cable)
        inside = ("-n", host.name)
        self._ip(*inside, "addr", "add", f"{host.address}/24", "dev", "eth0")
        for device in ("eth0", "lo"):
            self._ip(*inside, "link", "set", device, "up")
        self.join(host)
        return host

    def cut_off(self, host: Host) -> None:
        """Nothing it sends arrives, and nothing reaches it; nobody is told."""
        self._in_hub("link", "set", self._port(host), "nomaster")

    def join(self, host: Host) -> None:
        self._in_hub("link", "set", self._port(host), "up", "master", "switch")

    def _port(self, host: Host) -> str:
        return f"to{self._hosts.index(host)}"

    def _in_hub(self, *words: str) -> None:
        self._ip("-n", self._hub, *words)

    def _ip(self, *words: str) -> None:
        run(["ip", *words])


def run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
