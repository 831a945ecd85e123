/** What a click on a token asks for: another target or contrast, with what follows from the question on the screen. */
import type { TargetSpec } from "../../protocol/generated.ts";
import type { Choice } from "../../state/direct-store.ts";
import type { Scene } from "./scene.ts";

/** Explain another token. What it was compared with stays, unless that is the new target itself. */
export function askTarget({ answer }: Scene, target: TargetSpec): Choice {
  const same = target.kind === "token" && target.id === answer?.snapshot.other?.id;
  return same ? { target, other: null } : { target };
}

/** Compare the target on the screen with another token, or (null) with none. */
export function askOther({ answer }: Scene, other: TargetSpec | null, wanted: Choice): Choice {
  if (!other) return { other };
  const { target = answer && { kind: "token" as const, id: answer.snapshot.target.id } } = wanted;
  return target ? { target, other } : { other };
}
