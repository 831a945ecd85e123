/** From a value to how much ink it gets. Signed scales are symmetric about zero, which is paper. Values only. */

export interface Scale {
  /** The magnitude at full strength; 0 when there is nothing to show. */
  readonly top: number;
  readonly signed: boolean;
}

export type Side = "for" | "against" | "none" | "nan";

/**
 * A scale for values (one row, or rows one after the other). Where some positions are exact (`known`), they alone set it:
 * an estimate that is far off must not change the meaning of the exact colours.
 */
export function scaleOf(
  values: ArrayLike<number> | null,
  signed: boolean,
  known: ArrayLike<number> | null = null,
): Scale {
  return { top: largest(values, known) || largest(values, null), signed };
}

function largest(values: ArrayLike<number> | null, known: ArrayLike<number> | null): number {
  let top = 0;
  for (let i = 0; values && i < values.length; i++) {
    const size = Math.abs(values[i] ?? 0);
    if (size > top && size < Number.POSITIVE_INFINITY && (!known || known[i % known.length])) top = size;
  }
  return top;
}

/** 0 (paper) to 1 (full ink), rounded so that equal ink is equal text. */
export function strength(value: number, scale: Scale): number {
  if (Number.isNaN(value) || scale.top === 0) return 0;
  return Math.round(Math.min(1, Math.abs(value) / scale.top) * 1000) / 1000;
}

export function side(value: number, scale: Scale): Side {
  if (Number.isNaN(value)) return "nan";
  if (value === 0) return "none";
  return value < 0 && scale.signed ? "against" : "for";
}
