/** A small box with exact values beside what is hovered or focused. */
import { h } from "./shared/dom.ts";
import { hide, showAt } from "./shared/float.ts";

export interface TooltipProps {
  /** Where; null hides. */
  readonly anchor: DOMRect | null;
  readonly title: string;
  readonly lines: readonly { readonly label: string; readonly value: string }[];
}

export function tooltip(root: HTMLElement, props: TooltipProps, _callbacks: object, signal: AbortSignal) {
  const box = h("div", { class: "xw-tip", role: "tooltip", popover: "manual", hidden: true });
  root.append(box);
  const update = ({ anchor, title, lines }: TooltipProps) => {
    if (!anchor) {
      hide(box);
      return;
    }
    box.replaceChildren(
      h("bdi", { class: "xw-tip-title" }, title),
      // Plain spans: notebooks style description lists in ways that break this small table.
      h(
        "span",
        { class: "xw-tip-lines" },
        ...lines.flatMap(({ label, value }) => [h("span", { class: "xw-soft" }, label), h("bdi", {}, value)]),
      ),
    );
    showAt(box, anchor);
  };
  signal.addEventListener("abort", () => box.remove(), { once: true });
  update(props);
  return { update };
}
