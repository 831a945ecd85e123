/** Requests as they leave: one function a message, so that no view writes wire fields by hand. */
import {
  type AttentionRequest,
  type Cancel,
  type CircuitRequest,
  type CKARequest,
  type DirectRequest,
  type Fetch,
  type LensRequest,
  type PatchingRequest,
  PROTOCOL_VERSION,
  type Request,
  type SteerRequest,
} from "./generated.ts";

/** The part of a request that a view decides. Fields left out keep the value of the last answer. */
export type Question = Pick<
  Request,
  | "input"
  | "target"
  | "contrast"
  | "quantity"
  | "method"
  | "params"
  | "unit"
  | "generated"
  | "confirmed"
  | "max_new_tokens"
>;

export interface Envelope {
  readonly id: string;
  readonly revision: number;
  readonly view: string;
}

export function encodeRequest(action: Request["action"], question: Question, envelope: Envelope): Request {
  const fields = Object.fromEntries(Object.entries(question).filter(([, value]) => value !== undefined));
  return { type: "request", v: PROTOCOL_VERSION, ...envelope, action, ...fields };
}

/** What a view that looks at one text decides of its requests. */
type AskOf<R> = Omit<R, "type" | "v" | keyof Envelope>;
type Encode<R> = (ask: AskOf<R>, envelope: Envelope) => R;

function enveloped<Ask>(ask: Ask, envelope: Envelope) {
  return { type: "request" as const, v: PROTOCOL_VERSION, ...envelope, ...ask };
}

/** What an attention view asks: the action with the fields that say which head, tile, line, ... */
export type AttentionAsk = AskOf<AttentionRequest>;
export const encodeAttention: Encode<AttentionRequest> = enveloped;

/** What a lens view asks: the action with the fields that say which cell, token, measure. */
export type LensAsk = AskOf<LensRequest>;
export const encodeLens: Encode<LensRequest> = enveloped;

/** What a patching view asks: other prompts, direction or number, or one cell. */
export type PatchingAsk = AskOf<PatchingRequest>;
export const encodePatching: Encode<PatchingRequest> = enveloped;

/** What a view of direct logit attribution asks: another text, target or contrast, or the neurons of a layer. */
export type DirectAsk = AskOf<DirectRequest>;
export const encodeDirect: Encode<DirectRequest> = enveloped;

/** What a circuit view asks: other prompts, method or number, a circuit of another size, or one edge. */
export type CircuitAsk = AskOf<CircuitRequest>;
export const encodeCircuit: Encode<CircuitRequest> = enveloped;

/** What a steering view asks: another text or other interventions, or what is written. */
export type SteerAsk = AskOf<SteerRequest>;
export const encodeSteer: Encode<SteerRequest> = enveloped;

/** What a view of CKA asks: the same again. */
export type CKAAsk = AskOf<CKARequest>;
export const encodeCKA: Encode<CKARequest> = enveloped;

export function encodeCancel(id: string): Cancel {
  return { type: "cancel", v: PROTOCOL_VERSION, id };
}

export function encodeFetch(row: number, envelope: Envelope): Fetch {
  return { type: "fetch", v: PROTOCOL_VERSION, ...envelope, row };
}
