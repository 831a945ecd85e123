"""What goes over the wire comes back the same, in both directions and whatever it holds."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.protocol import golden
from tests.protocol.samples import findings
from xai_widgets.core.ask import Generated
from xai_widgets.core.errors import FileError
from xai_widgets.protocol.arrays import get, put
from xai_widgets.protocol.codec import decode, decode_target, encode, encode_extra, encode_target
from xai_widgets.widgets.requests import asked


@pytest.mark.parametrize("name", findings())
def test_round_trip(name):
    finding = findings()[name]
    packed = encode(finding)
    text = json.dumps([packed["snapshot"], encode_extra(finding)], allow_nan=False)
    snapshot, extra = json.loads(text)
    assert decode({"snapshot": snapshot, "buffers": packed["buffers"]}, extra) == finding


@pytest.mark.parametrize("stem", golden.golden())
def test_golden_files_are_up_to_date(stem):
    assert (golden.FOLDER / f"{stem}.json").read_text(encoding="utf-8") == golden.text(golden.golden()[stem]), (
        "python -m tests.protocol.golden"
    )


@given(
    hnp.arrays(
        st.sampled_from(["f2", "f4", "f8", "i4", "u1", "?"]), hnp.array_shapes(min_dims=0, max_dims=3, min_side=0)
    ),
    st.booleans(),
)
def test_arrays_come_back(array, flipped):
    array = array[::-1] if flipped and array.ndim else array
    buffers = [b"before"]
    header = put(array, buffers)
    back = get(json.loads(json.dumps(header)), buffers)
    with np.errstate(over="ignore"):
        expected = array.astype(back.dtype)
    np.testing.assert_array_equal(back, expected)
    assert back.shape == array.shape


def test_wide_integers_are_refused():
    with pytest.raises(OverflowError):
        put(np.array([2**40]), [])


@pytest.mark.parametrize(
    "change", [{"shape": [3]}, {"shape": [-2]}, {"dtype": "object"}, {"buffer": 9}, {"buffer": -1}, {"shape": "x"}]
)
def test_a_header_that_does_not_fit_is_refused(change):
    buffers = []
    header = put(np.zeros(2, dtype=np.float32), buffers)
    with pytest.raises(FileError):
        get({**header, **change}, buffers)


def test_large_scores_are_pushed_as_their_sum():
    finding = findings()["plain"]
    packed = encode(finding, push_limit=32)
    assert packed["snapshot"]["axes"] == ["pos"] and len(packed["snapshot"]["rows"]) == 2
    got = get(packed["snapshot"]["scores"], packed["buffers"])
    np.testing.assert_array_equal(got, finding.explanation.scores.sum(0))


@pytest.mark.parametrize("choice", [None, "x", 5, Generated(2), ("a", 4)])
def test_targets(choice):
    assert decode_target(json.loads(json.dumps(encode_target(choice)))) == choice


def test_requests_the_browser_wrote_are_understood():
    requests = json.loads((golden.FOLDER / "requests.json").read_text(encoding="utf-8"))
    now = findings()["plain"].ask
    explained = [asked(now, r) for r in requests if r["type"] == "request" and r["action"] == "explain"]
    assert explained
    assert {r["type"] for r in requests} == {"request", "cancel", "fetch"}
