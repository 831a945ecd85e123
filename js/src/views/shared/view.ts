/** What every view has around its own parts: a module with two doors, a root that lives as long as it is shown, and copying. */
import { copyText } from "../../kit/shared/clipboard.ts";
import { h, on } from "../../kit/shared/dom.ts";
import { isTyping, keepKeys } from "../../kit/shared/keys.ts";
import { followTheme } from "../../kit/shared/theme.ts";
import { lifetime, type Model } from "../../state/host.ts";

/** A click looks whether the kernel is still there, at most this often. */
const CHECK_MS = 5000;
const COPIED_MS = 1500;

interface HostProps {
  model: Model;
  signal?: AbortSignal;
}

/** The two functions a host calls: once a widget, once a place it is shown at. */
export function viewOf<Store>(
  open: (model: Model, until: AbortSignal) => unknown,
  find: (model: Model) => Store,
  mount: (store: Store, el: HTMLElement, until: AbortSignal) => void,
) {
  return {
    initialize({ model, signal: given }: HostProps): (() => void) | undefined {
      const { signal: until, dispose } = lifetime(given);
      open(model, until);
      return dispose;
    },
    render({ model, el, signal: given }: HostProps & { el: HTMLElement }): (() => void) | undefined {
      const { signal: until, dispose } = lifetime(given);
      mount(find(model), el, until);
      return dispose;
    },
  };
}

/** An empty view in the notebook's theme; it keeps its keys to itself and looks after the kernel when it is touched. */
export function rootOf(
  el: HTMLElement,
  { connection }: { readonly connection: { check(): void } },
  until: AbortSignal,
  kind = "",
): HTMLElement {
  const root = h("div", { class: `xw ${kind}`.trim(), tabindex: -1 });
  el.append(root);
  until.addEventListener("abort", () => root.remove(), { once: true });
  keepKeys(root, until);
  followTheme(root, until);
  let checked = Number.NEGATIVE_INFINITY;
  on(
    root,
    "pointerdown",
    () => {
      if (performance.now() - checked < CHECK_MS) return;
      checked = performance.now();
      connection.check();
    },
    until,
  );
  const page = root.ownerDocument;
  page.addEventListener("visibilitychange", () => page.hidden || connection.check(), { signal: until });
  return root;
}

/** A name for messages of this place. */
export const placeName = () => `view-${Math.random().toString(36).slice(2, 8)}`;

/** Copy a text and say for a moment how that went. */
export async function copied(text: string, root: HTMLElement, say: (words: string) => void): Promise<void> {
  say((await copyText(text, root)) ? "copied" : "can't copy");
  setTimeout(() => say(""), COPIED_MS);
}

/** `e` opens the editor, where it may be opened and nothing is being typed. */
export function editKey(root: HTMLElement, canEdit: () => boolean, open: () => void, until: AbortSignal): void {
  on(
    root,
    "keydown",
    (event) => {
      const command = event.ctrlKey || event.metaKey || event.altKey;
      if (command || event.key !== "e" || isTyping(event.composedPath()[0] ?? null) || !canEdit()) return;
      open();
      event.preventDefault();
    },
    until,
  );
}
