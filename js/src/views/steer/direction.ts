/** The direction that is added: towards a token, from one text to another, or what a neuron writes. */
import { choice } from "../../kit/choice.ts";
import type { DirectionSpec, InterventionSpec } from "../../protocol/generated.ts";
import * as list from "../../state/steer-list.ts";
import { counter, textField } from "./fields.ts";
import type { Context, Scene } from "./scene.ts";
import { KIND } from "./words.ts";

type Change = (make: (one: InterventionSpec, ground: list.Ground) => InterventionSpec) => void;

export function directionFields(root: HTMLElement, _context: Context, change: Change, until: AbortSignal) {
  const usual = { label: "", name: "which direction", hidden: true, options: [], value: "" };
  const kind = choice(
    root,
    usual,
    { choose: (value) => change((one, ground) => list.withKind(one, value as list.DirectionKind, ground)) },
    until,
  );
  const put = (fields: Partial<DirectionSpec>) =>
    change((one) => ({ ...one, direction: { ...(one.direction as DirectionSpec), ...fields } }));
  const token = textField(root, "token", (text) => put({ text }), until);
  const negative = textField(root, "from", (text) => put({ negative: [text] }), until);
  const positive = textField(root, "to", (text) => put({ positive: [text] }), until);
  const layer = counter(root, "layer of the direction", (value) => put({ layer: value }), until);
  const index = counter(root, "neuron of the direction", (value) => put({ index: value }), until);

  return {
    draw({ ground }: Scene, one: InterventionSpec): void {
      const { direction } = one;
      const is = (wanted: string) => direction?.kind === wanted;
      kind.update({
        ...usual,
        hidden: !direction,
        options: ground ? list.kinds(ground, one).map((value) => ({ value, text: KIND[value] })) : [],
        value: direction?.kind ?? "token",
      });
      // An id has no text to edit; several texts come from Python and stay as they are.
      token.draw(String(direction?.text ?? ""), !is("token") || typeof direction?.text === "number");
      const several = (direction?.positive?.length ?? 0) > 1 || (direction?.negative?.length ?? 0) > 1;
      negative.draw(direction?.negative?.[0] ?? "", !is("prompts") || several);
      positive.draw(direction?.positive?.[0] ?? "", !is("prompts") || several);
      const layers = ground?.sites.n_layers ?? 1;
      const at = direction?.layer ?? 0;
      const most = is("neuron") ? layers - 1 : layers;
      layer.draw({ value: at, most, label: "layer", hidden: !is("prompts") && !is("neuron") });
      const neurons = Math.max(0, (ground?.sites.neurons[at] ?? 1) - 1);
      index.draw({ value: direction?.index ?? 0, most: neurons, label: "neuron", hidden: !is("neuron") });
    },
  };
}
