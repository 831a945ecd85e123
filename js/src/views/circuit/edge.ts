/** The pinned edge: what it really carries beside the estimate, and what the model says next without it. */
import { h, setText, wordButton } from "../../kit/shared/dom.ts";
import type { CircuitDetail } from "../../state/circuit-details.ts";
import { type BeforeAfter, beforeAfter } from "../shared/before-after.ts";
import { edgeName, told } from "./names.ts";
import type { Context, Piece } from "./scene.ts";
import { edgeText } from "./words.ts";

/** Next tokens that came with an answer. */
function both(detail: CircuitDetail | null | undefined): BeforeAfter | null {
  const found = detail?.found;
  return found?.before && found.after ? (found as BeforeAfter) : null;
}

export function pinnedEdge(root: HTMLElement, { store, scene }: Context, until: AbortSignal): Piece {
  const name = h("h5", { class: "xw-h xw-circ-name" });
  const title = h(
    "div",
    { class: "xw-controls" },
    name,
    wordButton(
      "let go",
      {},
      () => {
        const { listed } = scene();
        store.pin(listed ? { node: listed.node } : null);
      },
      until,
    ),
  );
  const outcome = h("p", { class: "xw-said" });
  const box = h(
    "div",
    { role: "region", class: "xw-circ-card", hidden: true, "aria-label": "the pinned edge" },
    title,
    outcome,
  );
  root.append(box);
  const table = beforeAfter(box, told);

  return {
    draw(now) {
      const { answer, pinnedEdge: edge, dim } = now;
      box.hidden = !answer || edge === null;
      if (!answer || edge === null) return;
      box.toggleAttribute("data-dim", dim);
      setText(name, edgeName(answer, edge));
      setText(outcome, edgeText(now));
      const { target, other } = answer.snapshot;
      table(
        both(now.edge),
        [target, other].flatMap((row) => (row ? [row.id] : [])),
      );
    },
  };
}

/** What the model says next with the circuit alone. */
export function circuitAlone(root: HTMLElement, _context: Context, _until: AbortSignal): Piece {
  const title = h("h5", { class: "xw-h" }, "What it says next: the whole model, and this circuit alone");
  const box = h(
    "div",
    { role: "region", class: "xw-circ-card", hidden: true, "aria-label": "the circuit alone" },
    title,
  );
  root.append(box);
  const table = beforeAfter(box, told, ["whole model", "circuit alone"]);
  return {
    draw({ answer, circuit, dim }) {
      const found = both(circuit?.check);
      box.hidden = !answer || !found;
      box.toggleAttribute("data-dim", dim);
      const { target, other } = answer?.snapshot ?? {};
      table(
        found,
        [target, other].flatMap((row) => (row ? [row.id] : [])),
      );
    },
  };
}
