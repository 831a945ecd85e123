/** The circuit view's trait as it arrives, turned into what it draws from. */
import { DecodeError, readFloats, readInts, readMask } from "./arrays.ts";
import { checkVersion } from "./decode.ts";
import type { CircuitPacked, CircuitSnapshot } from "./generated.ts";
import { checkShape, readSide, type Side } from "./sides.ts";

/** A snapshot with its arrays: of nodes in the order of the pass, of edges with the strongest first, and `curve` [point, 4]. */
export interface CircuitAnswer {
  readonly snapshot: CircuitSnapshot;
  readonly base: Side;
  /** The prompt that edges which are cut carry; null of a file. */
  readonly source: Side | null;
  readonly layers: Int32Array;
  readonly index: Int32Array;
  readonly pos: Int32Array;
  readonly sources: Int32Array;
  readonly targets: Int32Array;
  readonly paths: Uint8Array;
  readonly scores: Float32Array;
  readonly exact: Float32Array;
  readonly kept: Uint8Array;
  readonly curve: Float32Array;
}

/** The trait `explanation`; null before the first answer. Throws VersionError or DecodeError; never returns half a picture. */
export function decodeCircuit(packed: CircuitPacked | null | undefined): CircuitAnswer | null {
  if (!packed?.snapshot) return null;
  const { snapshot } = packed;
  checkVersion(snapshot.v);
  const buffers = packed.buffers ?? [];
  const nodes = snapshot.names.length;
  if (nodes < 1) throw new DecodeError("a graph of no nodes");
  if (snapshot.kinds.length !== nodes || snapshot.labels.length !== nodes)
    throw new DecodeError(`${snapshot.kinds.length} kinds and ${snapshot.labels.length} labels for ${nodes} nodes`);
  for (const header of [snapshot.layers, snapshot.index, snapshot.pos]) checkShape(header, [nodes]);
  const [edges = 0] = snapshot.sources.shape;
  const { sources, targets, paths, scores, exact, kept } = snapshot;
  for (const header of [sources, targets, paths, scores, exact, kept]) checkShape(header, [edges]);
  const [points = 0] = snapshot.curve.shape;
  checkShape(snapshot.curve, [points, 4]);
  const answer: CircuitAnswer = {
    snapshot,
    base: readSide(snapshot.base, buffers),
    source: snapshot.source && readSide(snapshot.source, buffers),
    layers: readInts(snapshot.layers, buffers),
    index: readInts(snapshot.index, buffers),
    pos: readInts(snapshot.pos, buffers),
    sources: readInts(sources, buffers),
    targets: readInts(targets, buffers),
    paths: readMask(paths, buffers),
    scores: readFloats(scores, buffers),
    exact: readFloats(exact, buffers),
    kept: readMask(kept, buffers),
    curve: readFloats(snapshot.curve, buffers),
  };
  checkEnds(answer, nodes);
  return answer;
}

/** Edges end at nodes that are there, and are read in one of four ways. */
function checkEnds({ sources, targets, paths }: CircuitAnswer, nodes: number): void {
  for (let edge = 0; edge < sources.length; edge++) {
    const [from = -1, to = -1, path = 4] = [sources[edge], targets[edge], paths[edge]];
    if (from < 0 || from >= nodes || to < 0 || to >= nodes)
      throw new DecodeError(`edge ${edge} goes from ${from} to ${to} of ${nodes} nodes`);
    if (path > 3) throw new DecodeError(`edge ${edge} is read in way ${path}`);
  }
}
