/** One or two lines over named steps, on one axis of values: which way something goes from layer to layer. */
import { type StepCallbacks, type StepChart, type StepProps, stepChart } from "./shared/steps.ts";
import { ticks } from "./shared/ticks.ts";

export interface Curve {
  readonly name: string;
  /** Of each step; what is not a number leaves a gap. */
  readonly values: ArrayLike<number>;
  /** Tells the lines apart without colour. */
  readonly dashed: boolean;
}

export interface CurveChartProps extends StepProps {
  readonly curves: readonly Curve[];
  /** Ends of the axis, widened where a value lies outside. */
  readonly range: readonly [low: number, high: number];
  readonly title: string;
}

/** CSS pixels. */
const HIGH = 120;
const TOP = 24;
const BOTTOM = TOP + HIGH;

const CHART: StepChart<CurveChartProps> = {
  name: "xw-curve",
  top: TOP,
  bottom: BOTTOM,
  left: () => 52,
  drawnFrom: ({ curves, title }) => [curves.map((c) => [c.name, ...Array.from(c.values)]), title],
  draw({ curves, range, title }, axis) {
    const finite = curves.flatMap((curve) => Array.from(curve.values)).filter(Number.isFinite);
    const low = Math.min(range[0], ...finite);
    const high = Math.max(range[1], ...finite);
    const y = (value: number) => BOTTOM - ((value - low) / (high - low || 1)) * HIGH;
    for (const value of ticks(low, high, 4)) axis.grid(y(value), String(value));
    axis.title(2, title);
    return curves.map(({ values, dashed }) => ({ values, dashed, y }));
  },
};

export function curveChart(
  root: HTMLElement,
  props: CurveChartProps | null,
  callbacks: StepCallbacks,
  signal: AbortSignal,
) {
  return stepChart(root, CHART, props, callbacks, signal);
}
