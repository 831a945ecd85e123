/** The main picture: every component's share, from the embedding to the last layer, and how the logit builds up. */

import { type ShareChartProps, shareChart } from "../../kit/share-chart.ts";
import { h, setText } from "../../kit/shared/dom.ts";
import { attentionOf, type Part, samePart } from "../../state/direct-picture.ts";
import { plain, sentence, word } from "../shared/sentence.ts";
import { type Context, lookOf, type Piece, type Scene } from "./scene.ts";
import { axisTitle, componentText, kindName, proofText, whatOf } from "./words.ts";

export function componentChart(root: HTMLElement, { store, scene: now }: Context, until: AbortSignal): Piece {
  const keys = h("p", { class: "xw-direct-keys xw-soft" });
  const place = h("div", {});
  root.append(keys, place);
  const say = sentence(root, "xw-said xw-direct-said");
  const proof = h("p", { class: "xw-soft xw-direct-proof" });
  root.append(proof);
  let part: ReturnType<typeof shareChart> | null = null;
  let cursor: number | null = null;

  const component = (index: number): Part => ({ kind: "component", index });
  const indexOf = ({ answer }: Scene, at: Part | null) =>
    at?.kind === "component" ? at.index : at && answer ? attentionOf(answer, at.layer) : null;

  function props(scene: Scene): ShareChartProps | null {
    const { answer, layout, pinned, hovered, dim } = scene;
    if (!answer || !layout) return null;
    const what = whatOf(answer);
    return {
      bars: layout.bars,
      sums: layout.sums,
      total: answer.snapshot.logit,
      titles: ["layer", axisTitle(answer), "sum so far"],
      pinned: indexOf(scene, pinned),
      hovered: indexOf(scene, hovered),
      cursor,
      label: `shares of the ${what} by ${layout.bars.length} parts, from the embedding up`,
      describe: (index) => plain(componentText(answer, layout.sums, index)),
      dim,
    };
  }

  function redraw(): void {
    const next = props(now());
    if (next) part?.update(next);
  }

  const callbacks = {
    hover: (index: number | null) => store.hover(index === null ? null : component(index)),
    pin(index: number) {
      const same = samePart(store.pinned(), component(index));
      if (!same) store.details.again();
      store.pin(same ? null : component(index));
    },
    move(index: number) {
      cursor = index;
      store.hover(component(index));
      redraw();
    },
    clear() {
      cursor = null;
      store.pin(null);
      store.hover(null);
      redraw();
    },
  };

  return {
    draw(scene) {
      const { answer, layout, focus } = scene;
      place.hidden = keys.hidden = proof.hidden = !answer;
      if (answer && cursor !== null && cursor >= answer.values.length) cursor = null;
      const next = props(scene);
      if (next && part) part.update(next);
      else if (next) part = shareChart(place, next, callbacks, until);
      if (!answer || !layout) {
        say([]);
        return;
      }
      drawKeys(keys, answer.snapshot.kinds);
      const index = indexOf(scene, focus);
      say(
        index === null
          ? [word("Point at a bar to read it, click it to pin it.")]
          : componentText(answer, layout.sums, index),
      );
      setText(proof, proofText(answer, layout.sums));
    },
  };
}

/** Which bars are whose: by their filling, since colour says which way they go. */
function drawKeys(root: HTMLElement, kinds: readonly string[]): void {
  const shown = ["attn", "mixer", "mlp"].filter((kind) => kinds.includes(kind));
  if (root.dataset.kinds === shown.join()) return;
  root.dataset.kinds = shown.join();
  root.replaceChildren(
    ...shown.map((kind) =>
      h("span", { class: "xw-key" }, h("i", { class: `xw-shares-key xw-shares-${lookOf(kind)}` }), kindName(kind)),
    ),
  );
}
