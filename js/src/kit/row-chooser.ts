/** Which entry of the axis before the positions is shown: their sum where that means something, or one. */
import { h, on, setAttribute, visible } from "./shared/dom.ts";

export interface RowChooserProps {
  readonly axis: string;
  readonly labels: readonly string[];
  readonly sum: boolean;
  /** null: the sum. */
  readonly row: number | null;
}

/** Above this many, a list to pull down takes less room than words in a row. */
const IN_A_ROW = 16;

export function rowChooser(
  root: HTMLElement,
  props: RowChooserProps | null,
  callbacks: { choose(row: number | null): void },
  signal: AbortSignal,
) {
  const box = h("div", { class: "xw-rows", hidden: true });
  root.append(box);
  let drawn = "";

  const value = (row: number | null) => (row === null ? "sum" : String(row));
  const parse = (text: string | undefined) => (text === undefined || text === "sum" ? null : Number(text));

  function draw(next: RowChooserProps): void {
    const options = [
      ...(next.sum ? [{ value: "sum", text: "sum" }] : []),
      ...next.labels.map((text, i) => ({ value: String(i), text: visible(text) })),
    ];
    if (options.length > IN_A_ROW) {
      const select = h(
        "select",
        { class: "xw-select", "aria-label": next.axis },
        ...options.map((o) => h("option", { value: o.value }, o.text)),
      );
      box.replaceChildren(h("span", { class: "xw-soft" }, next.axis), select);
      return;
    }
    const group = h("span", { role: "radiogroup", "aria-label": next.axis, class: "xw-rowset" });
    for (const o of options) {
      group.append(
        h(
          "button",
          { type: "button", role: "radio", class: "xw-row", "data-row": o.value, "data-sum": o.value === "sum" },
          h("bdi", {}, o.text),
        ),
      );
    }
    box.replaceChildren(h("span", { class: "xw-soft" }, next.axis), group);
  }

  on(
    box,
    "change",
    (event) => {
      if (event.target instanceof HTMLSelectElement) callbacks.choose(parse(event.target.value));
    },
    signal,
  );
  on(
    box,
    "click",
    (event) => {
      const button = (event.target as Element).closest<HTMLElement>("[data-row]");
      if (button) callbacks.choose(parse(button.dataset.row));
    },
    signal,
  );
  on(
    box,
    "keydown",
    (event) => {
      const buttons = [...box.querySelectorAll<HTMLElement>("[data-row]")];
      const at = buttons.indexOf(event.target as HTMLElement);
      const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (at < 0 || by === undefined) return;
      event.preventDefault();
      const next = buttons[(at + by + buttons.length) % buttons.length];
      next?.focus();
      callbacks.choose(parse(next?.dataset.row));
    },
    signal,
  );

  const update = (next: RowChooserProps | null) => {
    box.hidden = !next;
    if (!next) return;
    const key = JSON.stringify([next.axis, next.labels, next.sum]);
    if (key !== drawn) draw(next);
    drawn = key;
    const chosen = value(next.row);
    const select = box.querySelector("select");
    if (select) select.value = chosen;
    for (const button of box.querySelectorAll<HTMLElement>("[data-row]")) {
      setAttribute(button, "aria-checked", String(button.dataset.row === chosen));
      button.tabIndex = button.dataset.row === chosen ? 0 : -1;
    }
  };
  update(props);
  return { update };
}
