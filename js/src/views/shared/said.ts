/** What a view of one text says around its picture: of which model, how far a request is, what went wrong, what is missing. Values only. */
import type { HeaderProps } from "../../kit/header.ts";
import type { Notice } from "../../kit/notice.ts";
import type { ProgressProps } from "../../kit/progress.ts";
import type { ErrorInfo, ModelInfo } from "../../protocol/generated.ts";
import type { Detail } from "../../state/fetched.ts";
import { cancelledNotice, refusal, urgentNotice } from "../../state/notices.ts";
import { seconds, shortName } from "../../state/words.ts";

type Store = Parameters<typeof urgentNotice>[0];

/** What belongs to one view and not to the widget. */
export interface Local {
  readonly editing: boolean;
  readonly copied: string;
}

interface Made {
  readonly model: ModelInfo | null;
  readonly seconds: number | null;
}

/** `ids`: the text was given as token ids. `own`: the method, and what is said otherwise than in other views. */
export function headerOf(
  store: Pick<Store, "connection" | "status">,
  snapshot: (Pick<Made, "model"> & { readonly code: string }) | undefined,
  ids: boolean,
  { editing, copied }: Local,
  own: Pick<HeaderProps, "method" | "methodTitle"> & Partial<HeaderProps>,
): HeaderProps {
  const name = snapshot?.model?.name ?? "";
  return {
    model: shortName(name),
    modelTitle: name,
    busy: working(store),
    canEdit: snapshot !== undefined && !ids,
    editing,
    editTitle: ids ? "given as token ids: not editable here" : "",
    code: Boolean(snapshot?.code),
    copied,
    ...own,
  };
}

export function count(n: number, what: string): string {
  return `${n.toLocaleString("en")} ${what}${n === 1 ? "" : "s"}`;
}

/** The line at the bottom: how much, how long, where; `last`: fingerprints of further models. */
export function infoOf({ model, seconds: took }: Made, much: readonly string[], last: readonly string[] = []): string {
  const where = [model?.device, model?.dtype.replace("torch.", ""), model?.fingerprint.slice(0, 8)];
  return [...much, took === null ? "" : seconds(took), ...where, ...last].filter(Boolean).join(" · ");
}

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
  if (store.connection.kernel.value === "static" && !store.error.value) {
    if (absent) return detailNotice({ error: null, absent });
    if (saidAbove) return null;
  }
  return urgentNotice(store, store.error.value ?? error) ?? cancelledNotice(store, picture);
}

/** Why some of the picture is not there, said under it. */
export function detailNotice({ error, absent }: Trouble): Notice | null {
  if (error) return { ...refusal(error), actions: [{ name: "again", label: "try again" }] };
  if (!absent) return null;
  const details = [{ label: "", text: "Open the notebook to see it." }];
  return { kind: "info", problem: "This page was saved without this detail.", details, actions: [] };
}
