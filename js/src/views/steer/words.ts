/** What the steering view says: parts, ways, rows in a sentence, what came of it. Values only. */
import type { SteerAnswer } from "../../protocol/decode-steer.ts";
import type { DirectionSpec, InterventionSpec } from "../../protocol/generated.ts";
import type { DirectionKind, How, What, Where } from "../../state/steer-list.ts";
import { number } from "../../state/words.ts";
import { type Parts, token, word } from "../shared/sentence.ts";

export const WHAT: Readonly<Record<What, string>> = {
  resid: "stream into layer",
  attn_out: "attention of layer",
  mlp_out: "MLP of layer",
  head: "head in layer",
  neuron: "neuron in layer",
};

export const HOW: Readonly<Record<How, string>> = {
  scale: "scale by",
  set: "set to",
  add: "add",
  swap: "swap with another text's",
};

export const WHERE: Readonly<Record<Where, string>> = {
  all: "everywhere",
  from: "from a token on",
  at: "at chosen tokens",
};

export const KIND: Readonly<Record<DirectionKind, string>> = {
  token: "towards a token",
  prompts: "from one text to another",
  neuron: "what a neuron writes",
  array: "given numbers",
};

/** A token that was guessed, as it is spoken of. */
export function guessName(text: string): string {
  if (text.trim()) return text.trim();
  return text === "" ? "⋯" : [...text].map((c) => (c === "\n" ? "↵" : c === "\t" ? "⇥" : "␣")).join("");
}

/** A part of the model, short. */
export function partName({ what, layer, index }: InterventionSpec, layers: number): string {
  if (what === "resid") return layer >= layers ? "stream that leaves the last layer" : `stream into layer ${layer}`;
  if (what === "head" || what === "neuron") return `${what} ${index} of layer ${layer}`;
  return `${what === "attn_out" ? "attention" : "MLP"} of layer ${layer}`;
}

export function directionName(direction: DirectionSpec): string {
  const { kind, text, positive, negative, layer, index, vector } = direction;
  if (kind === "token") return `towards “${guessName(String(text))}”`;
  if (kind === "prompts") return `from “${negative?.[0]}” to “${positive?.[0]}”`;
  return kind === "neuron" ? `neuron ${index} of layer ${layer}` : `${vector?.length ?? 0} given numbers`;
}

/** One intervention in a few words, for screen readers and names of its controls. */
export function rowName(one: InterventionSpec, layers: number): string {
  const part = partName(one, layers);
  if (one.how === "swap") return `${part} swapped`;
  if (one.how === "add")
    return one.direction ? `${directionName(one.direction)} added to ${part}` : `${part}, added to`;
  const amount = typeof one.value === "number" ? ` ${number(one.value)}` : "";
  return `${part}, ${HOW[one.how]}${amount}`;
}

/** The next token before and after, and how far apart both distributions are. */
export function outcome({ snapshot }: SteerAnswer): Parts {
  const [before, after] = [snapshot.before[0], snapshot.after[0]];
  if (!before || !after) return [];
  if (snapshot.kl === null) return [word("Next: "), token(guessName(before.text)), word(". Nothing is changed.")];
  const far = word(` KL ${number(snapshot.kl)} nats from before to after.`);
  if (before.id === after.id) return [token(guessName(before.text)), word(" stays the most probable next token."), far];
  return [token(guessName(before.text)), word(" becomes "), token(guessName(after.text)), word("."), far];
}
