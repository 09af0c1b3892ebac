"""What the statistics say about hardware is what the engine said, where it runs."""

from __future__ import annotations

import threading
from collections.abc import Callable

import ctranslate2
import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from opentranscribe.adapters.asr.devices import choose_device
from opentranscribe.bootstrap import App
from opentranscribe.features.jobs.heartbeat import Heartbeat
from opentranscribe.features.readiness.devices import Device, tell_device, tell_device_later
from opentranscribe.schema.accounts import User
from opentranscribe.schema.jobs import ProcessHeartbeat
from opentranscribe.work import SYSTEM


class Says:
    """An engine on hardware that this machine may not have."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self.asked = threading.Event()

    def device(self) -> Device:
        self.asked.set()
        return self._device


@pytest.fixture
def mode(
    client: TestClient,
    person: Callable[..., User],
    bearer: Callable[[str], dict[str, str]],
) -> Callable[[], str]:
    person("ada@example.org")
    headers = bearer("ada@example.org")
    return lambda: str(client.get("/api/system/stats", headers=headers).json()["device_mode"])


def beating(app: App, name: str) -> Heartbeat:
    return Heartbeat(app.work, name=name, kind="worker", version="v1", queues="gpu")


class TestDeviceMode:
    def test_is_what_a_living_worker_said(self, app: App, mode: Callable[[], str]) -> None:
        assert mode() == "cpu"
        tell_device(app.work, Says("cuda"), "worker@big:7")
        tell_device(app.work, Says("cpu"), "worker@small:8")
        assert mode() == "cpu"
        with beating(app, "worker@small:8"):
            wait_for_beat(app)
            assert mode() == "cpu"
            with beating(app, "worker@big:9"):
                wait_for_beat(app, 2)
                assert mode() == "cuda"
        assert mode() == "cpu"

    def test_follows_the_engine_that_changes_its_mind(
        self, app: App, mode: Callable[[], str]
    ) -> None:
        with beating(app, "worker@big:9"):
            wait_for_beat(app)
            devices: tuple[Device, ...] = ("cuda", "cpu")
            for device in devices:
                tell_device(app.work, Says(device), "worker@big:9")
                assert mode() == device


class TestTellDeviceLater:
    def test_asks_in_the_background(self, app: App) -> None:
        engine = Says("cpu")
        tell_device_later(app.work, engine, "worker@here:1", delay_seconds=0.01)
        assert engine.asked.wait(10)


class TestChooseDevice:
    @pytest.mark.parametrize(("count", "kind"), [(0, "cpu"), (1, "cuda")])
    def test_believes_the_engine(
        self, monkeypatch: pytest.MonkeyPatch, count: int, kind: str
    ) -> None:
        monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: count)
        types = {"cpu": {"int8", "float32"}, "cuda": {"float16", "float32"}}
        monkeypatch.setattr(ctranslate2, "get_supported_compute_types", types.__getitem__)
        assert choose_device().kind == kind
        assert choose_device("cpu").kind == "cpu"

    def test_takes_a_driver_that_does_not_answer_for_none(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken() -> int:
            raise RuntimeError("CUDA driver version is insufficient")

        monkeypatch.setattr(ctranslate2, "get_cuda_device_count", broken)
        assert choose_device().kind == "cpu"


def wait_for_beat(app: App, count: int = 1) -> None:
    for _ in range(200):
        with app.work(SYSTEM) as work:
            if work.session.scalar(select(func.count()).select_from(ProcessHeartbeat)) == count:
                return
        threading.Event().wait(0.02)
    raise AssertionError("the heartbeat never came")
