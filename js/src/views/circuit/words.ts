/** What the circuit view says: how much a circuit keeps, nodes and edges, texts for screen readers. Values only. */

import type { CircuitAnswer } from "../../protocol/decode-circuit.ts";
import { isEdge, isFile, type Thing } from "../../state/circuit-picture.ts";
import type { CircuitStore } from "../../state/circuit-store.ts";
import { exactNumber, number } from "../../state/words.ts";
import { type Parts, plain, token, word } from "../shared/sentence.ts";
import { edgeName, fullName, READ_AS, told } from "./names.ts";
import type { Circuit, Scene } from "./scene.ts";

/** A share of a difference: two digits after the point, with a true minus. */
export function share(value: number): string {
  if (!Number.isFinite(value)) return number(value);
  const text = Math.abs(value).toFixed(2);
  return value < 0 && text !== "0.00" ? `−${text}` : text;
}

/** What can come: something is under way; nothing is, but may be; or there is no kernel, gone or never there. */
export type State = "busy" | "idle" | "gone" | "static";

export function stateOf({ connection, status, look, settled, keep }: CircuitStore): State {
  const kernel = connection.kernel.value;
  if (kernel !== "alive") return kernel;
  if (status.value.state === "static") return "static";
  // A size is asked for once it rests.
  const check = keep()?.state ?? (look.value.size === null ? "here" : "asking");
  return settled() && check !== "asking" ? "idle" : "busy";
}

const many = (count: number, thing: string) => `${count.toLocaleString("en")} ${thing}${count === 1 ? "" : "s"}`;

/** The circuit in one sentence: its size, and what it keeps. */
export function headline(answer: CircuitAnswer, { count, faithfulness }: Circuit, state: State): Parts {
  const { n_edges, target, other } = answer.snapshot;
  const [kept, all] = [count.toLocaleString("en"), many(n_edges, "edge")];
  const start = word(`Circuit of ${kept} of ${all}`);
  if (isFile(answer))
    return target ? [start, word(" behind "), token(told(target.text))] : [start, word(", from a file")];
  const what: Parts = !target
    ? [word("the difference between both prompts")]
    : other
      ? [word("the difference between "), token(told(target.text)), word(" and "), token(told(other.text))]
      : [word("what the clean prompt adds to the logit of "), token(told(target.text))];
  if (count === 0) return [start, word(" keeps nothing of "), ...what];
  if (faithfulness === null)
    return [
      start,
      word("; how much it keeps of "),
      ...what,
      word(state === "busy" ? " is being run" : " was not run yet"),
    ];
  return [start, word(` keeps ${share(faithfulness)} of `), ...what];
}

/** What is measured, in two parts: the quantity, and its value in both prompts. */
export function measureOf({ snapshot }: CircuitAnswer): { name: string; after: string } {
  const { target, other, base_value, source_value } = snapshot;
  if (!target) return { name: "", after: "" };
  const name = `logit of “${told(target.text)}”${other ? ` less “${told(other.text)}”` : ""}`;
  if (base_value === null) return { name, after: "" };
  const corrupted = source_value === null ? "" : `, ${number(source_value, true)} corrupted`;
  return { name: `${name}:`, after: ` ${number(base_value, true)}${corrupted ? ` clean${corrupted}` : ""}` };
}

/** Where edges are never cut: at tokens without a counterpart. "" where all have one. */
function unequal({ base, source }: CircuitAnswer): string {
  const [clean, corrupted] = [base.ids.length, (source ?? base).ids.length];
  if (clean === corrupted) return "";
  return ` The prompts have ${clean} and ${corrupted} tokens: where one has no counterpart nothing is cut.`;
}

/** Which edges these are. */
function chosen(answer: CircuitAnswer, { size, count, by }: Circuit): string {
  const instead = unequal(answer) ? "Make both prompts equally long." : "Take more edges.";
  const way = "on a way from the input to the logits";
  if (by === "acdc")
    return count === 0
      ? "ACDC kept no edge: lower its threshold."
      : `Chosen by ACDC: ${many(count, "edge")} that the number needs. The slider takes the strongest instead.`;
  if (size === 1)
    return count
      ? `The strongest edge is ${way}.`
      : `No circuit of this size: the strongest edge is not ${way}. ${instead}`;
  const strongest = `the ${size.toLocaleString("en")} strongest edges`;
  if (count === 0) return `No circuit of this size: none of ${strongest} is ${way}. ${instead}`;
  if (count === size) return `All of ${strongest} are ${way}.`;
  return `Of ${strongest} ${count.toLocaleString("en")} ${count === 1 ? "is" : "are"} ${way}.`;
}

/** How the edges were chosen, what the rest keeps, and what is not known. */
export function standing(answer: CircuitAnswer, circuit: Circuit, state: State): string {
  const { count, by, faithfulness, completeness, check } = circuit;
  if (!answer.scores.length) return "There are no edges.";
  const parts = [chosen(answer, circuit)];
  if (by === "rank") parts.push(unchecked(check?.state, state));
  else if (by !== "file" && count > 0) {
    if (completeness !== null)
      parts.push(`The rest without it keeps ${share(completeness)} (a complete circuit leaves 0).`);
    if (faithfulness === null)
      parts.push(state === "busy" ? "How much it keeps is being run." : "How much it keeps was not run.");
  }
  return parts.join(" ") + unequal(answer);
}

function unchecked(check: string | undefined, state: State): string {
  if (check === "absent" || state === "static") return "Chosen by strength alone: checking it needs the kernel.";
  if (state === "gone") return "Chosen by strength alone: the kernel is gone.";
  if (check === "refused") return "Chosen by strength alone: it could not be checked.";
  return "Chosen by strength alone so far; it is being checked.";
}

/** What a score is. */
export const scoreName = (answer: CircuitAnswer) => (isFile(answer) ? "weight" : "estimated loss");

/** What the number really loses without an edge: run when it was pinned, or with the answer; null: not run. */
export function exactOf(scene: Scene, edge: number): number | null {
  if (edge === scene.pinnedEdge && scene.edge?.found) return scene.edge.found.value;
  const value = scene.answer?.exact[edge] ?? Number.NaN;
  return Number.isNaN(value) ? null : value;
}

export interface Told {
  readonly title: string;
  readonly lines: readonly { readonly label: string; readonly value: string }[];
}

/** For the tooltip. */
export function aboutThing(scene: Scene, thing: Thing): Told | null {
  const { answer, circuit } = scene;
  if (!answer || !circuit) return null;
  return isEdge(thing) ? aboutEdge(scene, answer, thing.edge) : aboutNode(answer, circuit, thing.node);
}

function aboutEdge(scene: Scene, answer: CircuitAnswer, edge: number): Told {
  const exact = exactOf(scene, edge);
  const path = answer.paths[edge] ?? 0;
  return {
    title: edgeName(answer, edge),
    lines: [
      { label: scoreName(answer), value: exactNumber(answer.scores[edge] ?? Number.NaN) },
      ...(exact === null ? [] : [{ label: "real loss", value: exactNumber(exact) }]),
      ...(path ? [{ label: "read as", value: READ_AS[path] ?? "" }] : []),
      { label: "rank", value: `${(edge + 1).toLocaleString("en")} of ${answer.snapshot.n_edges.toLocaleString("en")}` },
    ],
  };
}

function aboutNode(answer: CircuitAnswer, { kept }: Circuit, node: number): Told {
  let [into, out, inSum, outSum] = [0, 0, 0, 0];
  kept.forEach((is, edge) => {
    if (!is) return;
    const score = answer.scores[edge] ?? 0;
    if (answer.targets[edge] === node) [into, inSum] = [into + 1, inSum + score];
    if (answer.sources[edge] === node) [out, outSum] = [out + 1, outSum + score];
  });
  const side = (count: number, sum: number) => `${count}${count ? `, together ${number(sum, true)}` : ""}`;
  const { names } = answer.snapshot;
  const title = fullName(answer, node);
  const name = names[node] ?? "";
  return {
    title,
    lines: [
      ...(name && !title.includes(name) ? [{ label: "name", value: name }] : []),
      { label: "edges in", value: side(into, inSum) },
      { label: "edges out", value: side(out, outSum) },
    ],
  };
}

export function spokenNode(scene: Scene, node: number): string {
  const about = aboutThing(scene, { node });
  return about ? [about.title, ...about.lines.map(({ label, value }) => `${label} ${value}`)].join("; ") : "";
}

/** What the pinned edge carries. */
export function edgeText(scene: Scene): string {
  const { answer, pinnedEdge, edge, circuit } = scene;
  if (!answer || pinnedEdge === null) return "";
  const outside = circuit?.kept[pinnedEdge] ? "" : "It is not in the circuit of this size. ";
  const score = number(answer.scores[pinnedEdge], true);
  if (isFile(answer))
    return `${outside}Its weight is ${score}. What it really carries was not run: a file has no model.`;
  const exact = exactOf(scene, pinnedEdge);
  const cut = `${outside}Carrying what it carries in the corrupted prompt, this edge alone takes `;
  const estimate = `The estimate said ${score}.`;
  if (exact !== null) return `${cut}${number(exact, true)} from the number. ${estimate}`;
  const waiting =
    edge?.state === "asking"
      ? "It is being run."
      : edge?.state === "absent"
        ? "Running it needs the kernel."
        : "It was not run.";
  return `${cut}an estimated ${score} from the number. ${waiting}`;
}

/** A new picture in a sentence or two, for screen readers. */
export function announcement(answer: CircuitAnswer, circuit: Circuit, state: State): string {
  return `${plain(headline(answer, circuit, state))}. ${standing(answer, circuit, state)}`;
}
