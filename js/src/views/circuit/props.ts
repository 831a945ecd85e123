/** From the scene and the store to the props of the frame around the graph. Values only. */
import type { HeaderProps } from "../../kit/header.ts";
import type { LegendProps } from "../../kit/legend.ts";
import type { ProgressProps } from "../../kit/progress.ts";
import type { QuestionLineProps } from "../../kit/question-line.ts";
import type { TextTableProps } from "../../kit/text-table.ts";
import { isFile } from "../../state/circuit-picture.ts";
import type { CircuitMethod, CircuitStore } from "../../state/circuit-store.ts";
import { number, seconds, shortName } from "../../state/words.ts";
import * as said from "../shared/said.ts";
import { fullName, readAs } from "./names.ts";
import type { Scene } from "./scene.ts";
import { exactOf, headline, measureOf, scoreName, stateOf } from "./words.ts";

/** What belongs to one view and not to the widget. */
export interface Local {
  readonly editing: boolean;
  readonly copied: string;
}

/** Edges listed for readers who can't see the graph. */
const LISTED = 60;

export const METHODS: readonly { value: CircuitMethod; text: string; title: string }[] = [
  { value: "eap", text: "EAP", title: "edge attribution patching: one gradient" },
  { value: "eap_ig", text: "EAP, integrated gradients", title: "gradients along the way between both prompts" },
  { value: "acdc", text: "ACDC", title: "edges are cut one after the other, and those that matter stay" },
];

const methodOf = (method: CircuitMethod) => METHODS.find(({ value }) => value === method);

export function headerProps(store: CircuitStore, { answer, circuit }: Scene, local: Local): HeaderProps {
  const s = answer?.snapshot;
  const ids = s?.clean?.kind === "ids" && s.corrupted?.kind === "ids";
  const file = answer !== null && isFile(answer);
  return {
    model: s?.model ? shortName(s.model.name) : (s?.title ?? ""),
    modelTitle: s?.model?.name ?? s?.title ?? "",
    method: file ? "Circuit from a file" : "Circuit",
    methodTitle: (s && methodOf(s.method)?.title) ?? "",
    exactness: circuit?.by === "rank" ? "by strength alone" : "",
    exactnessTitle: "",
    busy: progressProps(store).active,
    waiting: false,
    canChange: false,
    changing: false,
    canEdit: Boolean(s?.clean) && !ids,
    editing: local.editing,
    editTitle: ids ? "given as token ids: not editable here" : "",
    code: Boolean(s?.code),
    copied: local.copied,
  };
}

/** Of the next picture, else of the size that is being checked. */
export function progressProps(store: CircuitStore): ProgressProps {
  const check = store.keep();
  if (said.working(store) || check?.state !== "asking") return said.progressProps(store);
  const { done, total } = check;
  return { active: true, done, total, note: "checking the circuit", cancelling: false, cancellable: true };
}

export function questionProps(store: CircuitStore, { answer, circuit, dim }: Scene): QuestionLineProps | null {
  if (!answer || !circuit) return null;
  return { parts: headline(answer, circuit, stateOf(store)), before: "", ...measureOf(answer), contrast: false, dim };
}

export function legendProps({ answer, circuit, top }: Scene): LegendProps {
  const file = answer !== null && isFile(answer);
  return {
    signed: true,
    hidden: !answer || !circuit?.count,
    low: number(-top),
    high: number(top),
    ends: ["against, dashed", "for"],
    unit: file ? "weight" : "what the number is estimated to lose without the edge",
    estimate: false,
    changes: false,
  };
}

/** The strongest edges of the circuit, for readers who can't see the graph. */
export function tableProps(scene: Scene): TextTableProps {
  const { answer, circuit } = scene;
  if (!answer || !circuit) return { caption: "No answer yet", headings: ["edge"], rows: [] };
  const edges = Array.from(circuit.kept.keys()).filter((edge) => circuit.kept[edge]);
  const listed = edges.slice(0, LISTED);
  const nodes = new Set(edges.flatMap((edge) => [answer.sources[edge], answer.targets[edge]])).size;
  return {
    caption:
      `Circuit of ${edges.length} edges between ${nodes} nodes` +
      (listed.length < edges.length ? `, the ${listed.length} strongest` : ""),
    headings: ["from", "to", "read as", scoreName(answer), "real loss"],
    rows: listed.map((edge) => [
      fullName(answer, answer.sources[edge] ?? 0),
      fullName(answer, answer.targets[edge] ?? 0),
      readAs(answer, edge) || "input",
      number(answer.scores[edge], true),
      number(exactOf(scene, edge), true),
    ]),
  };
}

/** The line at the bottom: how much, how long, where. */
export function infoText({ answer }: Scene): string {
  const s = answer?.snapshot;
  if (!answer || !s) return "";
  const sent = answer.scores.length;
  const parts = [
    s.method === "eap_ig" ? `${s.steps} steps` : "",
    sent < s.n_edges ? `the ${sent.toLocaleString("en")} strongest edges can be drawn` : "",
    s.seconds === null ? "" : seconds(s.seconds),
    s.model?.device,
    s.model?.dtype.replace("torch.", ""),
    s.model?.fingerprint.slice(0, 8),
  ];
  return parts.filter(Boolean).join(" · ");
}
