/** The line through the layers: the same place in both models, or each layer beside the next of one. */
import { curveChart } from "../../kit/curve-chart.ts";
import { h, setText } from "../../kit/shared/dom.ts";
import { ckaOf } from "../../state/cka-picture.ts";
import type { Context, Piece, Scene } from "./scene.ts";
import { ESTIMATES, lineTitle, loudText, trustText } from "./words.ts";

export function layerLine(root: HTMLElement, { store, scene: now }: Context, until: AbortSignal): Piece {
  const place = h("div", {});
  const keys = h("p", { class: "xw-cka-keys xw-soft" });
  const trust = h("p", { class: "xw-soft" });
  const loud = h("p", { class: "xw-soft" });
  root.append(place, keys, trust, loud);
  for (const [estimate, name] of Object.entries(ESTIMATES))
    keys.append(h("span", { class: "xw-key" }, h("i", { class: `xw-cka-key xw-cka-${estimate}` }), name));
  const chart = curveChart(
    place,
    null,
    {
      hover: (index) => store.hover(index === null ? null : (now().line[index] ?? null)),
      pick(index) {
        const pair = now().line[index] ?? null;
        const old = store.pinned();
        store.pin(old && pair && old.row === pair.row && old.column === pair.column ? null : pair);
      },
    },
    until,
  );

  function props({ answer, line, focus, dim }: Scene) {
    if (!answer) return null;
    const { rows, columns, one } = answer.snapshot;
    const values = (estimate: "debiased" | "plain") => line.map((pair) => ckaOf(answer, estimate, pair));
    const title = lineTitle(answer);
    const marked = line.findIndex((pair) => pair.row === focus?.row && pair.column === focus?.column);
    return {
      names: line.map(({ row, column }) => (one ? (columns[column] ?? "") : (rows[row] ?? ""))),
      curves: [
        { name: ESTIMATES.plain, values: values("plain"), dashed: true },
        { name: ESTIMATES.debiased, values: values("debiased"), dashed: false },
      ],
      range: [0, 1] as const,
      title,
      marked: marked < 0 ? null : marked,
      label: `CKA, ${title}: debiased ${values("debiased")
        .map((value) => value.toFixed(2))
        .join(", ")}`,
      dim,
    };
  }

  return {
    draw(scene) {
      const { answer } = scene;
      place.hidden = keys.hidden = trust.hidden = !answer;
      chart.update(props(scene));
      loud.hidden = !answer || loudText(answer) === "";
      if (!answer) return;
      setText(trust, trustText(answer));
      setText(loud, loudText(answer));
    },
  };
}
