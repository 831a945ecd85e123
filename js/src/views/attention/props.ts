/** From the scene and the store to the props of the frame around the pictures. Values only. */
import type { HeaderProps } from "../../kit/header.ts";
import type { LegendProps } from "../../kit/legend.ts";
import type { QuestionLineProps } from "../../kit/question-line.ts";
import type { TextTableProps } from "../../kit/text-table.ts";
import { labelTitle } from "../../state/attention-heads.ts";
import { tokenName, versionName } from "../../state/attention-names.ts";
import { strongest, wholeAsk } from "../../state/attention-picture.ts";
import type { AttentionStore } from "../../state/attention-store.ts";
import { number, shortName } from "../../state/words.ts";
import type { Around } from "../shared/frame.ts";
import { count, headerOf, infoOf, type Local } from "../shared/said.ts";
import type { Scene } from "./scene.ts";
import { announcement, measureUnit, questionOf } from "./words.ts";

export function headerProps(store: AttentionStore, { answer }: Scene, local: Local): HeaderProps {
  const s = answer?.snapshot;
  const ids = s?.input.kind === "ids";
  // Two versions are two models or two texts.
  const models = answer && !answer.other ? answer.snapshot.versions.map((_, i) => versionName(answer, i)) : [];
  const how = [...new Set(s?.maps.map((m) => m.how))].join("; ");
  return headerOf(store, s, ids, local, {
    model: models.length > 1 ? models.join(" and ") : shortName(s?.model?.name ?? ""),
    modelTitle: models.length > 1 ? (s?.versions.join(" and ") ?? "") : (s?.model?.name ?? ""),
    method: "Attention",
    methodTitle: how,
  });
}

export function questionProps({ answer, name, otherName, dim }: Scene): QuestionLineProps | null {
  if (!answer) return null;
  return { parts: questionOf(name, otherName), contrast: otherName !== "", dim };
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
  const much = [
    answer.keys
      ? `${count(answer.keys.ids.length, "token")} in, ${answer.queries.ids.length.toLocaleString("en")} out`
      : `${answer.other ? `${answer.queries.ids.length.toLocaleString("en")} and ` : ""}${count((answer.other ?? answer.queries).ids.length, "token")}`,
    count(answer.heads, "head"),
  ];
  return infoOf(s, much);
}

/** What is said around the pieces. */
export const around = (store: AttentionStore): Around<Scene> => ({
  header: (scene, local) => headerProps(store, scene, local),
  info: infoText,
  announcement: ({ answer, head, name }) => (answer ? announcement(answer, head, name) : null),
  table: (scene) => tableProps(store, scene),
  tabled({ answer, head, name, look, peak }) {
    const whole = head && store.details.get(wholeAsk(head, look))?.state;
    return [JSON.stringify([answer?.snapshot.revision, name, look.measure, look.hideFirst, peak, whole])];
  },
});
