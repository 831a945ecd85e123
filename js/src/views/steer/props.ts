/** From the scene and the store to the props of the frame. Values only. */
import type { HeaderProps } from "../../kit/header.ts";
import type { TextTableProps } from "../../kit/text-table.ts";
import type { SteerStore } from "../../state/steer-store.ts";
import { number } from "../../state/words.ts";
import type { Around } from "../shared/frame.ts";
import { count, headerOf, infoOf, type Local } from "../shared/said.ts";
import { plain } from "../shared/sentence.ts";
import type { Scene } from "./scene.ts";
import { guessName, outcome, rowName } from "./words.ts";

export function headerProps(store: SteerStore, { answer }: Scene, local: Local): HeaderProps {
  const s = answer?.snapshot;
  const ids = s?.input.kind === "ids";
  return headerOf(store, s, ids, local, {
    method: "Steer by hand",
    methodTitle: "activations changed while the model reads; the model itself stays as it is",
  });
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

/** The line at the bottom: how much, how long, where. */
export function infoText({ answer }: Scene): string {
  const s = answer?.snapshot;
  if (!answer || !s) return "";
  return infoOf(s, [count(answer.tokens.ids.length, "token")]);
}

/** What is said around the pieces. */
export const around = (store: SteerStore): Around<Scene> => ({
  header: (scene, local) => headerProps(store, scene, local),
  info: infoText,
  quiet: true,
  announcement: ({ answer }) => (answer && !store.moving.value ? plain(outcome(answer)) : null),
  table: tableProps,
  tabled: ({ answer }) => (answer && !store.moving.value ? [answer] : null),
});
