/** Keys of a view that the notebook around it must not take: `c` copies a cell there, Enter edits it. */

/** Keys without a modifier that parts listen to. */
const OURS = new Set([
  "ArrowLeft",
  "ArrowRight",
  "ArrowUp",
  "ArrowDown",
  "Home",
  "End",
  "PageUp",
  "PageDown",
  "Enter",
  " ",
  "Escape",
  "c",
  "e",
  "+",
  "=",
  "-",
  "0",
]);

function isOurs(event: KeyboardEvent): boolean {
  const command = event.ctrlKey || event.metaKey;
  if (event.altKey) return false;
  if (command) return event.key === "Enter" || event.key.toLowerCase() === "z";
  return OURS.has(event.key);
}

export function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches("textarea, input, select");
}

/**
 * Mark the root for exactly the keys that are ours (and every key typed into our fields), so that JupyterLab's shortcuts,
 * which listen on the document before any element does, leave them alone. Everything else (save, run) stays theirs.
 */
export function keepKeys(root: HTMLElement, signal: AbortSignal): void {
  const window = root.ownerDocument.defaultView;
  window?.addEventListener(
    "keydown",
    (event) => {
      const path = event.composedPath();
      const ours = path.includes(root) && (isTyping(path[0] ?? null) ? !isSave(event) : isOurs(event));
      const holder = root.getRootNode() instanceof ShadowRoot ? (root.getRootNode() as ShadowRoot).host : root;
      if (ours) holder.setAttribute("data-lm-suppress-shortcuts", "true");
      else holder.removeAttribute("data-lm-suppress-shortcuts");
    },
    { capture: true, signal },
  );
}

function isSave(event: KeyboardEvent): boolean {
  return (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s";
}
