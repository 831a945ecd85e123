/** Buffers to typed arrays: honours each view's offset and length, and copies where the bytes are misaligned. */
import type { ArrayHeader } from "./generated.ts";

export type Bytes = ArrayBufferView | ArrayBuffer;
/** Halves (float16) come as their bits; `readFloats` widens them. */
export type Numbers = Float32Array | Int32Array | Uint8Array | Uint16Array;

/** What arrived does not fit its own description. */
export class DecodeError extends Error {}

const KINDS = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array, float16: Uint16Array } as const;

/**
 * The array a header describes, C order. The wire is little-endian, as is every machine a browser runs on.
 * Throws DecodeError when the header and its buffer disagree.
 */
export function readArray(header: ArrayHeader, buffers: readonly Bytes[]): Numbers {
  const kind = KINDS[header.dtype];
  const source = buffers[header.buffer];
  if (kind === undefined) throw new DecodeError(`no array of kind ${String(header.dtype)}`);
  if (source === undefined) throw new DecodeError(`buffer ${header.buffer} is missing (${buffers.length} arrived)`);
  const bytes =
    source instanceof ArrayBuffer
      ? new Uint8Array(source)
      : new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
  const count = header.shape.reduce((product, size) => product * size, 1);
  if (bytes.byteLength !== count * kind.BYTES_PER_ELEMENT) {
    throw new DecodeError(`[${header.shape.join(", ")}] of ${header.dtype} is not ${bytes.byteLength} bytes`);
  }
  const aligned = bytes.byteOffset % kind.BYTES_PER_ELEMENT === 0 ? bytes : bytes.slice();
  return new kind(aligned.buffer as ArrayBuffer, aligned.byteOffset, count);
}

/** float32 as it is, float16 widened. */
export function readFloats(header: ArrayHeader, buffers: readonly Bytes[]): Float32Array {
  const array = readArray(header, buffers);
  if (array instanceof Uint16Array) return widened(array);
  if (!(array instanceof Float32Array)) throw new DecodeError(`expected float32, got ${header.dtype}`);
  return array;
}

let halves: Float32Array | null = null;

/** Every half there is, by its bits: a tile of 65,536 takes a look-up each instead of arithmetic. */
function widened(bits: Uint16Array): Float32Array {
  if (!halves) {
    halves = new Float32Array(65_536);
    for (let i = 0; i < 65_536; i++) {
      const exponent = (i >> 10) & 31;
      const fraction = i & 1023;
      const size =
        exponent === 31
          ? fraction
            ? Number.NaN
            : Number.POSITIVE_INFINITY
          : exponent
            ? 2 ** (exponent - 15) * (1 + fraction / 1024)
            : fraction * 2 ** -24;
      halves[i] = i & 0x8000 ? -size : size;
    }
  }
  const out = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) out[i] = halves[bits[i] as number] as number;
  return out;
}

export function readInts(header: ArrayHeader, buffers: readonly Bytes[]): Int32Array {
  const array = readArray(header, buffers);
  if (!(array instanceof Int32Array)) throw new DecodeError(`expected int32, got ${header.dtype}`);
  return array;
}

export function readMask(header: ArrayHeader, buffers: readonly Bytes[]): Uint8Array {
  const array = readArray(header, buffers);
  if (!(array instanceof Uint8Array)) throw new DecodeError(`expected uint8, got ${header.dtype}`);
  return array;
}
