"""Saved files open to the same answer, and anything else is refused without running it."""

import json
import pickle
import zipfile

import numpy as np
import pytest

import xai_widgets as xw
from tests.protocol.samples import findings
from xai_widgets.core.errors import FileError
from xai_widgets.export.archive import open_file, save


@pytest.mark.parametrize("name", findings())
def test_round_trip(name, tmp_path):
    finding = findings()[name]
    assert open_file(save(finding, tmp_path / "a.xai")) == finding


def test_an_answer_opens_without_a_model(tmp_path):
    shown = xw.show(np.eye(2), tokens=["a", "b"], axes=("target", "pos"))
    opened = xw.open(shown.save(tmp_path / "a.xai"))
    assert opened.explanation == shown.explanation and opened.model is None and repr(opened) == repr(shown)


def rewritten(path, change):
    with zipfile.ZipFile(path) as file:
        parts = {n: file.read(n) for n in file.namelist()}
    head = json.loads(parts["answer.json"])
    change(head, parts)
    parts["answer.json"] = json.dumps(head)
    with zipfile.ZipFile(path, "w") as file:
        for name, data in parts.items():
            file.writestr(name, data)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda head, parts: head.update(version=99), "newer version"),
        (lambda head, parts: head.update(format="other"), "no saved answer"),
        (lambda head, parts: head.pop("snapshot"), "can't be read"),
        (lambda head, parts: head["snapshot"].pop("tokens"), "does not fit"),
        (lambda head, parts: head["snapshot"].update(axes=["target", "nowhere"]), "does not fit"),
        (lambda head, parts: parts.update({"0.bin": b"xx"}), "does not fit"),
        (lambda head, parts: head.update(n_buffers=99), "can't be read"),
        (lambda head, parts: head["extra"].pop("ask"), "does not fit"),
    ],
)
def test_damage_is_named(change, says, tmp_path):
    path = save(findings()["plain"], tmp_path / "a.xai")
    rewritten(path, change)
    with pytest.raises(FileError, match=says):
        open_file(path)


def test_every_cut_of_a_file_is_refused(tmp_path):
    whole = save(findings()["turns"], tmp_path / "a.xai").read_bytes()
    for end in range(0, len(whole) - 1, 97):
        (tmp_path / "b.xai").write_bytes(whole[:end])
        with pytest.raises(FileError):
            open_file(tmp_path / "b.xai")


def test_flipped_bytes_never_give_another_answer(tmp_path):
    finding = findings()["turns"]
    whole = save(finding, tmp_path / "a.xai").read_bytes()
    rng = np.random.default_rng(0)
    for at in rng.integers(0, len(whole), 200):
        data = bytearray(whole)
        data[at] ^= 0xFF
        (tmp_path / "b.xai").write_bytes(data)
        try:
            back = open_file(tmp_path / "b.xai")
        except FileError:
            continue
        assert back == finding  # a byte that zip does not read, such as a time stamp


class Evil:
    def __reduce__(self):
        return (open, ("/tmp/never", "w"))


def test_a_pickle_is_not_opened(tmp_path):
    path = tmp_path / "a.xai"
    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(FileError):
        open_file(path)


def test_a_missing_file_and_a_folder(tmp_path):
    for path in (tmp_path / "none.xai", tmp_path):
        with pytest.raises(FileError):
            open_file(path)


def test_saving_leaves_no_half_file(tmp_path):
    save(findings()["plain"], tmp_path / "a.xai")
    assert [p.name for p in tmp_path.iterdir()] == ["a.xai"]
