/** Copying text, also where the page has no permission for the clipboard. */

/** True if the text is on the clipboard. */
export async function copyText(text: string, near: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text, near);
  }
}

function copyBySelection(text: string, near: HTMLElement): boolean {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "xw-hidden";
  near.append(area);
  area.select();
  // The old way is the only one on pages served without https; browsers still have it.
  const done = document.execCommand?.("copy") ?? false;
  area.remove();
  return done;
}
