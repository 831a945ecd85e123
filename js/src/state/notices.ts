/** What has to be said under the picture, most urgent first. Values only. */
import type { Store } from "./store.ts";
import { seconds } from "./words.ts";

export type Act = "run" | "methods";

export interface Said {
  readonly kind: "error" | "info";
  readonly problem: string;
  readonly details: readonly { readonly label: string; readonly text: string }[];
  readonly actions: readonly { readonly name: Act; readonly label: string }[];
}

/** What of the picture decides what is said. */
export interface Shown {
  readonly drawable: boolean;
  readonly answer: { readonly snapshot: { readonly axes: readonly string[] } } | null;
  readonly last: { readonly scores: unknown } | null;
}

export function noticeOf(
  store: Pick<Store, "status" | "connection" | "error" | "outdated">,
  scene: Shown,
): Said | null {
  const status = store.status.value;
  const live = store.connection.live.value;
  const error = store.error.value;
  const kernel = store.connection.kernel.value;
  if (store.outdated.value) {
    return say("error", "This page and the kernel run different versions of xai_widgets.", [
      "",
      "Reload the page, then run the cell again.",
    ]);
  }
  if (kernel === "gone") {
    return say("error", "The kernel is gone.", ["", "This is its last answer. Run the cell again to bring it back."]);
  }
  if (kernel === "static" || (live?.silent && status.state === "static")) {
    return say("info", "This is a saved page: there is no kernel here.", [
      "",
      "Open the notebook to ask something new.",
    ]);
  }
  if (error) {
    const lines: [string, string][] = [
      ["Given:", error.given],
      ["Accepted:", error.accepted],
      ["What to do:", error.hint],
    ];
    return say("error", error.problem, ...lines.filter(([, text]) => text !== ""));
  }
  if (live?.silent) {
    return say("info", "The kernel is busy with another cell; waiting.", [
      "",
      "If no cell is running, run this one again.",
    ]);
  }
  if (live) return null;
  if (status.state === "asks") {
    const { seconds: s, cost } = status;
    const long = s === null ? "may take long" : `takes about ${seconds(Math.max(0.1, s))}`;
    // The time is said once.
    const said = say("info", `This ${long}.`, ["", s === null ? cost : cost.replace(/, about [^,]*/, "")]);
    return {
      ...said,
      actions: [
        { name: "run", label: "run" },
        { name: "methods", label: "change method" },
      ],
    };
  }
  if (!scene.drawable && scene.answer) {
    const { axes } = scene.answer.snapshot;
    return say("info", `These scores run over ${list(axes)}.`, [
      "",
      "This view draws scores over pos, alone or with one axis before it (target, layer, head, ...). Select or reduce the others first.",
    ]);
  }
  if (status.state === "cancelled" && !scene.last?.scores) {
    return { ...say("info", "Cancelled before there was an answer."), actions: [{ name: "run", label: "run again" }] };
  }
  return null;
}

function say(kind: Said["kind"], problem: string, ...details: [string, string][]): Said {
  const kept = details.filter(([, text]) => text !== "");
  return { kind, problem, details: kept.map(([label, text]) => ({ label, text })), actions: [] };
}

function list(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}
