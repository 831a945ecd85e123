import { describe, expect, test } from "vitest";
import { DecodeError, readArray, readFloats, readInts, readMask } from "../../js/src/protocol/arrays.ts";

const floats = Float32Array.from([1.5, -2.25, 0, Number.NaN]);

/** The same bytes at an offset inside a larger buffer, with other bytes around them. */
function inside(array: Float32Array | Int32Array, offset: number): DataView {
  const whole = new Uint8Array(array.byteLength + offset + 7).fill(0xee);
  whole.set(new Uint8Array(array.buffer), offset);
  return new DataView(whole.buffer, offset, array.byteLength);
}

describe("arrays", () => {
  test.each([0, 1, 2, 3, 4, 8])("are read from the view only, at offset %i", (offset) => {
    const read = readFloats({ dtype: "float32", shape: [2, 2], buffer: 0 }, [inside(floats, offset)]);
    expect([...read]).toEqual([1.5, -2.25, 0, Number.NaN]);
  });
  test("integers and masks keep their kind", () => {
    const ints = Int32Array.from([-1, 49_151]);
    expect(readInts({ dtype: "int32", shape: [2], buffer: 1 }, [inside(floats, 0), inside(ints, 1)])).toEqual(ints);
    expect([...readMask({ dtype: "uint8", shape: [3], buffer: 0 }, [Uint8Array.from([1, 0, 1])])]).toEqual([1, 0, 1]);
  });
  test("empty arrays and scalars", () => {
    expect(readArray({ dtype: "float32", shape: [0, 5], buffer: 0 }, [new ArrayBuffer(0)]).length).toBe(0);
    expect([...readArray({ dtype: "float32", shape: [], buffer: 0 }, [Float32Array.from([7])])]).toEqual([7]);
  });
  test.each([
    ["bytes that do not fit the shape", { dtype: "float32", shape: [3], buffer: 0 }],
    ["a buffer that did not arrive", { dtype: "float32", shape: [4], buffer: 1 }],
    ["an unknown kind", { dtype: "float64", shape: [2], buffer: 0 }],
  ])("%s are refused", (_, header) => {
    expect(() => readArray(header as never, [bytesOf(floats)])).toThrow(DecodeError);
  });
  test("another kind than asked for is refused", () => {
    expect(() => readInts({ dtype: "float32", shape: [4], buffer: 0 }, [bytesOf(floats)])).toThrow(DecodeError);
  });
});

function bytesOf(array: Float32Array): DataView {
  return new DataView(array.buffer);
}
