/** One number typed into a small field: asked for with Enter or when the field is left, refused in place if it is none. */
import { focused, h, on, setAttribute, setText } from "./shared/dom.ts";

export interface NumberFieldProps {
  readonly label: string;
  /** For screen readers. */
  readonly name: string;
  /** null: not known. */
  readonly value: number | null;
  readonly least: number;
  readonly most: number;
  readonly whole: boolean;
  readonly hidden: boolean;
}

export function numberField(
  root: HTMLElement,
  props: NumberFieldProps,
  callbacks: { choose(value: number): void },
  signal: AbortSignal,
) {
  const input = h("input", { class: "xw-number", type: "text", inputmode: "decimal", spellcheck: "false" });
  const name = h("span", {});
  const label = h("label", { class: "xw-choice" }, name, input);
  root.append(label);
  let now = props;

  const textOf = (value: number | null) => (value === null ? "" : String(value));
  /** Null where it is no number of the kind that is meant. */
  function read(): number | null {
    const value = Number(input.value.trim().replaceAll(",", ""));
    const good = input.value.trim() !== "" && value >= now.least && value <= now.most;
    return good && (!now.whole || Number.isInteger(value)) ? value : null;
  }

  function done(): void {
    const value = read();
    setAttribute(input, "aria-invalid", value === null && input.value.trim() !== "" ? "true" : null);
    if (value !== null && value !== now.value) callbacks.choose(value);
    else if (input.value.trim() === "") input.value = textOf(now.value);
  }

  on(input, "change", done, signal);
  on(
    input,
    "keydown",
    (event) => {
      if (event.key === "Enter" && !event.isComposing) {
        event.preventDefault();
        event.stopPropagation();
        done();
      } else if (event.key === "Escape") {
        event.stopPropagation();
        input.value = textOf(now.value);
        setAttribute(input, "aria-invalid", null);
      }
    },
    signal,
  );

  const update = (next: NumberFieldProps) => {
    const changed = next.value !== now.value || input.value === "";
    now = next;
    label.hidden = next.hidden;
    setText(name, next.label);
    setAttribute(input, "aria-label", next.name);
    setAttribute(input, "title", `${next.least.toLocaleString("en")} to ${next.most.toLocaleString("en")}`);
    // What is being typed stays.
    if (changed && focused(input) !== input) input.value = textOf(next.value);
  };
  update(props);
  return { update };
}
