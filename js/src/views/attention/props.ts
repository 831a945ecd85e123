/** From the scene and the store to the props of the frame around the pictures. Values only. */
import type { HeaderProps } from "../../kit/header.ts";
import type { LegendProps } from "../../kit/legend.ts";
import type { QuestionLineProps } from "../../kit/question-line.ts";
import type { TextTableProps } from "../../kit/text-table.ts";
import { labelTitle } from "../../state/attention-heads.ts";
import { tokenName, versionName } from "../../state/attention-names.ts";
import { strongest, wholeAsk } from "../../state/attention-picture.ts";
import type { AttentionStore } from "../../state/attention-store.ts";
import { number, seconds, shortName } from "../../state/words.ts";
import { working } from "../shared/said.ts";
import type { Scene } from "./scene.ts";
import { measureUnit, questionOf } from "./words.ts";

/** What belongs to one view and not to the widget. */
export interface Local {
  readonly editing: boolean;
  readonly copied: string;
}

export function headerProps(store: AttentionStore, { answer }: Scene, local: Local): HeaderProps {
  const s = answer?.snapshot;
  const ids = s?.input.kind === "ids";
  // Two versions are two models or two texts.
  const models = answer && !answer.other ? answer.snapshot.versions.map((_, i) => versionName(answer, i)) : [];
  const how = [...new Set(s?.maps.map((m) => m.how))].join("; ");
  return {
    model: models.length > 1 ? models.join(" and ") : shortName(s?.model?.name ?? ""),
    modelTitle: models.length > 1 ? (s?.versions.join(" and ") ?? "") : (s?.model?.name ?? ""),
    method: "Attention",
    methodTitle: how,
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

export function questionProps({ answer, name, otherName, dim }: Scene): QuestionLineProps | null {
  if (!answer) return null;
  return { parts: questionOf(name, otherName), before: "", name: "", after: "", contrast: otherName !== "", dim };
}

export function legendProps({ details }: AttentionStore, { head, comparable, top, look }: Scene): LegendProps {
  const given = head && details.get(wholeAsk(head, look))?.found?.unit;
  const signed = comparable;
  const end = number(top);
  // Stronger ones have no more ink.
  const capped = look.ink < 1 ? " or more" : "";
  return {
    signed,
    hidden: !head || !top,
    low: signed ? `−${end}` : "0",
    high: (signed ? `+${end}` : end) + capped,
    unit: measureUnit(look, given || ""),
    ends: ["more in the second", "more in the first"],
    estimate: false,
    changes: false,
  };
}

/** The strongest weights as a table, for readers who can't see the picture. */
export function tableProps(store: AttentionStore, { head, look, answer, name }: Scene): TextTableProps {
  const headings = ["looks", "is looked at", measureUnit(look, "")];
  if (!head || !answer) return { caption: "No head is chosen", headings, rows: [] };
  const rows = strongest(head, look, store.details, 30).map(({ rows, columns, value }) => [
    range(rows, (i) => tokenName(head.looks, i)),
    range(columns, (i) => tokenName(head.seen, i)),
    number(value),
  ]);
  const label = labelTitle(answer, answer.snapshot.labels[head.head] ?? "");
  const what = rows.length ? `The ${rows.length} strongest` : "No weights yet";
  return { caption: `${what} of head ${name}${label ? `, ${label}` : ""}`, headings, rows };
}

function range([from, to]: readonly [number, number], name: (i: number) => string): string {
  return to > from ? `“${name(from)}” to “${name(to)}” (${from} to ${to})` : `“${name(from)}” (${from})`;
}

/** The line at the bottom: how much, how long, where. */
export function infoText({ answer }: Scene): string {
  const s = answer?.snapshot;
  if (!answer || !s) return "";
  const count = (n: number, what: string) => `${n.toLocaleString("en")} ${what}${n === 1 ? "" : "s"}`;
  const parts = [
    answer.keys
      ? `${count(answer.keys.ids.length, "token")} in, ${answer.queries.ids.length.toLocaleString("en")} out`
      : `${answer.other ? `${answer.queries.ids.length.toLocaleString("en")} and ` : ""}${count((answer.other ?? answer.queries).ids.length, "token")}`,
    count(answer.heads, "head"),
    s.seconds === null ? "" : seconds(s.seconds),
    s.model?.device,
    s.model?.dtype.replace("torch.", ""),
    s.model?.fingerprint.slice(0, 8),
  ];
  return parts.filter(Boolean).join(" · ");
}
