/** One number, moved by a slider with marks or typed beside it: followed while it moves, settled when it is let go. */
import { focused, h, on, setAttribute, setText } from "./shared/dom.ts";

export interface AmountSliderProps {
  /** For screen readers. */
  readonly name: string;
  readonly value: number;
  /** Ends of the slider; what is typed may lie beyond. */
  readonly least: number;
  readonly most: number;
  readonly step: number;
  readonly marks: readonly number[];
  /** After the number. */
  readonly unit: string;
  readonly disabled: boolean;
  /** Writes a number short. */
  readonly format: (value: number) => string;
}

export interface AmountSliderCallbacks {
  /** `moving`: the slider is held, more will follow. */
  choose(value: number, moving: boolean): void;
}

let lists = 0;

export function amountSlider(
  root: HTMLElement,
  props: AmountSliderProps,
  callbacks: AmountSliderCallbacks,
  signal: AbortSignal,
) {
  const slider = h("input", { class: "xw-amount-slider", type: "range" });
  const ticks = h("span", { class: "xw-amount-ticks", "aria-hidden": "true" });
  const list = h("datalist", { id: `xw-amount-${++lists}` });
  const track = h("span", { class: "xw-amount-track" }, slider, ticks, list);
  setAttribute(slider, "list", list.id);
  const field = h("input", { class: "xw-amount-field", type: "text", inputmode: "decimal", spellcheck: "false" });
  const unit = h("span", { class: "xw-soft" });
  const box = h("span", { class: "xw-amount" }, track, h("span", { class: "xw-amount-number" }, field, unit));
  root.append(box);
  let now = props;
  let held = false;

  on(
    slider,
    "input",
    () => {
      held = true;
      callbacks.choose(Number(slider.value), true);
    },
    signal,
  );
  on(
    slider,
    "change",
    () => {
      held = false;
      callbacks.choose(Number(slider.value), false);
    },
    signal,
  );

  const written = (value: number) => String(Number(value.toPrecision(4))).replace("-", "−");
  function read(): number | null {
    const text = field.value.trim().replaceAll("−", "-").replaceAll(",", ".");
    return text !== "" && Number.isFinite(Number(text)) ? Number(text) : null;
  }
  function typed(): void {
    const value = read();
    setAttribute(field, "aria-invalid", value === null ? "true" : null);
    if (value !== null && written(value) !== written(now.value)) callbacks.choose(value, false);
  }
  on(field, "change", typed, signal);
  on(
    field,
    "keydown",
    (event) => {
      if (event.key === "Enter" && !event.isComposing) {
        event.preventDefault();
        event.stopPropagation();
        typed();
      } else if (event.key === "Escape") {
        event.stopPropagation();
        field.value = written(now.value);
        setAttribute(field, "aria-invalid", null);
      }
    },
    signal,
  );

  let drawn = "";
  const update = (next: AmountSliderProps) => {
    now = next;
    for (const [name, value] of Object.entries({ min: next.least, max: next.most, step: next.step }))
      setAttribute(slider, name, value);
    setAttribute(slider, "aria-label", next.name);
    setAttribute(slider, "aria-valuetext", `${next.format(next.value)} ${next.unit}`.trim());
    setAttribute(field, "aria-label", `${next.name}, as a number`);
    slider.disabled = next.disabled;
    field.disabled = next.disabled;
    setText(unit, next.unit);
    const marks = next.marks.filter((m) => m >= next.least && m <= next.most);
    const key = JSON.stringify([marks, next.least, next.most]);
    if (key !== drawn) {
      drawn = key;
      list.replaceChildren(...marks.map((m) => h("option", { value: m })));
      ticks.replaceChildren(
        ...marks.map((m) => {
          const tick = h("span", {}, written(m));
          tick.style.setProperty("--at", String((m - next.least) / (next.most - next.least)));
          return tick;
        }),
      );
    }
    // While it is held it stays where the hand is.
    if (!held) slider.value = String(next.value);
    if (focused(field) !== field || next.value !== read()) {
      if (focused(field) !== field || read() !== null) field.value = written(next.value);
    }
  };
  update(props);
  return { update };
}
