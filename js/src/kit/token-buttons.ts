/** A few tokens with their probabilities in a row, one of which may be chosen, and a field for any other. */
import { focused, h, on, setAttribute, visible } from "./shared/dom.ts";

export interface TokenButtonsProps {
  /** For screen readers: what choosing does. */
  readonly label: string;
  readonly tokens: readonly { readonly id: number; readonly text: string; readonly prob: number }[];
  readonly chosen: number | null;
  /** Writes a probability. */
  readonly format: (prob: number) => string;
  readonly dim: boolean;
}

export interface TokenButtonsCallbacks {
  choose(id: number): void;
  /** A token that is not in the row. */
  other(text: string): void;
}

export function tokenButtons(
  root: HTMLElement,
  props: TokenButtonsProps,
  callbacks: TokenButtonsCallbacks,
  signal: AbortSignal,
) {
  const list = h("span", { class: "xw-tokens-list" });
  const other = h("input", {
    class: "xw-other",
    type: "text",
    placeholder: "another token",
    "aria-label": "another token to follow",
    spellcheck: "false",
    dir: "auto",
  });
  const box = h("div", { class: "xw-tokens", role: "group" }, list, other);
  root.append(box);
  let drawn = "";

  on(
    list,
    "click",
    (event) => {
      const button = (event.target as Element).closest<HTMLElement>("[data-id]");
      if (button) callbacks.choose(Number(button.dataset.id));
    },
    signal,
  );
  on(
    other,
    "keydown",
    (event) => {
      if (event.key !== "Enter" || event.isComposing || other.value === "") return;
      event.preventDefault();
      callbacks.other(other.value);
      other.value = "";
    },
    signal,
  );

  function draw({ tokens, format }: TokenButtonsProps): void {
    const had = focused(list);
    const kept = had && list.contains(had) ? (had as HTMLElement).dataset.id : undefined;
    list.replaceChildren(
      ...tokens.map(({ id, text, prob }) => {
        const bar = h("span", { class: "xw-tokens-bar", "aria-hidden": "true" });
        bar.style.setProperty("--p", String(prob));
        return h(
          "button",
          { type: "button", class: "xw-word xw-token-button", "data-id": id, title: `probability ${prob}, id ${id}` },
          h("bdi", { class: "xw-token" }, visible(text)),
          h("span", { class: "xw-tokens-prob" }, format(prob)),
          bar,
        );
      }),
    );
    if (kept !== undefined) list.querySelector<HTMLElement>(`[data-id="${kept}"]`)?.focus({ preventScroll: true });
  }

  const update = (next: TokenButtonsProps) => {
    setAttribute(box, "aria-label", next.label);
    setAttribute(box, "data-dim", next.dim);
    const key = JSON.stringify(next.tokens);
    if (key !== drawn) draw(next);
    drawn = key;
    for (const button of list.children as unknown as HTMLElement[])
      setAttribute(button, "aria-pressed", String(Number(button.dataset.id) === next.chosen));
  };
  update(props);
  return { update };
}
