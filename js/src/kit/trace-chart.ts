/** The way of one token through the streams: its rank (1 on top, by powers of ten) and its probability, one above the other. */
import { type StepCallbacks, type StepChart, type StepProps, stepChart } from "./shared/steps.ts";

export interface TraceChartProps extends StepProps {
  /** Of each stream; 1 is the first. */
  readonly rank: ArrayLike<number>;
  readonly prob: ArrayLike<number>;
}

/** CSS pixels. */
const HIGH = 74;
const BETWEEN = 30;
const TOP = 22;
const SECOND = TOP + HIGH + BETWEEN;
const BOTTOM = SECOND + HIGH;

/** The power of ten that no rank passes, at least 10. */
export function worstRank(rank: ArrayLike<number>): number {
  return 10 ** Math.max(1, Math.ceil(Math.log10(Math.max(...Array.from(rank)))));
}

/** The first of 1, 0.5, 0.2, 0.1, 0.05, ... that is just above all. */
export function roundTop(prob: ArrayLike<number>): number {
  const most = Math.max(...Array.from(prob));
  let top = 1;
  for (let ten = 1; ten > 1e-6; ten /= 10) {
    for (const part of [ten, ten / 2, ten / 5]) if (part >= most) top = part;
  }
  return top;
}

const CHART: StepChart<TraceChartProps> = {
  name: "xw-trace",
  top: TOP,
  bottom: BOTTOM,
  left: (width) => (width < 420 ? 52 : 84),
  drawnFrom: ({ rank, prob }) => [Array.from(rank), Array.from(prob)],
  draw({ rank, prob }, axis) {
    const worst = worstRank(rank);
    const top = roundTop(prob);
    const yRank = (value: number) => TOP + (Math.log10(value) / Math.log10(worst)) * HIGH;
    const yProb = (value: number) => BOTTOM - (value / top) * HIGH;
    for (let ten = 1; ten <= worst; ten *= worst > 1000 ? 100 : 10) axis.grid(yRank(ten), ten.toLocaleString("en"));
    for (const value of [0, top]) axis.grid(yProb(value), String(value));
    axis.title(2, "rank");
    axis.title(SECOND - 20, "probability");
    return [
      { values: rank, dashed: false, y: yRank },
      { values: prob, dashed: false, y: yProb },
    ];
  },
};

export function traceChart(
  root: HTMLElement,
  props: TraceChartProps | null,
  callbacks: StepCallbacks,
  signal: AbortSignal,
) {
  return stepChart(root, CHART, props, callbacks, signal);
}
