/** What is to be drawn now, from what the store knows: one value that all pieces of the view read. */
import type { StripUnit } from "../../kit/shared/token-text.ts";
import type { Row, SteerAnswer } from "../../protocol/decode-steer.ts";
import type { SteerAsk } from "../../protocol/encode.ts";
import type { CandidateRow, InterventionSpec } from "../../protocol/generated.ts";
import type { Side } from "../../protocol/sides.ts";
import { tokenName } from "../../state/attention-names.ts";
import { unitsOf } from "../../state/attention-picture.ts";
import type { SteerDetail } from "../../state/steer-details.ts";
import { type Ground, same } from "../../state/steer-list.ts";
import type { SteerStore } from "../../state/steer-store.ts";

/** The prompt's tokens, the same value as long as they are the same. */
export interface Prompt {
  readonly units: readonly StripUnit[];
  readonly names: readonly string[];
}

export interface Scene {
  readonly answer: SteerAnswer | null;
  readonly prompt: Prompt;
  /** As they stand, answered or not. */
  readonly interventions: readonly InterventionSpec[];
  /** What is known of each; null where what is known is of another. */
  readonly rows: readonly (Row | null)[];
  readonly ground: Ground | null;
  readonly writeAsk: SteerAsk | null;
  readonly written: SteerDetail | null;
  /** The picture is older than the question. */
  readonly dim: boolean;
}

/** What every piece of the view is given. */
export interface Context {
  readonly store: SteerStore;
  readonly view: string;
  scene(): Scene;
}

/** A piece of the view, drawn again after every change. */
export interface Piece {
  draw(scene: Scene): void;
}

const NOTHING: Prompt = { units: [], names: [] };
const prompts = new WeakMap<SteerStore, { key: string; prompt: Prompt }>();

function promptOf(store: SteerStore, side: Side | undefined): Prompt {
  if (!side) return NOTHING;
  const key = JSON.stringify([side.tokens.text, [...side.ids]]);
  const kept = prompts.get(store);
  if (kept?.key === key) return kept.prompt;
  const prompt = { units: unitsOf(side), names: side.tokens.text.map((_, i) => tokenName(side, i)) };
  prompts.set(store, { key, prompt });
  return prompt;
}

/** A token that might have come next and did not, best a word that says something. */
function rival(candidates: readonly CandidateRow[]): string {
  const others = candidates.slice(1);
  const found = others.find(({ text }) => /\p{L}{4}/u.test(text)) ?? others[0] ?? candidates[0];
  return found?.text ?? "";
}

/** What is known of an intervention does not depend on its number. */
function isOf(known: InterventionSpec | undefined, one: InterventionSpec): boolean {
  if (!known) return false;
  const { value: _, on: __, ...a } = known;
  const { value: ___, on: ____, ...b } = one;
  return same(a, b);
}

export function makeScene(store: SteerStore, count: number): Scene {
  const answer = store.answer.value;
  const live = store.connection.live.value;
  const { interventions } = store.asked.value;
  const dim = live !== null && (answer?.snapshot.revision ?? 0) < live.revision;
  const snapshot = answer?.snapshot;
  const rows = interventions.map((one, i) =>
    isOf(snapshot?.interventions[i], one) ? (answer?.rows[i] ?? null) : null,
  );
  const text =
    snapshot?.input.kind === "text" ? (snapshot.input.text ?? "") : (answer?.tokens.tokens.text.join("") ?? "");
  const ground = answer && {
    sites: answer.snapshot.sites,
    count: answer.tokens.ids.length,
    text,
    token: rival(answer.snapshot.before),
  };
  const writeAsk: SteerAsk | null =
    answer && store.current() && !store.moving.value && !dim ? { action: "write", count } : null;
  return {
    answer,
    prompt: promptOf(store, answer?.tokens),
    interventions,
    rows,
    ground,
    writeAsk,
    written: writeAsk && store.details.get(writeAsk),
    dim,
  };
}
