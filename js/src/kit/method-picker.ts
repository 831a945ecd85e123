/** The methods there are, by family, with what each costs for this question; and the parameters of the one in use. */
import { h, on, setAttribute, wordButton } from "./shared/dom.ts";
import { hide, showAt } from "./shared/float.ts";

export interface PickerParam {
  readonly name: string;
  readonly kind: "int" | "float" | "bool" | "choice" | "text";
  readonly value: unknown;
  readonly choices: readonly string[];
  readonly doc: string;
}

export interface PickerMethod {
  readonly name: string;
  readonly title: string;
  readonly family: string;
  readonly summary: string;
  readonly reference: string;
  readonly params: readonly PickerParam[];
  readonly available: boolean;
  readonly reason: string;
  readonly cost: string;
}

export interface MethodPickerProps {
  readonly open: boolean;
  readonly anchor: HTMLElement;
  /** null while they are being asked for. */
  readonly methods: readonly PickerMethod[] | null;
  /** The method in use, with its parameters as they are. */
  readonly current: PickerMethod | null;
  /** Said in place of the list, when there can be none. */
  readonly empty: string;
}

export interface MethodPickerCallbacks {
  choose(name: string, params: Record<string, unknown>): void;
  close(): void;
}

export function methodPicker(
  root: HTMLElement,
  props: MethodPickerProps,
  callbacks: MethodPickerCallbacks,
  signal: AbortSignal,
) {
  const box = h("div", {
    class: "xw-picker",
    popover: "manual",
    role: "dialog",
    "aria-label": "methods",
    hidden: true,
  });
  root.append(box);
  let now = props;
  let drawn: unknown[] = [];
  let inside = new AbortController();
  signal.addEventListener(
    "abort",
    () => {
      inside.abort();
      hide(box);
      box.remove();
    },
    { once: true },
  );

  const items = () => [...box.querySelectorAll<HTMLElement>("[role=option]")];

  function choose(method: PickerMethod): void {
    if (!method.available) return;
    const same = method.name === now.current?.name;
    if (!same) callbacks.choose(method.name, {});
    callbacks.close();
  }

  function focusItem(index: number): void {
    const all = items();
    const to = Math.max(0, Math.min(all.length - 1, index));
    for (const [i, item] of all.entries()) item.tabIndex = i === to ? 0 : -1;
    all[to]?.focus();
    all[to]?.scrollIntoView({ block: "nearest" });
  }

  function option(method: PickerMethod, until: AbortSignal): HTMLElement {
    const current = method.name === now.current?.name;
    const item = h(
      "div",
      {
        role: "option",
        class: "xw-method",
        tabindex: current ? 0 : -1,
        "aria-selected": String(current),
        "aria-disabled": method.available ? null : "true",
        "data-name": method.name,
        title: method.reference || null,
      },
      h("span", { class: "xw-method-title" }, method.title),
      h("span", { class: "xw-method-cost" }, method.available ? method.cost : ""),
      h("span", { class: "xw-method-text" }, method.available ? method.summary : method.reason),
    );
    on(item, "click", () => choose(method), until);
    return item;
  }

  function draw(until: AbortSignal): void {
    const { methods, current } = now;
    if (!methods) {
      box.replaceChildren(
        h("p", { class: "xw-soft xw-picker-wait" }, now.empty || "asking the kernel what this question costs"),
      );
      return;
    }
    const families = new Map<string, PickerMethod[]>();
    for (const m of methods) families.set(m.family, [...(families.get(m.family) ?? []), m]);
    const list = h("div", { role: "listbox", "aria-label": "methods" });
    for (const [family, some] of families) {
      const heading = h("div", { class: "xw-family", role: "presentation" }, family);
      list.append(h("div", { role: "group", "aria-label": family }, heading, ...some.map((m) => option(m, until))));
    }
    // Parameters as they are now; where the list knows more of them (ranges, texts), its description is used.
    const listed = methods.find((m) => m.name === current?.name);
    const params = (listed?.params ?? current?.params ?? []).map((p) => ({
      ...p,
      value: current?.params.find((q) => q.name === p.name)?.value ?? p.value,
    }));
    box.replaceChildren(current && params.length ? parameters(current, params, until) : "", list);
    const all = items();
    if (!all.some((item) => item.tabIndex === 0) && all[0]) all[0].tabIndex = 0;
  }

  function parameters(method: PickerMethod, params: readonly PickerParam[], until: AbortSignal): HTMLElement {
    const form = h(
      "form",
      { class: "xw-params", "aria-label": `parameters of ${method.title}` },
      h("div", { class: "xw-family" }, method.title),
    );
    for (const p of params)
      form.append(
        h("label", { class: "xw-param", title: p.doc || null }, h("span", {}, p.name.replaceAll("_", " ")), field(p)),
      );
    form.append(
      h(
        "div",
        { class: "xw-actions" },
        wordButton("apply", { type: "submit" }, () => {}, until),
      ),
    );
    on(
      form,
      "submit",
      (event) => {
        event.preventDefault();
        callbacks.choose(method.name, readForm(form, params));
        callbacks.close();
      },
      until,
    );
    return form;
  }

  on(
    box,
    "keydown",
    (event) => {
      if (event.key === "Escape") {
        event.preventDefault();
        event.stopPropagation();
        callbacks.close();
        return;
      }
      const all = items();
      const at = all.indexOf(event.target as HTMLElement);
      if (at < 0) return;
      const moves: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 };
      const to = moves[event.key];
      if (to !== undefined) focusItem(to);
      else if (event.key === "Enter" || event.key === " ") {
        const method = now.methods?.find((m) => m.name === all[at]?.dataset.name);
        if (method) choose(method);
      } else return;
      event.preventDefault();
      event.stopPropagation();
    },
    signal,
  );

  const update = (next: MethodPickerProps) => {
    const opening = next.open && !now.open;
    now = next;
    if (!next.open) {
      if (!box.hidden) {
        hide(box);
        inside.abort();
        drawn = [];
      }
      return;
    }
    const key = [next.methods, next.current, next.empty];
    if (!opening && key.every((value, i) => value === drawn[i])) return;
    drawn = key;
    inside.abort();
    inside = new AbortController();
    draw(inside.signal);
    const place = () => showAt(box, now.anchor.getBoundingClientRect());
    place();
    const view = box.ownerDocument.defaultView;
    view?.addEventListener("resize", place, { signal: inside.signal });
    view?.addEventListener(
      "scroll",
      (event) => {
        if (!(event.target instanceof Node && box.contains(event.target))) place();
      },
      { signal: inside.signal, capture: true, passive: true },
    );
    view?.addEventListener(
      "pointerdown",
      (event) => {
        const path = event.composedPath();
        if (!path.includes(box) && !path.includes(now.anchor)) callbacks.close();
      },
      { signal: inside.signal, capture: true },
    );
    if (opening) box.tabIndex = -1;
    if (opening || box.ownerDocument.activeElement === box) {
      const target = items().find((item) => item.tabIndex === 0) ?? box;
      target.focus();
    } else if (items().length && !box.matches(":focus-within"))
      items()
        .find((item) => item.tabIndex === 0)
        ?.focus();
  };
  update(props);
  return { update };
}

function field(p: PickerParam): HTMLElement {
  const { name, value } = p;
  if (p.kind === "bool") {
    const box = h("input", { type: "checkbox", name });
    box.checked = Boolean(value);
    return box;
  }
  if (p.kind === "choice") {
    const select = h("select", { class: "xw-select", name }, ...p.choices.map((c) => h("option", { value: c }, c)));
    select.value = String(value);
    return select;
  }
  const numeric = p.kind === "int" || p.kind === "float";
  const input = h("input", {
    class: "xw-input",
    name,
    type: numeric ? "number" : "text",
    step: p.kind === "int" ? 1 : numeric ? "any" : null,
  });
  input.value = value === null || value === undefined ? "" : Array.isArray(value) ? value.join(", ") : String(value);
  return input;
}

/** Values of the form; a field left empty, or that can't be read, is left to the method. */
function readForm(form: HTMLFormElement, params: readonly PickerParam[]): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const p of params) {
    const control = form.elements.namedItem(p.name);
    if (!(control instanceof HTMLInputElement || control instanceof HTMLSelectElement)) continue;
    if (control instanceof HTMLInputElement && control.type === "checkbox") out[p.name] = control.checked;
    else if (control.value === "") continue;
    else if (p.kind === "int" || p.kind === "float") out[p.name] = Number(control.value);
    else out[p.name] = control.value;
  }
  setAttribute(form, "data-sent", true);
  return out;
}
