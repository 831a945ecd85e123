/** What nodes, edges and positions are called: short ones in the drawing, whole ones beside it. Values only. */
import { visible } from "../../kit/shared/dom.ts";
import type { CircuitAnswer } from "../../protocol/decode-circuit.ts";

/** A label that is longer is cut in the drawing. */
const LABEL = 22;

export const READ_AS = ["its input", "query", "key", "value"] as const;

/** A token or label on its own; what can't be seen is spelled out. */
export const told = (text: string) => (text === "" ? "⋯" : visible(text));

const cut = (text: string) => ([...text].length > LABEL ? `${[...text].slice(0, LABEL - 1).join("")}…` : text);

/** Drawn inside the node: all of it, or where that is too wide less. */
export function drawnName(answer: CircuitAnswer, node: number): { label: string; short: string } {
  const { kinds, labels } = answer.snapshot;
  const [layer = 0, index = -1, text = ""] = [answer.layers[node], answer.index[node], labels[node] ?? ""];
  switch (kinds[node]) {
    case "head":
      return { label: `${layer}.${index}`, short: String(index) };
    case "attn":
      return { label: `attn ${layer}`, short: "A" };
    case "mlp":
      return { label: `MLP ${layer}`, short: "M" };
    case "embedding":
      return { label: "embedding", short: "emb" };
    case "logits":
      return { label: text ? cut(told(text)) : "logits", short: "" };
    case "token":
      return { label: text ? cut(told(text)) : tokenAt(answer, node), short: "" };
    case "error":
      return { label: "error", short: "" };
    default:
      return { label: text ? cut(told(text)) : index >= 0 ? `#${index}` : "", short: index >= 0 ? String(index) : "" };
  }
}

const tokenAt = (answer: CircuitAnswer, node: number) => {
  const text = answer.base.tokens.text[answer.pos[node] ?? -1];
  return text === undefined ? "" : told(text);
};

/** Without where it is. */
export function nodeName(answer: CircuitAnswer, node: number): string {
  const { kinds, labels, names } = answer.snapshot;
  const [layer = 0, index = -1, text = ""] = [answer.layers[node], answer.index[node], labels[node] ?? ""];
  switch (kinds[node]) {
    case "head":
      return `head ${layer}.${index}`;
    case "attn":
      return `attention ${layer}`;
    case "mlp":
      return `MLP ${layer}`;
    case "embedding":
      return "embedding";
    case "logits":
      return text ? `logit of “${told(text)}”` : "logits";
    case "token":
      return `token “${text ? told(text) : tokenAt(answer, node)}”`;
    case "error":
      return `error of layer ${layer}`;
    default:
      return text ? told(text) : index >= 0 ? `feature ${layer}.${index}` : names[node] || "feature";
  }
}

/** Where it is, " at is (5)"; empty where it is at all positions. */
export function placeName(answer: CircuitAnswer, node: number): string {
  const pos = answer.pos[node] ?? -1;
  if (pos < 0 || answer.snapshot.kinds[node] === "token") return "";
  const token = tokenAt(answer, node);
  return token ? ` at “${token}” (${pos})` : ` at position ${pos}`;
}

export const fullName = (answer: CircuitAnswer, node: number) => nodeName(answer, node) + placeName(answer, node);

/** How a reader takes an edge in; empty where it has one way only. */
export function readAs({ paths }: CircuitAnswer, edge: number): string {
  const path = paths[edge] ?? 0;
  return path ? (READ_AS[path] ?? "") : "";
}

/** "head 5.3 → head 9.1, as key" */
export function edgeName(answer: CircuitAnswer, edge: number): string {
  const [from, to] = [answer.sources[edge] ?? 0, answer.targets[edge] ?? 0];
  const as = readAs(answer, edge);
  return `${fullName(answer, from)} → ${fullName(answer, to)}${as && `, as ${as}`}`;
}
