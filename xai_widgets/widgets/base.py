"""What every widget does: hold the synced state, read messages, answer each, and never fall over a bad one.

Threads: messages arrive on any thread (with ipykernel 7 even while a cell runs), results on the model's worker. No
handler computes. Everything synced goes through `publish`, under one lock with what the browser sets, so that no
update is lost (measured: without it a quarter were).
"""

from __future__ import annotations

import logging
import os
import threading
import uuid
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import anywidget
import traitlets

from xai_widgets.core.cost import Cost
from xai_widgets.core.errors import KernelError, XaiError
from xai_widgets.protocol.codec import encode_error
from xai_widgets.protocol.schema import PROTOCOL_VERSION

_STATIC = Path(__file__).parent.parent / "static"
_LOG = logging.getLogger("xai_widgets")


def asset(name: str) -> Path | str:
    """The text of a built file of the browser side; a source checkout that was never built has none.

    With ANYWIDGET_HMR=1 its path, which anywidget watches: it then holds on to every view that was ever made.
    """
    path = _STATIC / name
    if not path.exists():
        raise FileNotFoundError(
            f"{name} is not built: run `make setup` in a checkout, or reinstall the wheel, which carries it"
        )
    return path if os.environ.get("ANYWIDGET_HMR") == "1" else path.read_text(encoding="utf-8")


class Ticket(NamedTuple):
    """Whose request an event answers. Questions asked from Python have the id `kernel`."""

    id: str = "kernel"
    revision: int = 0


class View(anywidget.AnyWidget):
    """Base of all views. Subclasses name their built module in `_esm` and `_css`, and read messages in `_dispatch`."""

    explanation = traitlets.Dict(help="What is shown: a snapshot and its buffers (protocol.schema).").tag(
        sync=True, echo_update=False
    )
    selection = traitlets.Dict(help="Pinned positions and targets; hovering stays in the browser.").tag(sync=True)
    display = traitlets.Dict(help="How to show: the chosen row, the link id.").tag(sync=True)
    status = traitlets.Dict(help="What the kernel is doing for this widget.").tag(sync=True, echo_update=False)
    protocol_version = traitlets.Int(PROTOCOL_VERSION, help="Version of the wire this kernel speaks.").tag(sync=True)
    uid = traitlets.Unicode(help="Names the widget in the browser, where views of it share one store.").tag(sync=True)

    def _open(self, state: str, link_id: str | None) -> None:
        """Make the widget, empty, and listen to the browser."""
        self._sync_lock = threading.RLock()
        anywidget.AnyWidget.__init__(
            self,
            explanation={"snapshot": None, "buffers": []},
            selection={"pos": [], "target": [], "source": ""},
            display={"row": None, "link_id": link_id},
            status=status(state),
            uid=uuid.uuid4().hex,
        )
        self.on_msg(self._receive)

    def publish(self, **state: Any) -> None:  # noqa: ANN401 - trait values
        """Set synced traits: the only way."""
        with self._sync_lock:
            for name, value in state.items():
                setattr(self, name, value)

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """What the browser sets, under the same lock."""
        with self._sync_lock:
            super().set_state(sync_data)

    @abstractmethod
    def _dispatch(self, content: Mapping[str, Any], ticket: Ticket) -> None:
        """Act on a message of this protocol version; what it raises is sent back."""

    def _beside(self, content: Mapping[str, Any]) -> bool:
        """Whether a message asks beside what is shown, so that its failure leaves the shown state alone."""
        return content.get("type") == "fetch"

    def _receive(self, _widget: object, content: Any, _buffers: list[memoryview]) -> None:  # noqa: ANN401 - any JSON
        named = content if isinstance(content, Mapping) else {}
        revision = named.get("revision")
        ticket = Ticket(str(named.get("id", "")), revision if isinstance(revision, int) else 0)
        try:
            if not isinstance(content, Mapping) or content.get("v") != PROTOCOL_VERSION:
                raise KernelError(
                    "The page and the kernel speak different versions.",
                    given=str(content)[:100],
                    accepted=f"version {PROTOCOL_VERSION}",
                    hint="reload the page and run the cell again",
                )
            self._dispatch(content, ticket)
        except Exception as error:  # noqa: BLE001 - a message must never take the kernel's thread down; it is answered
            self._fail(ticket, error, state=not self._beside(named))

    def _fail(self, ticket: Ticket, error: BaseException, *, state: bool = True) -> None:
        if not isinstance(error, XaiError):
            _LOG.error("request %s failed", ticket.id, exc_info=error)
        info = encode_error(error)
        if state:
            self.publish(status={**status("error"), "error": info})
        self._say({"type": "error", "error": info}, ticket)

    def _say(self, message: dict[str, Any], ticket: Ticket, buffers: list[bytes] | None = None) -> None:
        self.send({"v": PROTOCOL_VERSION, "id": ticket.id, "revision": ticket.revision, **message}, buffers)


def no_such_message(content: Mapping[str, Any], accepted: str) -> KernelError:
    """The refusal of a message that this view does not read."""
    return KernelError(
        "There is no such message.",
        given=f"{content.get('type')}/{content.get('action')}",
        accepted=accepted,
        hint="reload the page",
    )


def status(state: str, cost: Cost | None = None) -> dict[str, Any]:
    """The trait of that name."""
    return {"state": state, "error": None, "cost": str(cost) if cost else "", "seconds": cost.seconds if cost else None}


__all__ = ["Ticket", "View", "asset", "no_such_message", "status"]
