/** The picture as a table, for readers who can't see it: the strongest entries with their values. */
import { h } from "./shared/dom.ts";

export interface TextTableProps {
  readonly caption: string;
  readonly headings: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export function textTable(root: HTMLElement, props: TextTableProps, _callbacks: object, _signal: AbortSignal) {
  const table = h("table", { class: "xw-hidden" });
  // A table is never smaller than its text: alone it would make the page as long as it is.
  root.append(h("div", { class: "xw-hidden" }, table));
  let drawn = "";
  const update = (next: TextTableProps) => {
    const key = JSON.stringify(next);
    if (key === drawn) return;
    drawn = key;
    table.replaceChildren(
      h("caption", {}, next.caption),
      h("thead", {}, h("tr", {}, ...next.headings.map((text) => h("th", { scope: "col" }, text)))),
      h(
        "tbody",
        {},
        ...next.rows.map((cells) =>
          h("tr", {}, ...cells.map((text, i) => (i ? h("td", {}, text) : h("th", { scope: "row" }, text)))),
        ),
      ),
    );
  };
  update(props);
  return { update };
}
