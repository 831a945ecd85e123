/** From the scene and the store to the props of each part. Values only. */
import type { CandidateListProps } from "../../kit/candidate-list.ts";
import type { ChoiceProps } from "../../kit/choice.ts";
import type { HeaderProps } from "../../kit/header.ts";
import type { LegendProps } from "../../kit/legend.ts";
import type { MethodPickerProps } from "../../kit/method-picker.ts";
import type { ProgressProps } from "../../kit/progress.ts";
import type { QuestionLineProps } from "../../kit/question-line.ts";
import { type Scale, scaleOf } from "../../kit/shared/colour-scale.ts";
import type { TextTableProps } from "../../kit/text-table.ts";
import type { StripProps } from "../../kit/token-strip.ts";
import type { Question } from "../../protocol/encode.ts";
import type { MethodInfo } from "../../protocol/generated.ts";
import { spoken, strongest } from "../../state/details.ts";
import type { Scene } from "../../state/scene.ts";
import { entries } from "../../state/selection.ts";
import type { Store } from "../../state/store.ts";
import * as words from "../../state/words.ts";
import { contrasted } from "./asking.ts";

/** What belongs to one view and not to the widget. */
export interface Local {
  readonly editing: boolean;
  readonly picking: boolean;
  readonly methods: readonly MethodInfo[] | null;
  readonly copied: string;
  /** What was clicked and is not answered yet, marked at once. */
  readonly wanted: Pick<Question, "target" | "contrast">;
}

/** Rows kept free before the first list of next tokens. */
const EXPECTED = 10;

export function working(store: Store): boolean {
  const { live, kernel } = store.connection;
  return live.value !== null || (store.status.value.state === "running" && kernel.value === "alive");
}

export function headerProps(store: Store, { answer, about, estimate }: Scene, local: Local): HeaderProps {
  const s = about?.snapshot;
  return {
    model: words.shortName(s?.model?.name ?? ""),
    modelTitle: s?.model?.name ?? "",
    method: s?.method ? words.methodText(s.method) : "",
    methodTitle: s?.method ? words.methodText(s.method, true) : "",
    exactness: answer ? words.exactness(answer, estimate) : "",
    exactnessTitle: answer ? words.exactnessTitle(answer) : "",
    busy: working(store),
    waiting: !s && working(store),
    canChange: Boolean(s?.method) || store.status.value.state === "asks",
    changing: local.picking,
    canEdit: Boolean(s?.method) && s?.input.kind !== "ids",
    editing: local.editing,
    editTitle: s?.method && s.input.kind === "ids" ? "given as token ids: not editable here" : "",
    code: Boolean(s?.code),
    copied: local.copied,
  };
}

export function progressProps(store: Store): ProgressProps {
  const live = store.connection.live.value;
  return {
    active: working(store),
    done: live?.done ?? 0,
    total: live?.total ?? 0,
    note: live?.note ?? "",
    cancelling: live?.cancelling ?? false,
    cancellable: live !== null,
  };
}

export function pickerProps(store: Store, scene: Scene, local: Local, anchor: HTMLElement): MethodPickerProps {
  const { live, kernel } = store.connection;
  const stopped = kernel.value !== "alive" || store.status.value.state === "static";
  const busy = live.value?.silent ? "The kernel is busy with another cell." : "";
  return {
    open: local.picking,
    anchor,
    methods: local.methods,
    current: scene.about?.snapshot.method ?? null,
    empty: stopped ? "There is no kernel to ask." : busy,
  };
}

export function questionProps({ about, aboutRow, value, contrast, dimQuestion }: Scene): QuestionLineProps | null {
  const sentence = about ? words.question(about, aboutRow, value) : null;
  if (!about || !sentence) return null;
  return {
    ...sentence,
    // Where there is a method, the name is a choice (see `quantityProps`).
    name: about.snapshot.method ? "" : sentence.name,
    contrast: contrast !== null || Boolean(about.snapshot.contrast),
    dim: dimQuestion,
  };
}

/** The scale of what is drawn; the same object while nothing that sets it has changed. */
export function scaleMaker(): (scene: Scene) => Scale {
  let scale: Scale = { top: 0, signed: true };
  let from: unknown[] = [];
  return ({ answer, values, row }) => {
    const all = answer?.scores ?? null;
    // Rows share a scale where all are here, so that they can be compared by going through them; the sum has its own.
    const over = row !== null && all && values && all.length > values.length ? all : values;
    const next = [over, answer?.known, answer?.snapshot];
    if (next.some((value, i) => value !== from[i])) {
      scale = scaleOf(over, answer?.snapshot.signed ?? true, answer?.known ?? null);
      from = next;
    }
    return scale;
  };
}

export function stripProps(store: Store, scene: Scene, scale: Scale): StripProps {
  const { answer, units, values, changes, estimate } = scene;
  const clauses = store.selection.clauses.value;
  return {
    units,
    values,
    scale,
    known: answer?.known ?? null,
    estimate,
    fresh: changes?.fresh ?? null,
    old: changes?.old ?? null,
    hovered: entries(clauses, "hover", "pos"),
    pinned: entries(clauses, "pin", "pos"),
    brushed: entries(clauses, "brush", "pos"),
    target: scene.generated,
    dim: scene.dim,
    label: `${answer?.snapshot.unit_kind ?? "token"}s of the input with their scores`,
    describe: (index) => spoken(scene, index),
  };
}

/** Which place the list of tokens is about. */
export function listHeading({ about }: Scene): string {
  const s = about?.snapshot;
  return s?.target?.kind === "generated" && s.rows[0] ? `In place of “${s.rows[0].text.trim()}”` : "Next token";
}

export function candidateProps(scene: Scene, { wanted }: Local): CandidateListProps {
  const { target, contrast } = wanted;
  return {
    candidates: scene.candidates,
    target: target?.kind === "token" ? (target.id ?? null) : scene.target,
    contrast: contrast === null ? null : contrast?.kind === "token" ? (contrast.id ?? null) : scene.contrast,
    format: words.probability,
    reserve: scene.answer ? 0 : EXPECTED,
    dim: scene.dimCandidates,
  };
}

export function legendProps({ answer, changes, estimate }: Scene, { top }: Scale): LegendProps {
  const s = answer?.snapshot;
  const end = words.number(top);
  const signed = s?.signed ?? true;
  return {
    signed,
    hidden: !top,
    low: signed ? `−${end}` : "0",
    high: signed ? `+${end}` : end,
    unit: s?.unit ? words.quantityName(s.unit) : "",
    estimate,
    changes: changes !== null,
  };
}

export function quantityProps(scene: Scene): ChoiceProps {
  const s = scene.about?.snapshot;
  const value = s?.quantity ?? "";
  const against = contrasted(scene);
  const names = words.quantities(against);
  if (value && !names.includes(value)) names.push(value);
  return {
    label: "",
    name: "the number that is explained",
    value,
    hidden: !s?.method,
    options: names.map((name) => ({ value: name, text: words.measureName(name, against) })),
  };
}

export function unitProps(scene: Scene): ChoiceProps {
  const s = scene.about?.snapshot;
  const value = s?.unit_kind ?? "token";
  const names = ["token", "word", "sentence"];
  if (s?.input.kind === "chat") names.push("turn");
  if (!names.includes(value)) names.push(value);
  return {
    label: "per",
    name: "unit",
    value,
    hidden: !s?.method,
    options: names.map((name) => ({ value: name, text: name })),
  };
}

export function tableProps(scene: Scene): TextTableProps {
  const s = scene.answer?.snapshot;
  const rows = strongest(scene);
  return {
    caption: s ? `The ${rows.length} strongest of ${s.unit_labels.length} ${s.unit_kind}s` : "No answer yet",
    headings: [s?.unit_kind ?? "token", `score (${s?.unit || "no unit"})`, "position"],
    rows,
  };
}

/** The line at the bottom: how much, how long, where. */
export function infoText({ answer }: Scene): string {
  const s = answer?.snapshot;
  if (!s) return "";
  const count = s.tokens.text.length;
  const parts = [
    `${count.toLocaleString("en")} token${count === 1 ? "" : "s"}`,
    s.seconds === null ? "" : words.seconds(s.seconds),
    s.model?.device,
    s.model?.dtype.replace("torch.", ""),
    s.model?.fingerprint.slice(0, 8),
  ];
  return parts.filter(Boolean).join(" · ");
}

/** A new answer in a sentence or two, for screen readers. */
export function announcement(scene: Scene): string {
  const { about } = scene;
  if (!about) return "";
  const q = words.question(about, scene.aboutRow, scene.value);
  const top = strongest(scene, 3).map(([text, score]) => `${text} ${score}`);
  const parts = [
    q?.parts.map((p) => p.text.trim()).join(" "),
    q && [q.before, q.name, q.after].join(" ").trim(),
    words.exactness(about),
    top.length > 0 && `strongest: ${top.join(", ")}`,
  ];
  return parts.filter(Boolean).join(". ");
}
