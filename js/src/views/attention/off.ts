/** Turn it off: what the model says next without a head, a layer or an edge; and how far attention and effect agree over heads. */
import { progress } from "../../kit/progress.ts";
import { h, setText, wordButton } from "../../kit/shared/dom.ts";
import type { AttentionAsk } from "../../protocol/encode.ts";
import type { Detail, Found } from "../../state/attention-details.ts";
import { mapName, tokenName } from "../../state/attention-names.ts";
import { number } from "../../state/words.ts";
import { beforeAfter } from "../shared/before-after.ts";
import { sentence, word } from "../shared/sentence.ts";
import type { Context, Piece, Scene } from "./scene.ts";
import { agreementText, effectText, offText, tokenText, withText } from "./words.ts";

const EFFECTS: AttentionAsk = { action: "effects" };
const ELSEWHERE: AttentionAsk = { action: "elsewhere" };

export interface OffPiece extends Piece {
  /** What was clicked last, for what is to be said of it. */
  asked(): readonly AttentionAsk[];
}

export function turnOff(root: HTMLElement, { store, need, scene }: Context, until: AbortSignal): OffPiece {
  let asked: { ask: AttentionAsk; what: string } | null = null;
  const press = (what: () => { ask: AttentionAsk; what: string } | null) => () => {
    asked = what();
    if (asked) need(asked.ask);
  };
  const head = wordButton(
    "this head",
    {},
    press(() => headOff(scene())),
    until,
  );
  const layer = wordButton(
    "this layer",
    {},
    press(() => layerOff(scene())),
    until,
  );
  const edge = wordButton(
    "this edge",
    {},
    press(() => edgeOff(scene())),
    until,
  );
  const all = wordButton(
    "every head, one by one",
    { title: "what the first candidate loses without each head: takes a pass for each" },
    () => need(EFFECTS),
    until,
  );
  const others = wordButton(
    "the same on other texts",
    {
      title: "how much the first candidate moves without each head, on average of other texts: runs in the background",
    },
    () => need(ELSEWHERE),
    until,
  );
  const line = h("div", { class: "xw-line" });
  const words = h("span", {});
  const bar = h(
    "div",
    { class: "xw-controls" },
    h("h5", { class: "xw-h" }, "Turn it off"),
    head,
    layer,
    edge,
    all,
    others,
    words,
  );
  const box = h("div", { class: "xw-att-off" }, bar, line);
  root.append(box);
  const busy = progress(
    { line, words },
    { active: false, done: 0, total: 0, note: "", cancelling: false, cancellable: true },
    {
      cancel() {
        store.details.stop(EFFECTS);
        store.details.stop(ELSEWHERE);
        if (asked) store.details.stop(asked.ask);
      },
    },
    until,
  );
  const say = sentence(box);
  const table = beforeAfter(box, tokenText);
  const strip = h("div", { class: "xw-att-agree" });
  const matter = sentence(box);
  box.append(strip);
  let agreed: unknown = null;

  function agree(found: Found | null): void {
    if (found === agreed) return;
    agreed = found;
    strip.hidden = !found;
    if (!found) return;
    strip.replaceChildren(
      h("h5", { class: "xw-h" }, "How far attention and effect agree over heads here"),
      ...Object.entries(found.agreement).map(([name, value]) => {
        const bar = h("span", { class: "xw-att-corr", "aria-hidden": "true" }, h("i", {}));
        bar.style.setProperty("--v", String(Math.max(-1, Math.min(1, value))));
        bar.toggleAttribute("data-neg", value < 0);
        return h(
          "div",
          { class: "xw-att-row" },
          h("span", {}, withText(name)),
          bar,
          h("span", { class: "xw-num" }, number(value, true)),
          h("span", { class: "xw-soft" }, agreementText(value)),
        );
      }),
      h(
        "p",
        { class: "xw-soft" },
        "Rank correlation with the size of the effect: +1 the same order, 0 none. The bars under the heads show each effect.",
      ),
    );
  }

  return {
    asked: () => [EFFECTS, ELSEWHERE, ...(asked ? [asked.ask] : [])],
    draw(now) {
      box.hidden = !now.answer;
      head.disabled = !now.head;
      layer.disabled = !now.head;
      edge.disabled = !edgeOff(now);
      setText(head, now.head ? `head ${now.name}` : "this head");
      setText(layer, now.head && now.answer ? mapName(now.answer, now.head.place.of) : "this layer");
      head.title = now.head ? "" : "choose a head first";
      edge.title = edge.disabled ? "pin one token that looks and one that is looked at, or click a cell" : "";
      const details = [asked && store.details.get(asked.ask), ...[EFFECTS, ELSEWHERE].map((a) => store.details.get(a))];
      const [off, effects, elsewhere] = details;
      const live = details.find((d) => d?.state === "asking");
      busy.update({
        active: live !== undefined,
        done: live?.done ?? 0,
        total: live?.total ?? 0,
        note: live && live === elsewhere ? "other texts" : "",
        cancelling: false,
        cancellable: true,
      });
      all.disabled = isUnderWay(effects);
      others.disabled = isUnderWay(elsewhere);
      const [here, far] = [effects, elsewhere].map((d) => (now.head ? d?.found?.array?.[now.head.head] : undefined));
      const candidate = now.answer?.snapshot.candidates[0]?.text ?? "";
      matter(effectText(now.name, candidate, here, far, elsewhere?.found?.prompts ?? 0));
      const found = off?.found ?? null;
      say(
        found && asked
          ? offText(asked.what, found)
          : [word("Does it matter? See what the model says next without it, everything else the same.")],
      );
      table(found);
      agree(effects?.found ?? null);
    },
  };
}

const isUnderWay = (detail: Detail | null | undefined) => detail?.state === "asking" || detail?.state === "here";

function headOff({ head, name }: Scene) {
  if (!head) return null;
  const { map, head: within } = head.place;
  return { ask: { action: "off", map, head: within } as AttentionAsk, what: `Without head ${name}` };
}

function layerOff({ head, answer }: Scene) {
  if (!head || !answer) return null;
  const ask: AttentionAsk = { action: "off", map: head.place.map, head: null };
  return { ask, what: `Without attention in ${mapName(answer, head.place.of)}` };
}

function edgeOff({ head, name, pair }: Scene) {
  if (!head || !pair || pair.key >= head.keys) return null;
  const { map, head: within } = head.place;
  const what = `Without the edge from “${tokenName(head.looks, pair.query)}” to “${tokenName(head.seen, pair.key)}” in head ${name}`;
  return { ask: { action: "off", map, head: within, ...pair } as AttentionAsk, what };
}
