/** Which dimensions of query and key make one weight: the largest products of a pinned pair, and what they add up to. */
import { h, setAttribute } from "../../kit/shared/dom.ts";
import type { AttentionAsk } from "../../protocol/encode.ts";
import type { Found } from "../../state/attention-details.ts";
import { tokenName } from "../../state/attention-names.ts";
import { number } from "../../state/words.ts";
import { sentence, token, word } from "../shared/sentence.ts";
import type { Context, Piece, Scene } from "./scene.ts";

/** Products drawn. */
const SHOWN = 12;

export function pairAsk({ head, pair }: Scene): AttentionAsk | null {
  if (!head || !pair || pair.key >= head.keys) return null;
  return { action: "pair", map: head.place.map, head: head.place.head, ...pair };
}

export function pairDetail(root: HTMLElement, { store }: Context, _until: AbortSignal): Piece {
  const box = h("div", {}, h("h5", { class: "xw-h" }, "What makes this weight"));
  root.append(box);
  const say = sentence(box);
  const bars = h("div", { class: "xw-att-bars", role: "list" });
  box.append(bars);
  let drawn: unknown = null;

  function draw(found: Found | null): void {
    if (found === drawn) return;
    drawn = found;
    const { array, shape } = found ?? {};
    const size = shape?.[1] ?? 0;
    if (!array || !size) {
      bars.replaceChildren();
      return;
    }
    const products = Array.from({ length: size }, (_, i) => {
      const [q, k] = [array[i] ?? 0, array[size + i] ?? 0];
      return { i, q, k, product: q * k };
    }).sort((a, b) => Math.abs(b.product) - Math.abs(a.product));
    const top = Math.abs(products[0]?.product ?? 0) || 1;
    bars.replaceChildren(
      ...products.slice(0, SHOWN).map(({ i, q, k, product }) => {
        const bar = h("span", { class: "xw-att-corr", "aria-hidden": "true" }, h("i", {}));
        bar.style.setProperty("--v", String(product / top));
        setAttribute(bar, "data-neg", product < 0);
        return h(
          "div",
          { class: "xw-att-row", role: "listitem", title: `query ${number(q, true)} × key ${number(k, true)}` },
          h("span", {}, `dimension ${i}`),
          bar,
          h("span", { class: "xw-num" }, number(product, true)),
        );
      }),
    );
  }

  return {
    draw(scene) {
      const ask = pairAsk(scene);
      const { head, pair } = scene;
      const detail = ask && store.details.get(ask);
      box.hidden = !ask || !detail || detail.state === "lost";
      if (!ask || !head || !pair || !detail) return;
      const found = detail.found;
      const names = [
        token(tokenName(head.looks, pair.query)),
        word(" looking at "),
        token(tokenName(head.seen, pair.key)),
      ];
      const size = found?.shape[1] ?? 0;
      let sum = 0;
      for (let i = 0; i < size; i++) sum += (found?.array?.[i] ?? 0) * (found?.array?.[size + i] ?? 0);
      const scaled = found?.scale
        ? ` × scale ${number(found.scale)} = logit ${number(sum * found.scale, true)} before the softmax`
        : "; how they are scaled is not known";
      const rest = found
        ? `: the ${size} products add up to ${number(sum, true)}${scaled}. The largest:`
        : detail.state === "asking"
          ? ": asking"
          : ": can't be had.";
      say([...names, word(rest)]);
      draw(found);
    },
  };
}
