/** Small fields of an intervention: a counted thing, and a short text. */
import { focused, h, on, setAttribute, setText } from "../../kit/shared/dom.ts";

export interface Counted {
  readonly value: number;
  readonly most: number;
  readonly label: string;
  readonly hidden: boolean;
}

/** A number from 0 to `most`, by typing, arrows or the field's own steps. */
export function counter(root: HTMLElement, name: string, choose: (value: number) => void, until: AbortSignal) {
  const field = h("input", { class: "xw-steer-count", type: "number", min: 0, step: 1, "aria-label": name });
  const label = h("span", {});
  const box = h("label", { class: "xw-choice" }, label, field);
  root.append(box);
  on(
    field,
    "input",
    () => {
      const value = Number(field.value);
      const good = field.value !== "" && Number.isInteger(value) && value >= 0 && value <= Number(field.max);
      setAttribute(field, "aria-invalid", good ? null : "true");
      if (good) choose(value);
    },
    until,
  );
  return {
    draw(next: Counted): void {
      box.hidden = next.hidden;
      setText(label, next.label);
      setAttribute(field, "max", next.most);
      setAttribute(field, "title", `0 to ${next.most.toLocaleString("en")}`);
      if (Number(field.value) !== next.value || field.value === "") {
        // What is being typed stays, wrong or not.
        if (focused(field) !== field || !field.hasAttribute("aria-invalid")) field.value = String(next.value);
      }
    },
  };
}

/** A text, asked for with Enter or when the field is left. */
export function textField(root: HTMLElement, name: string, choose: (text: string) => void, until: AbortSignal) {
  const field = h("input", { class: "xw-other xw-steer-text", type: "text", spellcheck: "false", dir: "auto" });
  const label = h("label", { class: "xw-choice xw-steer-field" }, h("span", {}, name), field);
  root.append(label);
  let now = "";
  const done = () => {
    if (field.value !== "" && field.value !== now) choose(field.value);
    else field.value = now;
  };
  on(field, "change", done, until);
  on(
    field,
    "keydown",
    (event) => {
      if (event.key === "Escape") field.value = now;
      else if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault();
      event.stopPropagation();
      done();
    },
    until,
  );
  return {
    draw(text: string, hidden: boolean): void {
      label.hidden = hidden;
      const changed = text !== now;
      now = text;
      if (changed || focused(field) !== field) field.value = text;
    },
  };
}
