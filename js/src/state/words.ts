/** What is on the screen, in words: numbers, the question, how exact it is. Values only. */
import type { Answer } from "../protocol/decode.ts";
import type { MethodInfo, ParamInfo } from "../protocol/generated.ts";

/** Three significant digits, with a true minus; `signed` writes the plus too. */
export function number(value: number | null | undefined, signed = false): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  if (size === Number.POSITIVE_INFINITY) return value > 0 ? "∞" : "−∞";
  const text = size !== 0 && (size < 1e-3 || size >= 1e5) ? tidy(size.toExponential(2)) : trimmed(size);
  const sign = value < 0 ? "−" : signed && value > 0 ? "+" : "";
  return sign + text;
}

function trimmed(size: number): string {
  if (size === 0) return "0";
  const digits = Math.max(0, 2 - Math.floor(Math.log10(size)));
  return size.toFixed(Math.min(digits, 6));
}

function tidy(text: string): string {
  return text.replace("e+", "e").replace("e-", "e−");
}

/** The shortest text that names exactly this float32, for the tooltip. */
export function exactNumber(value: number): string {
  if (Number.isNaN(value)) return "not a number";
  const single = Math.fround(value);
  for (let digits = 1; digits < 10; digits++) {
    const text = Number(single.toPrecision(digits));
    if (Math.fround(text) === single) return String(text).replaceAll("-", "−");
  }
  return String(single).replaceAll("-", "−");
}

export function percent(share: number): string {
  const value = share * 100;
  return value !== 0 && value < 0.1 ? "< 0.1 %" : `${value < 10 ? Number(value.toPrecision(2)) : Math.round(value)} %`;
}

export function seconds(value: number): string {
  if (value < 0.01) return "< 0.01 s";
  if (value < 60) return `${value < 10 ? Number(value.toPrecision(2)) : Math.round(value)} s`;
  return value < 5400 ? `${Math.round(value / 60)} min` : `${(value / 3600).toFixed(1)} h`;
}

/** A probability in the list of next tokens: two digits that matter. */
export function probability(prob: number): string {
  if (prob < 0.001) return "<.001";
  return prob.toFixed(prob < 0.0995 ? 3 : 2);
}

const QUANTITIES: Record<string, string> = {
  logit: "logit",
  log_prob: "log-probability",
  prob: "probability",
  logit_diff: "logit difference",
  entropy: "entropy",
  kl: "KL divergence",
};

export function quantityName(quantity: string): string {
  return QUANTITIES[quantity] ?? quantity.replaceAll("_", " ");
}

/** Quantities to choose from; a contrast allows the differences only. */
export function quantities(contrast: boolean): string[] {
  return contrast ? ["logit_diff", "log_prob", "prob"] : ["log_prob", "logit", "prob", "entropy"];
}

/** The name of a quantity as it is measured here: against a contrast it is a difference. */
export function measureName(quantity: string, contrast: boolean): string {
  const name = quantityName(quantity);
  return contrast && quantity !== "logit_diff" ? `${name} difference` : name;
}

/** The question in parts, so that tokens can be set apart: plain text and quoted token text in turn; and its number. */
export interface Sentence {
  readonly parts: readonly { readonly text: string; readonly token: boolean }[];
  /** Before and after the name of the quantity. */
  readonly before: string;
  readonly name: string;
  readonly after: string;
}

export function question(answer: Answer, row: number | null, value: number | null): Sentence | null {
  const { rows, quantity, method } = answer.snapshot;
  // Numbers a person brought say what they are about only if they say what it came to.
  if (!method && value === null) return null;
  const first = rows[row ?? 0];
  const token = (text: string) => ({ text, token: true });
  const plain = (text: string) => ({ text, token: false });
  const many = row === null && rows.length > 1;
  const contrast = Boolean(first?.contrast);
  const name = quantity ? measureName(quantity, contrast) : "";
  const nats = quantity === "entropy" || quantity === "kl";
  const after = value === null ? "" : number(value, !nats && quantity !== "prob") + (nats ? " nats" : "");
  if (nats)
    return {
      parts: [plain(quantity === "kl" ? "What moves the next token?" : "What makes the next token uncertain?")],
      before: "",
      name,
      after,
    };
  if (!first) return null;
  const text = many ? rows.map((r) => r.text).join("") : first.text;
  const against = many ? rows.map((r) => r.contrast).join("") : first.contrast;
  const parts = [plain("Why "), token(text)];
  if (against) parts.push(plain(" rather than "), token(against));
  parts.push(plain("?"));
  return { parts, before: many && name ? "sum of" : "", name, after };
}

/** The last part of a hub id or a path: who or where is in the title. */
export function shortName(name: string): string {
  return /[^/\\]+(?=[/\\]*$)/.exec(name)?.[0] ?? name;
}

/**
 * Title and parameters: "integrated gradients, 32 steps". What says nothing is left out unless `all` are wanted: what is
 * switched off, the first of several choices (the usual one), and a measure right after the count that switches it off.
 */
export function methodText({ title, params }: MethodInfo, all = false): string {
  const off = ({ value, choices }: ParamInfo) => !value || value === choices[0];
  const kept = params.filter((p, i) => all || !(off(p) || (p.kind === "float" && params[i - 1]?.value === 0)));
  return [title, ...kept.map((p) => paramText(p.name, p.value)).filter(Boolean)].join(", ");
}

function paramText(name: string, value: unknown): string {
  const words = name.replaceAll("_", " ");
  if (value === false || value === null || value === "") return "";
  if (value === true) return words;
  if (name.startsWith("n_")) return `${String(value)} ${words.slice(2)}`;
  return `${words} ${String(value)}`;
}

/** How exact the scores are, in a word. Not known is said as such. */
export function exactness(answer: Answer, estimate = answer.estimate): string {
  const { quality, method, unit_labels } = answer.snapshot;
  if (answer.known || answer.estimate) {
    const known = answer.known?.reduce((n, k) => n + (k ? 1 : 0), 0) ?? 0;
    return known || !estimate ? `${known} of ${unit_labels.length} exact` : "estimate";
  }
  if (!method || !answer.scores) return "";
  if (quality.standard_error) {
    return quality.n_samples ? `± standard error, ${quality.n_samples} draws` : "± standard error";
  }
  if (quality.relative_gap !== null) return `gap ${percent(quality.relative_gap)}`;
  if (quality.exact === true) return "exact";
  return quality.exact === false ? "estimate" : "exactness not known";
}

/** The same at length. */
export function exactnessTitle(answer: Answer): string {
  const { quality, baseline } = answer.snapshot;
  const parts: string[] = [];
  if (quality.relative_gap !== null)
    parts.push("the scores should add up to the number minus its value on the baseline; the gap is what is missing");
  if (quality.standard_error) parts.push("drawn at random; each score's standard error is in its tooltip");
  if (quality.exact === true) parts.push("the defined quantity, up to rounding");
  if (baseline) parts.push(`baseline: ${baseline}`);
  return parts.join(". ");
}
