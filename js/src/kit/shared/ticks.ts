/** Round numbers along an axis. Values only. */

/** Multiples of 1, 2 or 5 times a power of ten within [low, high], at most about `most` of them. */
export function ticks(low: number, high: number, most: number): number[] {
  const span = high - low;
  if (!(span > 0) || span === Number.POSITIVE_INFINITY || most < 1) return [];
  const rough = span / most;
  const ten = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * ten).find((n) => n >= rough * 0.999) ?? 10 * ten;
  const from = Math.ceil(low / step - 1e-9);
  const to = Math.floor(high / step + 1e-9);
  return Array.from({ length: to - from + 1 }, (_, i) => tidy((from + i) * step));
}

/** 3 times 0.1 as 0.3, and no minus before zero. */
function tidy(value: number): number {
  return Number(value.toPrecision(12)) + 0;
}
