/** Each kit part by itself, with props of its own: what a new view can be built from. */
import { candidateList } from "../src/kit/candidate-list.ts";
import { choice } from "../src/kit/choice.ts";
import { editor } from "../src/kit/editor.ts";
import { legend } from "../src/kit/legend.ts";
import { methodPicker } from "../src/kit/method-picker.ts";
import { notice } from "../src/kit/notice.ts";
import { progress } from "../src/kit/progress.ts";
import { questionLine } from "../src/kit/question-line.ts";
import { rowChooser } from "../src/kit/row-chooser.ts";
import { scaleOf } from "../src/kit/shared/colour-scale.ts";
import { h } from "../src/kit/shared/dom.ts";
import { followTheme } from "../src/kit/shared/theme.ts";
import { tokenStrip } from "../src/kit/token-strip.ts";
import { tooltip } from "../src/kit/tooltip.ts";
import { decodePacked } from "../src/protocol/decode.ts";
import { units } from "../src/state/picture.ts";
import { CANDIDATES, METHODS, plain } from "./fixtures.ts";

const nothing = () => {};

export function showParts(main: HTMLElement, signal: AbortSignal): void {
  const part = (name: string): HTMLElement => {
    const body = h("div", { class: "xw-left" });
    const root = h("div", { class: "xw" }, body);
    main.append(h("section", {}, h("h2", {}, `part: ${name}`), root));
    followTheme(root, signal);
    return body;
  };

  const answer = decodePacked(plain);
  if (answer) {
    const { scores } = answer;
    const scale = scaleOf(scores, true);
    const ink = { values: scores, scale, known: null, estimate: false, fresh: null, old: null };
    const marks = { hovered: [2], pinned: [4], brushed: [6, 7, 8], target: -1, dim: false };
    tokenStrip(
      part("token strip, with hover, pin and brush"),
      { units: units(answer), ...ink, ...marks, label: "tokens", describe: String },
      { hover: nothing, pin: nothing, brush: nothing, clear: nothing, contrast: nothing, explain: nothing },
      signal,
    );
  }
  const text = { text: " Paris", token: true };
  const sentence = [{ text: "Why ", token: false }, text, { text: "?", token: false }];
  questionLine(
    part("question line"),
    { parts: sentence, before: "sum of", name: "logit", after: "+2.31", contrast: true, dim: false },
    { clear: nothing },
    signal,
  );
  candidateList(
    part("candidate list"),
    { candidates: CANDIDATES, target: 100, contrast: 101, format: (p) => p.toFixed(2), dim: false, reserve: 0 },
    { explain: nothing, contrast: nothing, other: nothing },
    signal,
  );
  const messages = [
    { role: "system", content: "You answer briefly." },
    { role: "user", content: "What is the capital of France?\nAnd of Italy?" },
  ];
  const input = { kind: "chat", messages } as const;
  const chat = editor(part("editor of a chat"), { open: false, input }, { ask: nothing, leave: nothing }, signal);
  chat.update({ open: true, input });
  const rows = { axis: "target", labels: [" Paris", ",", " the", "\n"], sum: true, row: 1 };
  rowChooser(part("row chooser"), rows, { choose: nothing }, signal);
  const layers = { axis: "layer", labels: Array.from({ length: 30 }, (_, i) => String(i)), sum: false, row: 12 };
  rowChooser(part("row chooser, many"), layers, { choose: nothing }, signal);
  const shownLegend = { signed: true, hidden: false, low: "−1.00", high: "+1.00", unit: "logit" };
  legend(part("legend"), { ...shownLegend, estimate: true, changes: true }, {}, signal);
  legend(
    part("legend, unsigned"),
    { ...shownLegend, signed: false, low: "0", high: "1.00", estimate: false, changes: false },
    {},
    signal,
  );
  const place = part("progress");
  const words = h("div", { class: "xw-slot" });
  const line = h("div", { class: "xw-line" });
  place.append(words, line);
  const live = { active: true, done: 3, total: 32, note: "", cancelling: false, cancellable: true };
  progress({ line, words }, live, { cancel: nothing }, signal);
  const details = [{ label: "What to do:", text: 'use contrast=" New", or leave it out' }];
  const said = { kind: "error", problem: "Target is two tokens.", details, actions: [] } as const;
  notice(part("notice"), { notice: said }, { act: nothing }, signal);
  const options = ["token", "word", "sentence"].map((value) => ({ value, text: value }));
  const units3 = { label: "per", name: "unit", value: "word", hidden: false, options };
  choice(part("choice"), units3, { choose: nothing }, signal);

  // These stand above the page: opened by their buttons.
  const tipPlace = part("tooltip");
  const tip = tooltip(tipPlace, { anchor: null, title: "", lines: [] }, {}, signal);
  const tipButton = h("button", { type: "button", class: "xw-word xw-show-tip" }, "show");
  tipPlace.append(tipButton);
  const lines = [
    { label: "score", value: "0.71" },
    { label: "share of the total", value: "23 %" },
    { label: "vocabulary", value: "Ġcapital" },
  ];
  const showTip = () => tip.update({ anchor: tipButton.getBoundingClientRect(), title: "capital", lines });
  tipButton.addEventListener("click", showTip, { signal });
  const pickerPlace = part("method picker");
  const anchor = h("button", { type: "button", class: "xw-word xw-show-picker" }, "change ▾");
  pickerPlace.append(anchor);
  const props = { anchor, methods: METHODS, current: METHODS[3] ?? null, empty: "" };
  const close = () => picker.update({ ...props, open: false });
  const picker = methodPicker(pickerPlace, { ...props, open: false }, { choose: nothing, close }, signal);
  anchor.addEventListener("click", () => picker.update({ ...props, open: true }), { signal });
}
