/** The most probable next tokens: one is the question, another may be what it is compared with. */
import { focused, h, on, setAttribute, setText, visible } from "./shared/dom.ts";

export interface Candidate {
  readonly id: number;
  readonly text: string;
  readonly prob: number;
  readonly logit: number;
}

export interface CandidateListProps {
  readonly candidates: readonly Candidate[];
  readonly target: number | null;
  readonly contrast: number | null;
  /** Writes a probability. */
  readonly format: (prob: number) => string;
  readonly dim: boolean;
  /** Rows to keep free at least. */
  readonly reserve: number;
}

export interface CandidateCallbacks {
  explain(id: number): void;
  /** null clears the contrast. */
  contrast(id: number | null): void;
  /** A token that is not in the list. */
  other(text: string, contrast: boolean): void;
}

export function candidateList(
  root: HTMLElement,
  props: CandidateListProps,
  callbacks: CandidateCallbacks,
  signal: AbortSignal,
) {
  const list = h("div", { role: "listbox", class: "xw-cands", "aria-label": "next token" });
  const other = h("input", {
    class: "xw-other",
    type: "text",
    placeholder: "another token",
    "aria-label": "another token to explain",
    spellcheck: "false",
  });
  root.append(list, other);
  let now = props;
  let at = 0;
  /** Rows once shown stay reserved, so that shorter lists move nothing. */
  let most = 0;

  const rows = () => [...list.children] as HTMLElement[];
  const rowOf = (event: Event) => (event.target as Element).closest<HTMLElement>("[data-id]");

  function contrast(id: number): void {
    if (id === now.target) return;
    callbacks.contrast(id === now.contrast ? null : id);
  }

  function focusRow(index: number): void {
    const all = rows();
    at = Math.max(0, Math.min(all.length - 1, index));
    for (const [i, row] of all.entries()) row.tabIndex = i === at ? 0 : -1;
    all[at]?.focus();
  }

  on(
    list,
    "click",
    (event) => {
      const row = rowOf(event);
      if (!row) return;
      const id = Number(row.dataset.id);
      at = rows().indexOf(row);
      const versus = (event.target as Element).closest(".xw-vs") !== null;
      if (event.shiftKey || versus) contrast(id);
      else callbacks.explain(id);
    },
    signal,
  );
  on(
    list,
    "keydown",
    (event) => {
      const row = rowOf(event);
      if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
      const id = Number(row.dataset.id);
      const index = rows().indexOf(row);
      const moves: Record<string, number> = {
        ArrowDown: index + 1,
        ArrowUp: index - 1,
        Home: 0,
        End: now.candidates.length - 1,
      };
      const to = moves[event.key];
      if (to !== undefined) focusRow(to);
      else if (event.key === "c" || (event.key === "Enter" && event.shiftKey)) contrast(id);
      else if (event.key === "Enter" || event.key === " ") callbacks.explain(id);
      else if (event.key === "Escape" && now.contrast !== null) callbacks.contrast(null);
      else return;
      event.preventDefault();
      event.stopPropagation();
    },
    signal,
  );
  on(
    other,
    "keydown",
    (event) => {
      if (event.key !== "Enter" || event.isComposing || other.value === "") return;
      event.preventDefault();
      callbacks.other(other.value, event.shiftKey);
      other.value = "";
    },
    signal,
  );

  function makeRow(): HTMLElement {
    return h(
      "div",
      { role: "option", class: "xw-cand", tabindex: -1, "aria-keyshortcuts": "Enter c" },
      h("bdi", { class: "xw-cand-text" }),
      h("span", { class: "xw-cand-bar", "aria-hidden": "true" }),
      h("span", { class: "xw-cand-prob" }),
      h("span", { class: "xw-vs", title: "compare with this one (c, or Shift and click)" }, "vs"),
    );
  }

  const update = (next: CandidateListProps) => {
    now = next;
    const had = focused(list);
    const kept = had && list.contains(had);
    while (list.children.length < next.candidates.length) list.append(makeRow());
    while (list.children.length > next.candidates.length) list.lastElementChild?.remove();
    most = Math.max(most, next.candidates.length);
    list.style.setProperty("--rows", String(Math.max(most, next.reserve)));
    setAttribute(list, "data-dim", next.dim);
    at = Math.max(0, Math.min(at, next.candidates.length - 1));
    for (const [i, row] of rows().entries()) {
      const c = next.candidates[i];
      if (!c) continue;
      const [text, bar, prob] = row.children as unknown as [HTMLElement, HTMLElement, HTMLElement];
      row.dataset.id = String(c.id);
      row.tabIndex = i === at ? 0 : -1;
      setText(text, visible(c.text));
      setText(prob, next.format(c.prob));
      bar.style.setProperty("--p", String(c.prob));
      row.title = `probability ${c.prob}, logit ${c.logit}, id ${c.id}`;
      const role = c.id === next.target ? "target" : c.id === next.contrast ? "contrast" : null;
      setAttribute(row, "data-is", role);
      setAttribute(row, "aria-selected", String(role === "target"));
      setAttribute(row, "aria-description", role === "contrast" ? "compared with" : null);
    }
    other.disabled = next.candidates.length === 0;
    if (kept && !list.contains(focused(list))) rows()[at]?.focus();
  };
  update(props);
  return { update };
}
