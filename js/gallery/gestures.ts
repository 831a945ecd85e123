/** What a person does in a view, for states that come about by a click. */

/** Once the view has drawn what it was given. */
export const soon = (act: () => void) => setTimeout(act, 60);

/** Click the button that says this; `whole`: and nothing else. */
export function press(el: HTMLElement, text: string, whole = false): void {
  const says = (button: Element) => (whole ? button.textContent?.trim() === text : button.textContent?.includes(text));
  [...el.querySelectorAll("button")].find(says)?.click();
}

/** Set a field and say that it changed. */
export function put(field: HTMLInputElement | HTMLSelectElement | null, value: string): void {
  if (!field) return;
  field.value = value;
  field.dispatchEvent(new Event("change", { bubbles: true }));
}

export function choose(el: HTMLElement, name: string, value: string): void {
  put(el.querySelector<HTMLSelectElement>(`select[aria-label="${name}"]`), value);
}

/** The `n`-th of the next tokens, from 1. */
export function candidate(el: HTMLElement, n: number, shiftKey = false): void {
  const row = el.querySelector(`.xw-cand:nth-child(${n})`);
  row?.dispatchEvent(new MouseEvent("click", { bubbles: true, composed: true, shiftKey }));
}

/** Open the prompt and write another. */
export function edit(el: HTMLElement, text: string): void {
  press(el, "edit");
  soon(() => {
    const area = el.querySelector("textarea");
    if (!area) return;
    area.value = text;
    area.dispatchEvent(new InputEvent("input", { bubbles: true }));
  });
}
