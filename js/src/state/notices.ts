/** What has to be said under the picture, most urgent first. Values only. */
import type { ErrorInfo } from "../protocol/generated.ts";
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

type Saying = Pick<Store, "status" | "connection" | "error" | "outdated">;

/** What any view has to say first: of the connection, and why the question (or, where `error` is given, something else) was refused. */
export function urgentNotice(
  { status, connection, error: own, outdated }: Saying,
  error: ErrorInfo | null = own.value,
): Said | null {
  const kernel = connection.kernel.value;
  const silent = connection.live.value?.silent;
  if (outdated.value) {
    return say("error", "This page and the kernel run different versions of xai_widgets.", [
      "",
      "Reload the page, then run the cell again.",
    ]);
  }
  if (kernel === "gone") {
    return say("error", "The kernel is gone.", ["", "This is its last answer. Run the cell again to bring it back."]);
  }
  if (kernel === "static" || (silent && status.value.state === "static")) {
    return say("info", "This is a saved page: there is no kernel here.", [
      "",
      "Open the notebook to ask something new.",
    ]);
  }
  if (error) return refusal(error);
  if (silent) {
    return say("info", "The kernel is busy with another cell; waiting.", [
      "",
      "If no cell is running, run this one again.",
    ]);
  }
  return null;
}

/** What was given, what is accepted, what to do. */
export function refusal({ problem, given, accepted, hint }: ErrorInfo): Said {
  return say("error", problem, ["Given:", given], ["Accepted:", accepted], ["What to do:", hint]);
}

/** Of a question that was cancelled before there was a picture. */
export function cancelledNotice({ status, connection }: Saying, picture: unknown): Said | null {
  if (connection.live.value || status.value.state !== "cancelled" || picture) return null;
  return { ...say("info", "Cancelled before there was an answer."), actions: [{ name: "run", label: "run again" }] };
}

/** Of a view of an explanation. */
export function noticeOf(store: Saying, scene: Shown): Said | null {
  const urgent = urgentNotice(store);
  if (urgent || store.connection.live.value) return urgent;
  const { state, seconds: s, cost } = store.status.value;
  if (state === "asks") {
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
  return cancelledNotice(store, scene.last?.scores);
}

function say(kind: Said["kind"], problem: string, ...details: [string, string][]): Said {
  const kept = details.filter(([, text]) => text !== "");
  return { kind, problem, details: kept.map(([label, text]) => ({ label, text })), actions: [] };
}

function list(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}
