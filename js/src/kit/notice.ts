/** What the reader has to know, under the last good picture: a refusal, a question back, a kernel that is gone. */
import { h, setAttribute, wordButton } from "./shared/dom.ts";

export interface Notice {
  readonly kind: "error" | "info";
  readonly problem: string;
  /** Sentences after it; `code` parts are set in the code font. */
  readonly details: readonly { readonly label: string; readonly text: string }[];
  readonly actions: readonly { readonly name: string; readonly label: string }[];
}

export interface NoticeProps {
  readonly notice: Notice | null;
}

export function notice(
  root: HTMLElement,
  props: NoticeProps,
  callbacks: { act(name: string): void },
  signal: AbortSignal,
) {
  const box = h("div", { class: "xw-notice", hidden: true });
  root.append(box);
  let shown: Notice | null = null;
  let inside = new AbortController();
  signal.addEventListener("abort", () => inside.abort(), { once: true });
  const update = ({ notice: next }: NoticeProps) => {
    if (shown && next && JSON.stringify(shown) === JSON.stringify(next)) return;
    shown = next;
    inside.abort();
    inside = new AbortController();
    box.hidden = !next;
    if (!next || signal.aborted) return;
    setAttribute(box, "data-kind", next.kind);
    setAttribute(box, "role", next.kind === "error" ? "alert" : "status");
    box.replaceChildren(
      h("p", {}, h("b", {}, next.problem)),
      ...next.details.map(({ label, text }) =>
        h("p", {}, label && h("span", { class: "xw-soft" }, `${label} `), ...withCode(text)),
      ),
      (next.actions.length > 0 &&
        h(
          "p",
          { class: "xw-actions" },
          ...next.actions.map((a) =>
            wordButton(a.label, { "data-act": a.name }, () => callbacks.act(a.name), inside.signal),
          ),
        )) ||
        "",
    );
  };
  update(props);
  return { update };
}

/** Text with what looks like code (name="value", `so`) set in the code font. */
function withCode(text: string): (Node | string)[] {
  return text
    .split(/(`[^`]+`|\b\w+=(?:"[^"]*"|'[^']*'|[\w.]+))/)
    .map((part, i) => (i % 2 ? h("code", {}, part.replace(/^`|`$/g, "")) : part));
}
