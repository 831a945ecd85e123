/** Boxes above the page (tooltip, picker): shown in the top layer where there is one, kept inside the window. */

const GAP = 6;

/** The largest box of an inline element: one that wraps leaves its space on the line above. */
export function mainRect(element: Element): DOMRect | null {
  let best: DOMRect | null = null;
  for (const rect of element.getClientRects()) if (!best || rect.width > best.width) best = rect;
  return best;
}

export function showAt(box: HTMLElement, anchor: DOMRect): void {
  box.hidden = false;
  if (typeof box.showPopover === "function" && box.isConnected && !box.matches(":popover-open")) box.showPopover();
  const { innerWidth, innerHeight } = box.ownerDocument.defaultView ?? window;
  const size = box.getBoundingClientRect();
  const left = Math.max(GAP, Math.min(anchor.left, innerWidth - size.width - GAP));
  const below = anchor.bottom + GAP;
  const above = anchor.top - GAP - size.height;
  const top =
    below + size.height <= innerHeight || above < GAP
      ? Math.min(below, Math.max(GAP, innerHeight - size.height - GAP))
      : above;
  box.style.left = `${left}px`;
  box.style.top = `${top}px`;
}

export function hide(box: HTMLElement): void {
  if (typeof box.hidePopover === "function" && box.isConnected && box.matches(":popover-open")) box.hidePopover();
  box.hidden = true;
}
