/** From the scene and the store to the props of the frame around the chart. Values only. */
import type { CandidateListProps } from "../../kit/candidate-list.ts";
import type { HeaderProps } from "../../kit/header.ts";
import type { LegendProps } from "../../kit/legend.ts";
import type { QuestionLineProps } from "../../kit/question-line.ts";
import type { TextTableProps } from "../../kit/text-table.ts";
import { type Part, partOfRow, partValue, strongest } from "../../state/direct-picture.ts";
import type { DirectStore } from "../../state/direct-store.ts";
import { number, probability, seconds, shortName } from "../../state/words.ts";
import { working } from "../shared/said.ts";
import type { Scene } from "./scene.ts";
import { partName, questionOf, shareText, whatOf } from "./words.ts";

/** What belongs to one view and not to the widget. */
export interface Local {
  readonly editing: boolean;
  readonly copied: string;
}

const HOW =
  "what each part adds to the last position's stream, through the last norm with the scale it has in this run, read by the head";
/** Rows of the list of next tokens before they are there. */
const EXPECTED = 10;
/** Rows of the table. */
const LISTED = 20;

export function headerProps(store: DirectStore, { answer }: Scene, local: Local): HeaderProps {
  const s = answer?.snapshot;
  const ids = s?.input.kind === "ids";
  return {
    model: shortName(s?.model?.name ?? ""),
    modelTitle: s?.model?.name ?? "",
    method: "Direct logit attribution",
    methodTitle: HOW,
    exactness: "",
    exactnessTitle: "",
    busy: working(store),
    waiting: false,
    canChange: false,
    changing: false,
    canEdit: Boolean(s) && !ids,
    editing: local.editing,
    editTitle: ids ? "given as token ids: not editable here" : "",
    code: Boolean(s?.code),
    copied: local.copied,
  };
}

export function questionProps({ answer, dim }: Scene): QuestionLineProps | null {
  if (!answer) return null;
  const { logit, other, softcap } = answer.snapshot;
  const name = softcap === null ? whatOf(answer) : `${whatOf(answer)} before the soft cap`;
  return { parts: questionOf(answer), before: "", name, after: number(logit, true), contrast: other !== null, dim };
}

export function candidateProps(store: DirectStore, { answer, dim }: Scene): CandidateListProps {
  const s = answer?.snapshot;
  const { target, other } = store.wanted.value;
  return {
    candidates: s?.candidates ?? [],
    target: target?.kind === "token" ? (target.id ?? null) : (s?.target.id ?? null),
    contrast: other === null ? null : other?.kind === "token" ? (other.id ?? null) : (s?.other?.id ?? null),
    format: probability,
    reserve: answer || !working(store) ? 0 : EXPECTED,
    dim: dim && store.wanted.value.input !== undefined,
  };
}

export function legendProps({ layout }: Scene): LegendProps {
  const end = number(layout?.top);
  return {
    signed: true,
    hidden: !layout?.top,
    low: `−${end}`,
    high: `+${end}`,
    unit: "logits by one head",
    estimate: false,
    changes: false,
  };
}

/** The strongest of all parts, for readers who can't see the chart. */
export function tableProps({ answer }: Scene): TextTableProps {
  const headings = ["part", "logits", "of the whole"];
  if (!answer) return { caption: "No answer yet", headings, rows: [] };
  const row = (part: Part) => {
    const value = partValue(answer, part);
    return [partName(answer, part), number(value, true), shareText(answer, value)];
  };
  const parts = strongest(answer.values, LISTED).map((index) => row({ kind: "component", index }));
  const heads = strongest(answer.heads, LISTED / 2)
    .map((i) => partOfRow(answer, answer.values.length + i))
    .filter((part) => part !== null)
    .map(row);
  const counted = heads.length ? `, then the ${heads.length} strongest heads` : "";
  return {
    caption: `The ${parts.length} strongest of ${answer.values.length} parts of the ${whatOf(answer)}${counted}`,
    headings,
    rows: [...parts, ...heads],
  };
}

/** The line at the bottom: how much, how long, where. */
export function infoText({ answer }: Scene): string {
  const s = answer?.snapshot;
  if (!answer || !s) return "";
  const count = (n: number, what: string) => `${n.toLocaleString("en")} ${what}${n === 1 ? "" : "s"}`;
  const parts = [
    count(answer.tokens.ids.length, "token"),
    count(answer.values.length, "part"),
    s.seconds === null ? "" : seconds(s.seconds),
    s.model?.device,
    s.model?.dtype.replace("torch.", ""),
    s.model?.fingerprint.slice(0, 8),
  ];
  return parts.filter(Boolean).join(" · ");
}
