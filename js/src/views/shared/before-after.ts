/** Next tokens before and after something was changed, side by side, drawn again only when they are others. */
import { h } from "../../kit/shared/dom.ts";
import type { CandidateRow } from "../../protocol/generated.ts";
import { probability } from "../../state/words.ts";

export interface BeforeAfter {
  readonly before: readonly CandidateRow[];
  readonly after: readonly CandidateRow[];
}

/** Tokens listed of each side. */
const LISTED = 6;

/** `marked`: tokens that the question is about (what is asked for, what it is compared with), listed wherever they are known. */
export function beforeAfter(
  root: HTMLElement,
  name: (text: string) => string,
  names: readonly [before: string, after: string] = ["before", "after"],
) {
  const table = h("table", { class: "xw-both", hidden: true });
  root.append(table);
  let listed: BeforeAfter | null = null;

  return (found: BeforeAfter | null, marked: readonly number[] = []) => {
    table.hidden = !found;
    if (!found || found === listed) return;
    listed = found;
    const { before, after } = found;
    const both = [...before, ...after.filter((c) => !before.some((b) => b.id === c.id))];
    const first = new Set([...before.slice(0, LISTED), ...after.slice(0, LISTED)].map(({ id }) => id));
    const shown = both.filter(({ id }) => first.has(id) || marked.includes(id));
    const heading = h("tr", {}, ...["next token", ...names].map((text) => h("th", { scope: "col" }, text)));
    const row = ({ id, text }: CandidateRow) =>
      h(
        "tr",
        { "data-is": ["target", "contrast"][marked.indexOf(id)] },
        h("th", { scope: "row" }, h("bdi", { class: "xw-token" }, name(text))),
        ...[before, after].map((side) => probabilityCell(side.find((c) => c.id === id))),
      );
    table.replaceChildren(h("thead", {}, heading), h("tbody", {}, ...shown.map(row)));
  };
}

function probabilityCell(row: CandidateRow | undefined): HTMLElement {
  const bar = h("span", { class: "xw-cand-bar", "aria-hidden": "true" });
  bar.style.setProperty("--p", String(row?.prob ?? 0));
  return h("td", {}, h("span", { class: "xw-num" }, row ? probability(row.prob) : "not listed"), row ? bar : null);
}
