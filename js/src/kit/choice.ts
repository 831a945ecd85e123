/** One small choice among named values. */
import { h, on, setAttribute, setText } from "./shared/dom.ts";

export interface ChoiceProps {
  readonly label: string;
  /** For screen readers. */
  readonly name: string;
  readonly options: readonly { readonly value: string; readonly text: string }[];
  readonly value: string;
  readonly hidden: boolean;
}

export function choice(
  root: HTMLElement,
  props: ChoiceProps,
  callbacks: { choose(value: string): void },
  signal: AbortSignal,
) {
  const select = h("select", { class: "xw-select" });
  const name = h("span", {});
  const label = h("label", { class: "xw-choice" }, name, select);
  root.append(label);
  on(select, "change", () => callbacks.choose(select.value), signal);
  let drawn = "";
  const update = (next: ChoiceProps) => {
    label.hidden = next.hidden;
    setText(name, next.label);
    setAttribute(select, "aria-label", next.name);
    const key = JSON.stringify(next.options);
    if (key !== drawn) select.replaceChildren(...next.options.map((o) => h("option", { value: o.value }, o.text)));
    drawn = key;
    select.value = next.value;
  };
  update(props);
  return { update };
}
