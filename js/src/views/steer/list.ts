/** All interventions, and the words that add one, go back and take them along. */
import { h, setText, wordButton } from "../../kit/shared/dom.ts";
import * as list from "../../state/steer-list.ts";
import { interventionRow } from "./row.ts";
import type { Context, Piece } from "./scene.ts";
import { guessName } from "./words.ts";

export function interventionList(root: HTMLElement, context: Context, copy: () => void, until: AbortSignal) {
  const { store, view } = context;
  const empty = h("div", { class: "xw-steer-none" });
  const rows = h("ol", { class: "xw-steer-list", "aria-label": "interventions" });
  const bar = h("div", { class: "xw-controls" });
  root.append(empty, rows, bar);

  function add(make: (ground: list.Ground) => (typeof store.asked.value.interventions)[number]): void {
    const { ground } = context.scene();
    if (!ground) return;
    store.change([...store.asked.value.interventions, make(ground)], view);
    // Where the new row will be, once it is drawn.
    queueMicrotask(() => rows.lastElementChild?.querySelector<HTMLElement>("select")?.focus({ preventScroll: true }));
  }
  const off = wordButton("", {}, () => add(list.fresh), until);
  const push = wordButton("", {}, () => add((ground) => list.towards(ground, 0)), until);
  empty.append(
    h(
      "p",
      {},
      "Take hold of any activation while the model reads: the stream into a layer, what its attention or MLP adds, one head, one neuron. " +
        "Scale it, set it, add a direction to it, or swap it with another text's, and see what comes next.",
    ),
    h("p", { class: "xw-controls" }, "For example:", off, push),
  );

  const more = wordButton("add an intervention", {}, () => add(list.fresh), until);
  const undo = wordButton("undo", { "aria-keyshortcuts": "Control+Z" }, () => store.undo(view), until);
  const redo = wordButton("redo", { "aria-keyshortcuts": "Control+Shift+Z" }, () => store.redo(view), until);
  const json = wordButton("", {}, copy, until);
  bar.append(more, undo, redo, h("span", { class: "xw-gap" }), json);

  const made: { row: ReturnType<typeof interventionRow>; life: AbortController }[] = [];
  const piece: Piece & { copied(words: string): void } = {
    copied: (words) => setText(json, words || "copy as JSON"),
    draw(scene) {
      const { ground, interventions } = scene;
      bar.hidden = !ground;
      empty.hidden = !ground || interventions.length > 0;
      rows.hidden = interventions.length === 0;
      if (ground) {
        const layer = Math.floor(ground.sites.n_layers / 2);
        setText(
          off,
          `switch off the ${list.fresh(ground).what === "attn_out" ? "attention" : "MLP"} of layer ${layer}`,
        );
        setText(push, `push the stream towards “${guessName(ground.token)}”`);
      }
      while (made.length > interventions.length) {
        const last = made.pop();
        last?.life.abort();
        last?.row.remove();
      }
      while (made.length < interventions.length) {
        const life = new AbortController();
        until.addEventListener("abort", () => life.abort(), { once: true, signal: life.signal });
        made.push({ life, row: interventionRow(rows, context, made.length, life.signal) });
      }
      for (const { row } of made) row.draw(scene);
      undo.disabled = !store.canUndo();
      redo.disabled = !store.canRedo();
      json.hidden = interventions.length === 0;
      if (json.textContent === "") setText(json, "copy as JSON");
    },
  };
  return piece;
}
