/** Making elements and listening to them: text is set as text, listeners end with a signal. */

type Props = Record<string, string | number | boolean | null | undefined>;
type Child = Node | string | null | undefined | false;

/** An element with attributes (false, null and undefined leave one out, true writes it empty) and children. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) setAttribute(element, name, value);
  for (const child of children) if (child) element.append(child);
  return element;
}

export function setAttribute(element: Element, name: string, value: Props[string]): void {
  if (value === false || value === null || value === undefined) element.removeAttribute(name);
  else {
    const text = value === true ? "" : String(value);
    if (element.getAttribute(name) !== text) element.setAttribute(name, text);
  }
}

/** Change the text only where it differs, so that selections and screen readers are left in peace. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function on<K extends keyof HTMLElementEventMap>(
  target: HTMLElement,
  type: K,
  listener: (event: HTMLElementEventMap[K]) => void,
  signal: AbortSignal,
  options: { capture?: boolean; passive?: boolean } = {},
): void {
  target.addEventListener(type, listener as EventListener, { ...options, signal });
}

/** A small outlined word. */
export function wordButton(
  text: string,
  props: Props,
  press: (event: MouseEvent) => void,
  signal: AbortSignal,
): HTMLButtonElement {
  const button = h("button", { type: "button", class: "xw-word", ...props }, text);
  on(button, "click", press, signal);
  return button;
}

/** Token text set apart from the sentence around it, whatever its direction; bare spaces are made visible. */
export function quoted(text: string): HTMLElement {
  return h("bdi", { class: "xw-token" }, visible(text));
}

/** Text of a token on its own: leading space dropped, what would be invisible spelled out. */
export function visible(text: string): string {
  if (text === "") return "(empty)";
  if (text.trim() === "") return [...text].map((c) => (c === "\n" ? "↵" : c === "\t" ? "⇥" : "␣")).join("");
  return text.trim();
}

/** The element that has focus inside the same document or shadow root. */
export function focused(element: Node): Element | null {
  const root = element.getRootNode();
  return root instanceof Document || root instanceof ShadowRoot ? root.activeElement : null;
}
