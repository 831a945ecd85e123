/** The two prompts: edited side by side, and read token under token as their positions go together. */
import { editor } from "../../kit/editor.ts";
import { focused, h, on, setAttribute, setText } from "../../kit/shared/dom.ts";
import { marked } from "../../kit/shared/token-text.ts";
import type { PatchingAnswer } from "../../protocol/decode-patching.ts";
import type { Input } from "../../protocol/generated.ts";
import type { Side } from "../../protocol/sides.ts";
import { type Together, togetherOf } from "../../state/patching-picture.ts";
import type { Which } from "../../state/patching-store.ts";
import { probability } from "../../state/words.ts";
import type { Context, Piece, Scene } from "./scene.ts";
import { candidatesOf, guessName, roles } from "./words.ts";

const WHICH: readonly Which[] = ["clean", "corrupted"];

/** Two fields beside each other; `leave` closes both. */
export function promptEditors(
  root: HTMLElement,
  { store, view }: Context,
  isOpen: () => boolean,
  leave: () => void,
  until: AbortSignal,
): Piece {
  const box = h("div", { class: "xw-patch-editors", hidden: true });
  root.append(box);
  const editors = WHICH.map((which) => {
    const side = h("div", { role: "group", "aria-label": `${which} prompt` }, h("h5", { class: "xw-h" }, which));
    box.append(side);
    const ask = (input: object) => store.edit(which, input as Input, view);
    return {
      which,
      side,
      part: editor(side, { open: false, input: { kind: "text", text: "" } }, { ask, leave }, until),
    };
  });
  return {
    draw() {
      box.hidden = !isOpen();
      for (const { which, side, part } of editors) {
        const own = store.prompt(which);
        // There may be no other prompt yet: it begins as the clean one, to be changed where it matters.
        const input = own ?? store.prompt("clean") ?? { kind: "text", text: "" };
        side.hidden = which === "corrupted" && store.against() !== "prompt";
        // Ids have no text to edit.
        part.update({ open: isOpen() && !side.hidden && input.kind !== "ids", input, name: `${which} prompt` });
      }
    },
  };
}

/** Both prompts in two lines. What differs is marked, what has no counterpart says so, and what each says next ends its line. */
export function promptLines(root: HTMLElement, { store, view }: Context, until: AbortSignal): Piece {
  const list = h("ul", { class: "xw-pairs" });
  const note = h("p", { class: "xw-said xw-soft" });
  root.append(list, note);
  let drawn: unknown = null;
  list.addEventListener(
    "pointerover",
    (event) => {
      const at = (event.target as Element).closest<HTMLElement>("[data-at]")?.dataset.at;
      store.see({ hovered: at === undefined ? null : { layer: null, column: Number(at) } });
    },
    { signal: until },
  );
  on(list, "click", (event) => toggle((event.target as Element).closest<HTMLElement>("[data-at]")?.dataset.at), until);
  list.addEventListener("pointerleave", () => store.see({ hovered: null }), { signal: until });

  /** Whether tokens are chosen here, and those that are; null: they are not. */
  function subjects(): readonly number[] | null {
    return store.against() === "noise" ? (store.noise()?.positions ?? []) : null;
  }

  function toggle(given: string | undefined): void {
    const now = subjects();
    if (given === undefined || !now) return;
    const at = Number(given);
    const next = now.includes(at) ? now.filter((p) => p !== at) : [...now, at].sort((a, b) => a - b);
    const { subject: _subject, ...rest } = store.noise() ?? {};
    if (next.length) store.shake({ ...rest, positions: next }, view);
  }

  function draw(answer: PatchingAnswer): void {
    const isPair = answer.snapshot.against === "prompt" && store.against() !== "noise";
    list.ariaLabel = isPair ? "both prompts, token under token" : "the prompt";
    list.toggleAttribute("data-one", !isPair);
    note.hidden = true;
    const active = focused(list) as HTMLElement | null;
    const held = active && list.contains(active) ? active.dataset.at : undefined;
    if (isPair) drawPair(answer);
    else list.replaceChildren(...drawOne(answer));
    if (held !== undefined) list.querySelector<HTMLElement>(`button[data-at="${held}"]`)?.focus();
  }

  /** One prompt; where its subject is chosen each token is a button. */
  function drawOne(answer: PatchingAnswer): HTMLElement[] {
    const chosen = subjects();
    // What is chosen for another prompt's pass counts in the clean one, which may be the source.
    const side =
      answer.snapshot.against === "prompt" && roles(answer.snapshot.direction).source === "clean"
        ? answer.source
        : answer.base;
    const items = side.tokens.text.map((_, i) =>
      h(
        "li",
        { class: "xw-pair", "data-at": i, "data-differ": chosen?.includes(i) },
        chosen
          ? h(
              "button",
              { class: "xw-pair-pick", type: "button", "data-at": i, "aria-pressed": String(chosen.includes(i)) },
              tokenOf(side, i),
            )
          : tokenOf(side, i),
      ),
    );
    const next = [nextItem(answer, "clean")];
    if (answer.snapshot.against === "noise") next.push(nextItem(answer, "corrupted", "noised "));
    return [...items, h("li", { class: "xw-pair-next" }, ...next)];
  }

  function drawPair(answer: PatchingAnswer): void {
    const { base } = roles(answer.snapshot.direction);
    const together = togetherOf(answer);
    const label = (which: Which) =>
      h("span", { class: "xw-pair-name" }, `${which}${which === base ? " · patched" : " · states from here"}`);
    list.replaceChildren(
      h("li", { class: "xw-pair-names" }, ...WHICH.map(label)),
      ...together.map((pair) => pairItem(answer, pair, base)),
      h("li", { class: "xw-pair-next" }, ...WHICH.map((which) => nextItem(answer, which))),
    );
    const alone = together.filter(({ base: b, source }) => b === null || source === null).length;
    note.hidden = alone === 0;
    setText(
      note,
      `${alone} token${alone === 1 ? " has" : "s have"} no counterpart: nothing is put in there. ` +
        "Prompts of the same number of tokens go together position by position.",
    );
  }

  return {
    draw(scene: Scene) {
      const { answer, pinnedPosition, hoveredPosition } = scene;
      list.hidden = !answer;
      if (!answer) note.hidden = true;
      list.toggleAttribute("data-dim", scene.dim);
      // Rows that come in change nothing here.
      const { base, source, pairs, snapshot } = answer ?? {};
      const key = JSON.stringify([
        ...[base?.tokens.text, source?.tokens.text, pairs && [...pairs], snapshot?.direction, snapshot?.against],
        ...[store.against(), subjects()],
      ]);
      if (answer && key !== drawn) draw(answer);
      drawn = key;
      for (const item of list.children) {
        const at = (item as HTMLElement).dataset.at;
        setAttribute(item, "data-hover", at !== undefined && Number(at) === hoveredPosition);
        setAttribute(item, "data-pin", at !== undefined && Number(at) === pinnedPosition);
      }
    },
  };
}

function pairItem(answer: PatchingAnswer, { base, source, differ }: Together, patched: Which): HTMLElement {
  const own = base === null ? none() : tokenOf(answer.base, base);
  const other = source === null ? none() : tokenOf(answer.source, source);
  const [clean, corrupted] = patched === "clean" ? [own, other] : [other, own];
  const alone = base === null || source === null;
  return h(
    "li",
    {
      class: "xw-pair",
      "data-at": base,
      "data-differ": differ,
      "data-alone": alone,
      title: alone ? "no counterpart in the other prompt" : differ ? "the prompts differ here" : null,
    },
    clean,
    corrupted,
  );
}

const none = () => h("span", { class: "xw-pair-none" }, "none");

/** The token as the text has it, its leading space kept, what can't be seen marked; always on one line. */
function tokenOf({ tokens }: Side, i: number): HTMLElement {
  const [text = "", raw = "", kind = ""] = [tokens.text[i], tokens.raw[i], tokens.kind[i]];
  const space = /^ \S/.test(text) ? " " : "";
  return h("bdi", { class: "xw-pair-token" }, kind === "text" ? space + marked(text) : text.trim() || raw);
}

function nextItem(answer: PatchingAnswer, which: Which, name = ""): HTMLElement {
  const [first] = candidatesOf(answer, which);
  if (!first) return h("span", {});
  return h(
    "span",
    {},
    name,
    h("span", { "aria-hidden": "true" }, "→ "),
    h("span", { class: "xw-hidden" }, "says next: "),
    h("bdi", { class: "xw-token" }, guessName(first.text)),
    ` ${probability(first.prob)}`,
  );
}
