/** How the edges are found and how many are taken: method, its parameters, size, and what each size keeps. */
import { choice } from "../../kit/choice.ts";
import { numberField } from "../../kit/number-field.ts";
import { h, setText, wordButton } from "../../kit/shared/dom.ts";
import { type SizeChartProps, sizeChart } from "../../kit/size-chart.ts";
import { sizeSlider } from "../../kit/size-slider.ts";
import type { CircuitAsk } from "../../protocol/encode.ts";
import { curveOf, edgeCount, isFile } from "../../state/circuit-picture.ts";
import { METHODS } from "./props.ts";
import type { Context, Piece, Scene } from "./scene.ts";
import { share, standing, stateOf } from "./words.ts";

const STEPS = 64;
const LEAST = 1e-6;

export function circuitControls(root: HTMLElement, { store, view, scene }: Context, until: AbortSignal): Piece {
  const bar = h("div", { class: "xw-controls" });
  const sizes = h("div", { class: "xw-controls xw-circ-size" });
  const words = h("p", { class: "xw-said xw-circ-standing" });
  root.append(bar, sizes, words);

  const method = () => store.method() ?? "eap";
  const open = ({ answer }: Scene) => answer !== null && !isFile(answer);
  const methodProps = (now: Scene) => ({
    label: "edges by",
    name: "method",
    options: METHODS,
    value: method(),
    hidden: !open(now),
  });
  const chooser = choice(
    bar,
    methodProps(scene()),
    { choose: (value) => store.choose({ method: value as NonNullable<CircuitAsk["method"]> }, view) },
    until,
  );
  const stepsProps = (now: Scene) => ({
    label: "steps",
    name: "steps of integrated gradients",
    value: now.answer?.snapshot.steps ?? null,
    least: 1,
    most: STEPS,
    whole: true,
    hidden: !open(now) || method() !== "eap_ig",
  });
  const steps = numberField(
    bar,
    stepsProps(scene()),
    { choose: (value) => store.choose({ steps: value }, view) },
    until,
  );
  const thresholdProps = (now: Scene) => ({
    label: "threshold",
    name: "threshold of ACDC",
    value: store.threshold() ?? now.answer?.snapshot.threshold ?? null,
    least: LEAST,
    most: 1,
    whole: false,
    hidden: !open(now) || method() !== "acdc",
  });
  const threshold = numberField(
    bar,
    thresholdProps(scene()),
    { choose: (value) => store.choose({ threshold: value }, view) },
    until,
  );
  const apart = wordButton(
    "query, key and value apart",
    { title: "heads read at three places instead of one" },
    () => store.see({ apart: !store.look.value.apart }),
    until,
  );
  bar.append(apart);

  const resize = (size: number) => store.resize(size, view);
  const most = ({ answer }: Scene) => (answer ? edgeCount(answer) : 1);
  const slideProps = (now: Scene) => ({
    label: "strongest edges",
    name: "number of strongest edges",
    value: now.circuit?.size ?? 1,
    most: most(now),
    hidden: !now.answer?.scores.length,
  });
  const slider = sizeSlider(sizes, slideProps(scene()), { choose: resize }, until);
  const countProps = (now: Scene) => ({
    label: "",
    name: "number of strongest edges, as a number",
    value: now.circuit?.size ?? null,
    least: 1,
    most: most(now),
    whole: true,
    hidden: !now.answer?.scores.length,
  });
  const count = numberField(sizes, countProps(scene()), { choose: resize }, until);

  return {
    draw(now) {
      const { answer, circuit, look } = now;
      chooser.update(methodProps(now));
      steps.update(stepsProps(now));
      threshold.update(thresholdProps(now));
      const heads = answer?.snapshot.kinds.includes("head") && answer.paths.some((path) => path > 0);
      apart.hidden = !heads;
      apart.setAttribute("aria-pressed", String(look.apart));
      bar.hidden = !open(now) && !heads;
      slider.update(slideProps(now));
      count.update(countProps(now));
      sizes.hidden = !answer?.scores.length;
      words.hidden = !answer;
      if (answer && circuit) setText(words, standing(answer, circuit, stateOf(store)));
    },
  };
}

/** Faithfulness and completeness of every size that was run. */
export function curveChart(root: HTMLElement, { store, view }: Context, until: AbortSignal): Piece {
  const note = h("p", { class: "xw-said xw-soft" });
  const box = h("div", { class: "xw-circ-curve", hidden: true }, note);
  root.append(box);
  const chart = sizeChart(box, null, { pick: (size) => store.resize(size, view) }, until);

  function props({ answer, circuit, dim }: Scene): SizeChartProps | null {
    const points = answer ? curveOf(answer) : [];
    if (!points.length) return null;
    return {
      sizes: points.map(({ size }) => size),
      lines: [
        { name: "faithfulness", values: points.map((p) => p.faithfulness) },
        { name: "completeness", values: points.map((p) => p.completeness) },
      ],
      marked: circuit?.size ?? null,
      label: `faithfulness and completeness of circuits of ${points.length} sizes: what the circuit keeps, and what the rest does`,
      describe(i) {
        const p = points[i];
        if (!p) return "";
        const kept = `${p.size.toLocaleString("en")} strongest edges, ${p.kept.toLocaleString("en")} kept`;
        return `${kept}: the circuit keeps ${share(p.faithfulness)}, the rest ${share(p.completeness)}`;
      },
      dim,
    };
  }

  return {
    draw(now) {
      const { answer } = now;
      const shown = props(now);
      box.hidden = !answer || isFile(answer) || !answer.scores.length;
      note.hidden = shown !== null;
      setText(note, "What circuits of other sizes keep was not run yet.");
      chart.update(shown);
    },
  };
}
