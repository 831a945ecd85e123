/** From the scene and the store to the props of the frame around the pictures. Values only. */
import type { HeaderProps } from "../../kit/header.ts";
import type { LegendProps } from "../../kit/legend.ts";
import type { QuestionLineProps } from "../../kit/question-line.ts";
import type { TextTableProps } from "../../kit/text-table.ts";
import { ckaOf } from "../../state/cka-picture.ts";
import type { CKAStore } from "../../state/cka-store.ts";
import { number, seconds, shortName } from "../../state/words.ts";
import { working } from "../shared/said.ts";
import type { Scene } from "./scene.ts";
import { ESTIMATES, lineTitle, questionOf, samplesText } from "./words.ts";

const HOW =
  "HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)) of the streams' products with themselves over the same samples: 1 is the same up to rotation and scale";

export function headerProps(store: CKAStore, { answer }: Scene, copied: string): HeaderProps {
  const s = answer?.snapshot;
  return {
    model: shortName(s?.names[0] ?? ""),
    modelTitle: s?.names.join(" and ") ?? "",
    method: "Centred kernel alignment (CKA)",
    methodTitle: HOW,
    exactness: "",
    exactnessTitle: "",
    busy: working(store),
    waiting: false,
    canChange: false,
    changing: false,
    canEdit: false,
    editing: false,
    editTitle: "",
    code: Boolean(s?.code),
    copied,
  };
}

export function questionProps({ answer, dim }: Scene): QuestionLineProps | null {
  if (!answer) return null;
  return { parts: questionOf(answer), before: "", name: samplesText(answer), after: "", contrast: false, dim };
}

export function legendProps({ answer, estimate }: Scene): LegendProps {
  return {
    signed: true,
    hidden: !answer,
    low: "−1",
    high: "1",
    ends: ["below chance", "alike"],
    unit: `CKA, ${ESTIMATES[estimate]}`,
    estimate: false,
    changes: false,
  };
}

/** The line through the layers, for readers who can't see it. */
export function tableProps({ answer, line }: Scene): TextTableProps {
  const headings = ["layers", ESTIMATES.debiased, ESTIMATES.plain];
  if (!answer) return { caption: "No answer yet", headings, rows: [] };
  const { rows, columns } = answer.snapshot;
  return {
    caption: `CKA, ${lineTitle(answer)}`,
    headings,
    rows: line.map((pair) => [
      `${rows[pair.row]}, ${columns[pair.column]}`,
      number(ckaOf(answer, "debiased", pair)),
      number(ckaOf(answer, "plain", pair)),
    ]),
  };
}

/** The line at the bottom: how much, how long, where. */
export function infoText({ answer }: Scene): string {
  const s = answer?.snapshot;
  if (!s) return "";
  const parts = [
    `${s.rows.length} × ${s.columns.length} streams`,
    s.seconds === null ? "" : seconds(s.seconds),
    s.model?.device,
    s.model?.dtype.replace("torch.", ""),
    s.model?.fingerprint.slice(0, 8),
    s.versus?.fingerprint.slice(0, 8),
  ];
  return parts.filter(Boolean).join(" · ");
}
