/** From the scene and the store to the props of the frame. Values only. */
import type { HeaderProps } from "../../kit/header.ts";
import type { TextTableProps } from "../../kit/text-table.ts";
import type { SteerStore } from "../../state/steer-store.ts";
import { number, seconds, shortName } from "../../state/words.ts";
import { working } from "../shared/said.ts";
import { plain } from "../shared/sentence.ts";
import type { Scene } from "./scene.ts";
import { guessName, outcome, rowName } from "./words.ts";

/** What belongs to one view and not to the widget. */
export interface Local {
  readonly editing: boolean;
  readonly copied: string;
  readonly copiedJson: string;
  /** Tokens to be written; null: as asked for in Python. */
  readonly count: number | null;
}

export function headerProps(store: SteerStore, { answer }: Scene, local: Local): HeaderProps {
  const s = answer?.snapshot;
  const ids = s?.input.kind === "ids";
  return {
    model: shortName(s?.model?.name ?? ""),
    modelTitle: s?.model?.name ?? "",
    method: "Steer by hand",
    methodTitle: "activations changed while the model reads; the model itself stays as it is",
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

/** Next tokens and interventions for readers who can't see the picture. */
export function tableProps({ answer }: Scene): TextTableProps {
  const headings = ["next token", "before", "after"];
  if (!answer) return { caption: "No answer yet", headings, rows: [] };
  const { before, after, interventions, sites } = answer.snapshot;
  const done = interventions.filter((one) => one.on !== false).map((one) => rowName(one, sites.n_layers));
  const ids = [...new Set([...before, ...after].map(({ id }) => id))];
  const rows = ids.map((id) => {
    const [b, a] = [before, after].map((side) => side.find((c) => c.id === id));
    return [guessName((b ?? a)?.text ?? ""), b ? number(b.prob) : "not listed", a ? number(a.prob) : "not listed"];
  });
  return { caption: `Next tokens before and after: ${done.join("; ") || "nothing changed"}`, headings, rows };
}

export const announcement = (scene: Scene) => (scene.answer ? plain(outcome(scene.answer)) : "");

/** The line at the bottom: how much, how long, where. */
export function infoText({ answer }: Scene): string {
  const s = answer?.snapshot;
  if (!answer || !s) return "";
  const count = answer.tokens.ids.length;
  const parts = [
    `${count.toLocaleString("en")} token${count === 1 ? "" : "s"}`,
    s.seconds === null ? "" : seconds(s.seconds),
    s.model?.device,
    s.model?.dtype.replace("torch.", ""),
    s.model?.fingerprint.slice(0, 8),
  ];
  return parts.filter(Boolean).join(" · ");
}
