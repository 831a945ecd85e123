/** From the scene and the store to the props of the frame around the grid. Values only. */
import type { HeaderProps } from "../../kit/header.ts";
import type { LegendProps } from "../../kit/legend.ts";
import type { QuestionLineProps } from "../../kit/question-line.ts";
import type { TextTableProps } from "../../kit/text-table.ts";
import type { PatchingAnswer } from "../../protocol/decode-patching.ts";
import { isAblation, isWhole, type Shown, strongest } from "../../state/patching-picture.ts";
import type { PatchingStore } from "../../state/patching-store.ts";
import { number, seconds, shortName } from "../../state/words.ts";
import { working } from "../shared/said.ts";
import { cellsName, columnCells, columnHeadings, howText, sizeText } from "./parts.ts";
import type { Scene } from "./scene.ts";
import { measureOf, passName, quantityName, questionOf, roles, rowName } from "./words.ts";

/** What belongs to one view and not to the widget. */
export interface Local {
  readonly editing: boolean;
  readonly copied: string;
}

/** Cells listed for readers who can't see the grid. */
const LISTED = 12;

const TITLES = { prompt: "Activation patching", noise: "Causal tracing", ablation: "Ablation" } as const;

export function headerProps(store: PatchingStore, { answer }: Scene, local: Local): HeaderProps {
  const s = answer?.snapshot;
  const known = s ?? store.asked.value;
  const prompts = [store.prompt("clean"), known?.against === "prompt" ? store.prompt("corrupted") : null];
  const ids = prompts.every((prompt) => !prompt || prompt.kind === "ids");
  return {
    model: shortName(s?.model?.name ?? ""),
    modelTitle: s?.model?.name ?? "",
    method: TITLES[known?.against ?? "prompt"],
    methodTitle: answer ? howText(answer) : "",
    exactness: answer && !isWhole(answer) ? "estimates among them" : "",
    exactnessTitle: "",
    busy: working(store),
    waiting: false,
    canChange: false,
    changing: false,
    canEdit: Boolean(known) && !ids,
    editing: local.editing,
    editTitle: ids ? "given as token ids: not editable here" : "",
    code: Boolean(s?.code),
    copied: local.copied,
  };
}

export function questionProps({ answer, dim }: Scene): QuestionLineProps | null {
  if (!answer) return null;
  return { parts: questionOf(answer), before: "", ...measureOf(answer), contrast: false, dim };
}

/** What full ink means. */
function unitOf(answer: PatchingAnswer | null, shown: Shown): string {
  if (!answer) return "";
  const unit = isAblation(answer) ? quantityName(answer) : "share of the difference";
  if (shown === "difference") return `estimate less exact, ${isAblation(answer) ? "in" : "as a"} ${unit}`;
  if (isAblation(answer)) return `what the ${unit} loses without the part`;
  const source = passName(answer, roles(answer.snapshot.direction).source);
  return `0 as without patch, 1 as in the ${source} ${answer.snapshot.against === "prompt" ? "prompt" : "pass"}`;
}

export function legendProps({ answer, grid, shown }: Scene): LegendProps {
  const top = grid?.top ?? 1;
  const ends =
    answer && isAblation(answer) ? (["gains", "loses"] as const) : (["further away", "brought over"] as const);
  return {
    signed: true,
    hidden: !answer || !grid,
    low: number(-top),
    high: number(top),
    ends: shown === "difference" ? ["estimate too low", "too high"] : [...ends],
    unit: unitOf(answer, shown),
    estimate: answer !== null && shown === "exact" && !isWhole(answer),
    changes: false,
  };
}

/** The strongest cells, for readers who can't see the grid. */
export function tableProps({ answer, shown }: Scene): TextTableProps {
  const ablated = answer !== null && isAblation(answer);
  const ends = [ablated ? "loss" : "share of the difference", "known"];
  if (!answer) return { caption: "No answer yet", headings: ends, rows: [] };
  const known = (layer: number) =>
    shown === "exact" && answer.exact[layer] === 1 ? "exact" : shown === "exact" ? "estimate" : shown;
  const rows = strongest(answer, shown, LISTED).map(({ layer, column, share }) => [
    rowName(answer, layer),
    ...columnCells(answer, column),
    number(share),
    known(layer),
  ]);
  return {
    caption: ablated
      ? `${cellsName(answer)} without which most is lost, or gained`
      : `${cellsName(answer)} that bring over most, or drive furthest away`,
    headings: ["layer", ...columnHeadings(answer), ...ends],
    rows,
  };
}

/** The line at the bottom: how much, how long, where. */
export function infoText({ answer }: Scene): string {
  const s = answer?.snapshot;
  if (!answer || !s) return "";
  const parts = [
    sizeText(answer),
    s.seconds === null ? "" : seconds(s.seconds),
    s.model?.device,
    s.model?.dtype.replace("torch.", ""),
    s.model?.fingerprint.slice(0, 8),
  ];
  return parts.filter(Boolean).join(" · ");
}
