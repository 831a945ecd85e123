/** How much: the number of an intervention as a slider shows it, in a unit that fits, and back. Values only. */
import type { Row, SteerAnswer } from "../protocol/decode-steer.ts";
import type { InterventionSpec } from "../protocol/generated.ts";
import { lastLayer } from "./steer-list.ts";
import { number } from "./words.ts";

export interface Amount {
  /** As shown. */
  readonly value: number;
  readonly least: number;
  readonly most: number;
  readonly step: number;
  readonly marks: readonly number[];
  /** After the number. */
  readonly unit: string;
  /** What it comes to, in a sentence. */
  readonly means: string;
  /** From what is shown to what is done. */
  of(shown: number): number;
}

const LINEAR = { least: -2, most: 2, step: 0.01 };
const tidy = (value: number) => Number(value.toPrecision(6));

/** The median of a few numbers; 0 of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const high = sorted[middle] ?? 0;
  return sorted.length % 2 ? high : (high + (sorted[middle - 1] ?? high)) / 2;
}

/** What the activation is where it is changed. */
function usual({ now, at }: Row): number[] {
  return at.map((p) => now[p] ?? 0);
}

/**
 * Null: there is no number to move (a swap, numbers of one's own), or it is not known yet how long the direction is. `row` is null
 * while what is known is of another intervention.
 */
export function amountOf(one: InterventionSpec, row: Row | null, { snapshot }: SteerAnswer): Amount | null {
  const { how, what, value } = one;
  if (typeof value !== "number") return null;
  if (how === "scale") {
    const means = value === 1 ? "as it is" : value === 0 ? "switched off" : "";
    return { ...LINEAR, value, marks: [0, 1], unit: "×", means, of: (shown) => shown };
  }
  if (!row) return null;
  const near = usual(row);
  if (what === "neuron") {
    const size = Math.max(...near.map(Math.abs), 0.5) * 2;
    const most = Number(size.toPrecision(2));
    const marks = how === "set" ? [0, tidy(median(near))] : [0];
    const means = `it is ${range(near)} here`;
    return { value, least: -most, most, step: most / 200, marks, unit: "", means, of: (shown) => shown };
  }
  if (how === "set") {
    const rms = median(near) / Math.sqrt(row.width);
    const most = Number((Math.max(rms, 1e-3) * 4).toPrecision(2));
    const means = `at each of its ${row.width} entries, which are about ${number(rms)} here`;
    return { value, least: -most, most, step: most / 200, marks: [0], unit: "", means, of: (shown) => shown };
  }
  const norm = snapshot.norms[Math.min(one.layer, lastLayer(snapshot.sites, "resid"))] ?? 0;
  if (!row.length || !norm) return null;
  const unit = norm / row.length;
  const shown = value / unit;
  const means = `${number(value)} × the direction, whose length is ${number(row.length)}; the stream's norm at layer ${one.layer} is ${number(norm)} (median over the prompt)`;
  return { ...LINEAR, value: tidy(shown), marks: [0], unit: "stream norms", means, of: (x) => tidy(x * unit) };
}

function range(values: readonly number[]): string {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return values.length === 1 || least === most
    ? number(least, true)
    : `${number(least, true)} to ${number(most, true)}`;
}
