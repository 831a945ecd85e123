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

/** What an attention view asks: the action with the fields that say which head, tile, line, ... */
export type AttentionAsk = Omit<AttentionRequest, "type" | "v" | keyof Envelope>;

export function encodeAttention(ask: AttentionAsk, envelope: Envelope): AttentionRequest {
  return { type: "request", v: PROTOCOL_VERSION, ...envelope, ...ask };
}

/** What a lens view asks: the action with the fields that say which cell, token, measure. */
export type LensAsk = Omit<LensRequest, "type" | "v" | keyof Envelope>;

export function encodeLens(ask: LensAsk, envelope: Envelope): LensRequest {
  return { type: "request", v: PROTOCOL_VERSION, ...envelope, ...ask };
}

/** What a patching view asks: other prompts, direction or number, or one cell. */
export type PatchingAsk = Omit<PatchingRequest, "type" | "v" | keyof Envelope>;

export function encodePatching(ask: PatchingAsk, envelope: Envelope): PatchingRequest {
  return { type: "request", v: PROTOCOL_VERSION, ...envelope, ...ask };
}

/** What a view of direct logit attribution asks: another text, target or contrast, or the neurons of a layer. */
export type DirectAsk = Omit<DirectRequest, "type" | "v" | keyof Envelope>;

export function encodeDirect(ask: DirectAsk, envelope: Envelope): DirectRequest {
  return { type: "request", v: PROTOCOL_VERSION, ...envelope, ...ask };
}

/** What a circuit view asks: other prompts, method or number, a circuit of another size, or one edge. */
export type CircuitAsk = Omit<CircuitRequest, "type" | "v" | keyof Envelope>;

export function encodeCircuit(ask: CircuitAsk, envelope: Envelope): CircuitRequest {
  return { type: "request", v: PROTOCOL_VERSION, ...envelope, ...ask };
}

/** What a steering view asks: another text or other interventions, or what is written. */
export type SteerAsk = Omit<SteerRequest, "type" | "v" | keyof Envelope>;

export function encodeSteer(ask: SteerAsk, envelope: Envelope): SteerRequest {
  return { type: "request", v: PROTOCOL_VERSION, ...envelope, ...ask };
}

/** What a view of CKA asks: the same again. */
export type CKAAsk = Omit<CKARequest, "type" | "v" | keyof Envelope>;

export function encodeCKA(ask: CKAAsk, envelope: Envelope): CKARequest {
  return { type: "request", v: PROTOCOL_VERSION, ...envelope, ...ask };
}

export function encodeCancel(id: string): Cancel {
  return { type: "cancel", v: PROTOCOL_VERSION, id };
}

export function encodeFetch(row: number, envelope: Envelope): Fetch {
  return { type: "fetch", v: PROTOCOL_VERSION, ...envelope, row };
}
