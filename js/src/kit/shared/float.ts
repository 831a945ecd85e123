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
  const below = innerHeight - anchor.bottom - 2 * GAP;
  const above = anchor.top - 2 * GAP;
  box.style.maxHeight = `${Math.min(Math.max(below, above), innerHeight - 2 * GAP)}px`;
  const { width, height } = box.getBoundingClientRect();
  const within = (at: number, most: number) => `${Math.max(GAP, Math.min(at, most - GAP))}px`;
  box.style.left = within(anchor.left, innerWidth - width);
  const under = height <= below || below >= above;
  box.style.top = within(under ? anchor.bottom + GAP : anchor.top - GAP - height, innerHeight - height);
}

export function hide(box: HTMLElement): void {
  if (typeof box.hidePopover === "function" && box.isConnected && box.matches(":popover-open")) box.hidePopover();
  box.hidden = true;
}
