/** From the scene and the store to the props of the frame around the grid. Values only. */
import type { HeaderProps } from "../../kit/header.ts";
import type { LegendProps } from "../../kit/legend.ts";
import type { QuestionLineProps } from "../../kit/question-line.ts";
import type { TextTableProps } from "../../kit/text-table.ts";
import type { LensAnswer } from "../../protocol/decode-lens.ts";
import { tokenName } from "../../state/attention-names.ts";
import { guessesOf, rowOf } from "../../state/lens-picture.ts";
import type { LensStore } from "../../state/lens-store.ts";
import { number, seconds, shortName } from "../../state/words.ts";
import { working } from "../shared/said.ts";
import type { Scene } from "./scene.ts";
import { apartUnit, guessName, measureUnit, questionOf, streamName } from "./words.ts";

/** What belongs to one view and not to the widget. */
export interface Local {
  readonly editing: boolean;
  readonly copied: string;
}

const HOW = "each stream's most probable next tokens, were it what leaves the last block";

export function headerProps(store: LensStore, { answer }: Scene, local: Local): HeaderProps {
  const s = answer?.snapshot;
  const tuned = s?.lens === "tuned";
  const other = answer?.other?.name ?? "";
  const ids = s?.input.kind === "ids";
  return {
    model: shortName(s?.model?.name ?? ""),
    modelTitle: (s?.model?.name ?? "") + (other && ` against ${other}`),
    method: tuned ? "Tuned lens" : "Logit lens",
    methodTitle: tuned ? `${HOW}, after a map that was trained for each. ${s?.lens_words ?? ""}` : HOW,
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
  return { parts: questionOf(answer), before: "", name: "", after: "", contrast: false, dim };
}

export function legendProps({ answer, grid, look, shown }: Scene): LegendProps {
  const apart = shown === "difference";
  const yes = !apart && look.measure === "agreement";
  const signed = grid?.signed ?? false;
  return {
    signed,
    hidden: !answer || !grid,
    low: yes ? "no" : signed ? number(-(grid?.top ?? 0), true) : "0",
    high: yes ? "yes" : number(grid?.top, signed),
    ends: yes ? ["", ""] : signed ? ["other", "this"] : undefined,
    unit: apart ? apartUnit(look.apart) : measureUnit(look.measure),
    estimate: false,
    changes: false,
  };
}

/** What would come next at one position by every stream, the model's own answer first, for readers who can't see the grid. */
export function tableProps(scene: Scene): TextTableProps {
  const { answer, position, grid, look, measured, shown, whose } = scene;
  if (answer?.other && shown === "difference") return differenceTable(answer, position);
  const measure = look.measure !== "probability" && measured ? [measureUnit(look.measure)] : [];
  const headings = ["stream", "first token", "probability", "second token", "probability", ...measure];
  if (!answer) return { caption: "No answer yet", headings, rows: [] };
  const streams = answer.snapshot.streams.length;
  const where = `“${tokenName(answer.tokens, position)}” (${position})`;
  if (!answer.known[position]) return { caption: `Position ${where} was not read yet`, headings, rows: [] };
  const rows = Array.from({ length: streams }, (_, i) => {
    const stream = rowOf(streams, i);
    const guesses = guessesOf(answer, { stream, position }, whose);
    const cells = [0, 1].flatMap((n) => {
      const guess = guesses[n];
      return guess ? [guessName(guess.text), number(guess.prob)] : ["", ""];
    });
    const value = measure.length ? [number(grid?.values[i * answer.known.length + position])] : [];
    return [streamName(answer, stream), ...cells, ...value];
  });
  return { caption: `What would come next after ${where}, by stream`, headings, rows };
}

/** The same of two models, and how far they are apart. */
function differenceTable(answer: LensAnswer, position: number): TextTableProps {
  const headings = ["stream", "this", "probability", "other", "probability", "KL(other || this), nats"];
  const streams = answer.snapshot.streams.length;
  const rows = Array.from({ length: streams }, (_, i) => {
    const stream = rowOf(streams, i);
    const cells = (["this", "other"] as const).flatMap((whose) => {
      const [guess] = guessesOf(answer, { stream, position }, whose);
      return guess ? [guessName(guess.text), number(guess.prob)] : ["", ""];
    });
    return [streamName(answer, stream), ...cells, number(answer.other?.kl[stream * answer.known.length + position])];
  });
  const where = `“${tokenName(answer.tokens, position)}” (${position})`;
  return { caption: `What would come next after ${where} by two models, by stream`, headings, rows };
}

/** The line at the bottom: how much, how long, where. */
export function infoText({ answer }: Scene): string {
  const s = answer?.snapshot;
  if (!answer || !s) return "";
  const count = (n: number, what: string) => `${n.toLocaleString("en")} ${what}${n === 1 ? "" : "s"}`;
  const read = answer.known.reduce((sum, k) => sum + (k ? 1 : 0), 0);
  const parts = [
    read < answer.known.length ? `${read} of ${count(answer.known.length, "token")} read` : count(read, "token"),
    count(s.streams.length, "stream"),
    s.seconds === null ? "" : seconds(s.seconds),
    s.model?.device,
    s.model?.dtype.replace("torch.", ""),
    s.model?.fingerprint.slice(0, 8),
  ];
  return parts.filter(Boolean).join(" · ");
}
