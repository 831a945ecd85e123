"""A view without a browser: messages go in as the browser would send them, and everything it says is kept."""

import threading

from xai_widgets.protocol.schema import PROTOCOL_VERSION

ENDS = ("result", "error", "cancelled")


class Watched:
    """A view and everything it said."""

    def __init__(self, view):
        self.view, self.said, self.changed = view, [], threading.Condition()
        view.send = self._send

    def _send(self, content, buffers=None):
        with self.changed:
            self.said.append((content, buffers or []))
            self.changed.notify_all()

    def ask(self, id, **fields):
        self.view._receive(
            None,
            {
                "type": "request",
                "v": PROTOCOL_VERSION,
                "id": id,
                "revision": int(id),
                "view": "t",
                "action": "explain",
                **fields,
            },
            [],
        )

    def ends(self, id):
        return [c for c, _ in self.said if c["id"] == id and c["type"] in ENDS]

    def end(self, id):
        with self.changed:
            assert self.changed.wait_for(lambda: self.ends(id), 60), [c["type"] for c, _ in self.said]
        return self.ends(id)[0]
