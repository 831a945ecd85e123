"""Parameters of methods: declared, described, and refused with the way out."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass
from pathlib import Path
from typing import Any

import pytest

from xai_widgets.core.errors import UnknownNameError, ValueRefusedError
from xai_widgets.core.methods import describe, make, param, param_values
from xai_widgets.core.registry import EXPLAINERS
from xai_widgets.explainers.base import Explainer

every = pytest.mark.parametrize("name", list(EXPLAINERS))


@every
def test_named_as_its_file_and_class(name: str) -> None:
    """One name in three places: registered, file, class."""
    cls = EXPLAINERS[name]
    assert cls.name == name
    assert Path(cls.__module__.replace(".", "/")).stem == name
    assert cls.__name__.lower() == name.replace("_", "")
    assert cls.__module__.split(".")[2] == cls.family


@every
def test_says_what_a_person_needs(name: str) -> None:
    """Title, one line, paper, strengths and weaknesses; every parameter with a line."""
    told = describe(EXPLAINERS[name])
    cls = EXPLAINERS[name]
    assert all(told[key] for key in ("name", "title", "family", "summary", "reference"))
    assert cls.good_at
    assert cls.bad_at
    assert "\n" not in told["summary"]
    for each in told["params"]:
        assert each["doc"]
        assert each["kind"] in ("int", "float", "bool", "choice", "text")
        assert (each["kind"] == "choice") == bool(each["choices"])
        assert not each["choices"] or each["value"] in each["choices"]


@every
def test_defaults_are_a_method(name: str) -> None:
    """The described defaults make the default object; objects are values."""
    told = describe(EXPLAINERS[name])
    built = make(EXPLAINERS[name], {p["name"]: p["value"] for p in told["params"]})
    assert built == EXPLAINERS[name]()
    assert hash(built) == hash(EXPLAINERS[name]())
    assert param_values(built) == {p["name"]: p["value"] for p in told["params"]}
    with pytest.raises(FrozenInstanceError):
        setattr(built, next(iter(param_values(built))), None)


@pytest.mark.parametrize(
    ("name", "params", "error", "says"),
    [
        ("gradient_norm", {"nrm": "l1"}, UnknownNameError, "did you mean 'norm'"),
        ("gradient_norm", {"norm": "l3"}, UnknownNameError, "l2"),
        ("integrated_gradients", {"n_step": 3}, UnknownNameError, "did you mean 'n_steps'"),
        ("integrated_gradients", {"n_steps": 1}, ValueRefusedError, "at least 2"),
        ("integrated_gradients", {"n_steps": 8.0}, ValueRefusedError, "int"),
        ("integrated_gradients", {"noise": float("nan")}, ValueRefusedError, "at least 0"),
        ("integrated_gradients", {"noise": -1}, ValueRefusedError, "at least 0"),
        ("integrated_gradients", {"rule": "simpson"}, UnknownNameError, "gausslegendre"),
        ("leave_one_out", {"mode": "remove"}, UnknownNameError, "replace"),
        ("leave_one_out", {"replacement": None}, ValueRefusedError, "str or int"),
        ("leave_one_out", {"replacement": True}, ValueRefusedError, "str or int"),
        ("occlusion", {"window": 2, "stride": 3}, ValueRefusedError, "1 to 2"),
        ("shapley_values", {"mode": "delete"}, UnknownNameError, "mask"),
        ("shapley_sampling", {"antithetic": 1}, ValueRefusedError, "bool"),
        ("shapley_sampling", {"n_samples": True}, ValueRefusedError, "int"),
    ],
)
def test_refusals(name: str, params: dict[str, Any], error: type[Exception], says: str) -> None:
    """Wrong names and values, with what is accepted."""
    with pytest.raises(error) as caught:
        make(EXPLAINERS[name], params)
    assert says in str(caught.value)


def test_whole_numbers_for_floats() -> None:
    """An int given for a float is the float, so equal parameters are equal keys."""
    assert make(EXPLAINERS["gradient_shap"], {"noise": 1}) == make(EXPLAINERS["gradient_shap"], {"noise": 1.0})
    assert type(make(EXPLAINERS["gradient_shap"], {"noise": 1}).noise) is float


def test_own_parameters_first() -> None:
    """What is special about a method comes before what its family shares."""
    assert [p["name"] for p in describe(EXPLAINERS["occlusion"])["params"]] == [
        "window",
        "stride",
        "mode",
        "replacement",
    ]


def test_plain_field_is_a_mistake_of_ours() -> None:
    """A field without a line for a person is found when the class is used."""

    @dataclass(frozen=True, kw_only=True)
    class Bare:
        name = "bare"
        size: int = 3
        other: int = param(1, "fine")

    with pytest.raises(TypeError, match="size"):
        make(Bare, {})


def test_unknown_method() -> None:
    """The nearest name is offered."""
    with pytest.raises(UnknownNameError, match="integrated_gradients"):
        EXPLAINERS["integrated_gradient"]
    assert issubclass(EXPLAINERS["leave_one_out"], Explainer)
