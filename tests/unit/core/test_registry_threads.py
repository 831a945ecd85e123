"""The first listing of a registry, asked for by several threads at once."""

import threading

from xai_widgets.core.registry import Registry


def test_a_second_thread_waits_for_the_whole_list(monkeypatch):
    registry = Registry("thing", "xai_widgets.explainers", "xai_widgets.no_such_group")
    begun, go = threading.Event(), threading.Event()

    def slow(_name):
        begun.set()
        assert go.wait(10)
        registry.register("late")(object())
        raise StopIteration

    monkeypatch.setattr("xai_widgets.core.registry.importlib.import_module", slow)
    found = []

    def list_it():
        try:
            found.append(list(registry))
        except StopIteration:
            found.append("first")

    first, second = threading.Thread(target=list_it), threading.Thread(target=list_it)
    first.start()
    assert begun.wait(10)
    second.start()
    go.set()
    first.join(10)
    second.join(10)
    assert ["late"] in found
