/** One intervention: its part, where, how and how much, each by a small control. */
import { amountSlider } from "../../kit/amount-slider.ts";
import { choice } from "../../kit/choice.ts";
import { h, on, setAttribute, setText, wordButton } from "../../kit/shared/dom.ts";
import { tokenPicker } from "../../kit/token-picker.ts";
import type { InterventionSpec } from "../../protocol/generated.ts";
import { amountOf } from "../../state/steer-amount.ts";
import * as list from "../../state/steer-list.ts";
import { number } from "../../state/words.ts";
import { directionFields } from "./direction.ts";
import { counter, textField } from "./fields.ts";
import type { Context, Scene } from "./scene.ts";
import { HOW, rowName, WHAT, WHERE } from "./words.ts";

/** `index`: which of the list; rows are used again for whatever stands there. */
export function interventionRow(root: HTMLElement, context: Context, index: number, until: AbortSignal) {
  const { store, view } = context;
  const now = (): InterventionSpec | undefined => store.asked.value.interventions[index];
  function put(next: InterventionSpec | undefined, moving = false): void {
    const all = store.asked.value.interventions;
    const changed = next ? all.map((one, i) => (i === index ? next : one)) : all.filter((_, i) => i !== index);
    store.change(changed, view, moving);
  }
  function change(make: (one: InterventionSpec, ground: list.Ground) => InterventionSpec, moving = false): void {
    const { ground } = context.scene();
    const one = now();
    if (ground && one) put(make(one, ground), moving);
  }

  const box = h("li", { class: "xw-steer-row" });
  root.append(box);
  const isOn = h("input", { type: "checkbox" });
  on(isOn, "change", () => change((one) => withOn(one, isOn.checked)), until);
  const head = h("div", { class: "xw-controls" }, h("label", { class: "xw-choice xw-steer-on" }, isOn, `${index + 1}`));
  const amountLine = h("div", { class: "xw-controls xw-steer-amount" });
  const more = h("div", { class: "xw-controls" });
  const means = h("p", { class: "xw-soft xw-steer-means" });
  const places = h("div", { class: "xw-steer-where" });
  box.append(head, amountLine, more, means, places);

  const usual = { label: "", hidden: false, options: [], value: "" };
  const what = choice(
    head,
    { ...usual, name: "which part" },
    { choose: (value) => change((one, ground) => list.withWhat(one, value as list.What, ground)) },
    until,
  );
  const layer = counter(head, "layer", (value) => change((one, ground) => list.withLayer(one, value, ground)), until);
  const which = counter(head, "index", (value) => change((one, ground) => list.withIndex(one, value, ground)), until);
  const where = choice(
    head,
    { ...usual, name: "where" },
    { choose: (value) => change((one) => list.withWhere(one, value as list.Where)) },
    until,
  );
  head.append(
    h("span", { class: "xw-gap" }),
    wordButton("remove", { class: "xw-word xw-steer-remove" }, () => put(undefined), until),
  );
  const how = choice(
    amountLine,
    { ...usual, name: "what is done" },
    { choose: (value) => change((one, ground) => list.withHow(one, value as list.How, ground)) },
    until,
  );
  const slot = h("span", { class: "xw-steer-slot" });
  amountLine.append(slot);
  const slider = amountSlider(
    slot,
    { name: "", value: 0, least: -2, most: 2, step: 0.01, marks: [], unit: "", disabled: true, format: number },
    {
      choose(shown, moving) {
        const { answer, rows } = context.scene();
        const one = now();
        const amount = answer && one && amountOf(one, rows[index] ?? null, answer);
        if (one && amount) put({ ...one, value: amount.of(shown) }, moving);
      },
    },
    until,
  );
  const direction = directionFields(more, context, (make) => change(make), until);
  const source = textField(more, "the other text", (text) => change((one) => ({ ...one, source: text })), until);
  const picker = tokenPicker(
    places,
    { label: "", units: [], names: [], chosen: new Set(), hidden: true },
    { choose: (position) => change((one, { count }) => list.withToken(one, position, count)) },
    until,
  );

  return {
    remove: () => box.remove(),
    draw(scene: Scene): void {
      const { ground, answer, prompt } = scene;
      const one = scene.interventions[index];
      const row = scene.rows[index] ?? null;
      box.hidden = !one || !ground || !answer;
      if (!one || !ground || !answer) return;
      const { sites, count } = ground;
      const name = rowName(one, sites.n_layers);
      setAttribute(box, "aria-label", name);
      setAttribute(box, "data-off", one.on === false);
      isOn.checked = one.on !== false;
      setAttribute(isOn, "aria-label", `intervention ${index + 1} on`);
      const named = <K extends string>(values: readonly K[], names: Readonly<Record<K, string>>) =>
        values.map((value) => ({ value, text: names[value] }));
      const parts = list.whats(sites);
      const part = parts.includes(one.what) ? parts : [...parts, one.what];
      what.update({ ...usual, name: "which part", options: named(part, WHAT), value: one.what });
      layer.draw({ value: one.layer, most: list.lastLayer(sites, one.what), label: "", hidden: false });
      const many = list.indices(sites, one.what, one.layer);
      which.draw({ value: one.index ?? 0, most: Math.max(0, (many ?? 1) - 1), label: "number", hidden: many === null });
      where.update({
        ...usual,
        name: "where",
        options: named(["all", "from", "at"], WHERE),
        value: list.whereOf(one),
      });
      const ways = (["scale", "set", "add", "swap"] as const).filter((w) => w !== "add" || one.what !== "head");
      how.update({ ...usual, name: "what is done", options: named(ways, HOW), value: one.how });
      const amount = amountOf(one, row, answer);
      slot.hidden = one.how === "swap" || Array.isArray(one.value);
      slider.update({
        name: `${name}: how much`,
        ...(amount ?? { value: 0, least: -2, most: 2, step: 0.01, marks: [0], unit: "" }),
        disabled: !amount,
        format: number,
      });
      direction.draw(scene, one);
      source.draw(
        typeof one.source === "string" ? one.source : "",
        one.how !== "swap" || typeof one.source === "object",
      );
      more.hidden = one.how !== "swap" && !one.direction;
      setText(means, meaning(one, amount?.means ?? "", list.lacking(sites, one.what, one.layer)));
      means.hidden = means.textContent === "";
      const place = list.whereOf(one);
      const from = list.startOf(one, count);
      const chosen =
        place === "at"
          ? list.chosenOf(one, count)
          : Array.from({ length: Math.max(0, count - from) }, (_, i) => from + i);
      picker.update({
        label: place === "at" ? `tokens that intervention ${index + 1} changes` : `the token it starts at`,
        ...prompt,
        chosen: new Set(chosen),
        hidden: place === "all",
      });
    },
  };
}

function withOn(one: InterventionSpec, on: boolean): InterventionSpec {
  const { on: _, ...rest } = one;
  return on ? rest : { ...rest, on: false };
}

function meaning(one: InterventionSpec, means: string, lacking: string): string {
  if (lacking) return `This layer's part can't be changed: ${lacking}.`;
  if (Array.isArray(one.value)) return `${one.value.length} given numbers`;
  if (one.how === "swap")
    return "becomes what it is in the other text, at the token in the same place; written tokens are left as they are";
  return means;
}
