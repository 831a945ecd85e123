/** What a view of one text says around its picture: how far a request is, what went wrong, what is missing. Values only. */
import type { Notice } from "../../kit/notice.ts";
import type { ProgressProps } from "../../kit/progress.ts";
import type { ErrorInfo } from "../../protocol/generated.ts";
import type { Detail } from "../../state/fetched.ts";
import { noticeOf } from "../../state/notices.ts";

type Store = Parameters<typeof noticeOf>[0];

/** What details were refused for, and whether a saved page lacks one. */
export interface Trouble {
  readonly error: ErrorInfo | null;
  readonly absent: boolean;
}

/** The first refusal among details, and whether a saved page lacks one. */
export function troubleOf(details: readonly (Detail<unknown> | null)[]): Trouble {
  return {
    error: details.find((d) => d?.state === "refused")?.error ?? null,
    absent: details.some((d) => d?.state === "absent"),
  };
}

export function working({ connection, status }: Pick<Store, "connection" | "status">): boolean {
  const { live, kernel } = connection;
  return live.value !== null || (status.value.state === "running" && kernel.value === "alive");
}

export function progressProps(store: Pick<Store, "connection" | "status">): ProgressProps {
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

/**
 * What has to be said: the connection's and the question's first, then what a detail was refused for. `picture` is null before
 * there is one; `saidAbove`: a piece of the view says by itself that a saved page lacks something.
 */
export function noticeProps(
  store: Store,
  picture: unknown,
  { error, absent }: Trouble,
  saidAbove = false,
): Notice | null {
  const shown = { drawable: true, answer: null, last: { scores: picture } };
  const refused = { ...store, error: store.error.value ? store.error : { ...store.error, value: error } };
  if (store.connection.kernel.value === "static" && !store.error.value) {
    if (absent) return detailNotice({ error: null, absent });
    if (saidAbove) return null;
  }
  const said = noticeOf(refused, shown);
  return said && { ...said, actions: said.actions.filter((a) => a.name === "run") };
}

/** Why some of the picture is not there, said under it. */
export function detailNotice({ error, absent }: Trouble): Notice | null {
  if (error) {
    const lines = [
      { label: "Given:", text: error.given },
      { label: "Accepted:", text: error.accepted },
      { label: "What to do:", text: error.hint },
    ];
    const actions = [{ name: "again", label: "try again" }];
    return { kind: "error", problem: error.problem, details: lines.filter((l) => l.text !== ""), actions };
  }
  if (!absent) return null;
  const details = [{ label: "", text: "Open the notebook to see it." }];
  return { kind: "info", problem: "This page was saved without this detail.", details, actions: [] };
}
