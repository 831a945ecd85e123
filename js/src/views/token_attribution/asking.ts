/** What a click asks for: the fields of a request, with what follows from the question on the screen. */
import type { Question } from "../../protocol/encode.ts";
import type { TargetSpec } from "../../protocol/generated.ts";
import type { Scene } from "../../state/scene.ts";
import { quantities } from "../../state/words.ts";

const ofTheWhole = (quantity: string) => quantity === "entropy" || quantity === "kl";

/** There is something the target is compared with. */
export function contrasted(scene: Scene): boolean {
  return Boolean(scene.about?.snapshot.contrast);
}

/** Explain another target. What it was compared with stays, unless that is the new target itself. */
export function askTarget(scene: Scene, target: TargetSpec): Question {
  const same = target.kind === "token" && target.id === scene.contrast;
  return {
    target,
    ...(same ? { contrast: null, ...quantityFor(scene, false) } : {}),
    ...(ofTheWhole(scene.about?.snapshot.quantity ?? "") ? { quantity: "log_prob" } : {}),
  };
}

/**
 * A candidate was clicked. The list is of the target's own place: the end of the input, where the click explains another
 * token; or the place of a generated token, where other tokens can only be what that one is compared with.
 */
export function askCandidate(scene: Scene, candidate: TargetSpec): Question | null {
  if (scene.about?.snapshot.target?.kind !== "generated") return askTarget(scene, candidate);
  return candidate.kind === "token" && candidate.id === scene.target ? null : askContrast(scene, candidate);
}

/** Compare with another token, or (null) with none. */
export function askContrast(scene: Scene, contrast: TargetSpec | null): Question {
  return { contrast, ...(contrast ? fixedTarget(scene) : {}), ...quantityFor(scene, contrast !== null) };
}

/** Explain another number of the same target. */
export function askQuantity(scene: Scene, quantity: string): Question {
  return { quantity, ...(ofTheWhole(quantity) && contrasted(scene) ? { contrast: null } : {}) };
}

/** Compare with a token of the text: one that is a token by itself and not the target; else nothing. */
export function askContrastUnit(scene: Scene, unit: number): Question | null {
  const pieces = scene.units[unit]?.pieces ?? [];
  const id = pieces[0]?.id ?? -1;
  if (!scene.about?.snapshot.method || pieces.length !== 1 || id < 0 || id === scene.target) return null;
  return askContrast(scene, { kind: "token", id });
}

function quantityFor(scene: Scene, contrast: boolean): Pick<Question, "quantity"> {
  const now = scene.about?.snapshot.quantity ?? "";
  if (contrast) return contrasted(scene) && quantities(true).includes(now) ? {} : { quantity: "logit_diff" };
  return now === "logit_diff" ? { quantity: "log_prob" } : {};
}

/** "Rather than that" is about the target on the screen, also when that was only the most probable token so far. */
function fixedTarget(scene: Scene): Pick<Question, "target"> {
  const snapshot = scene.about?.snapshot;
  const first = snapshot?.rows[0];
  return snapshot?.target === null && first && first.id >= 0 ? { target: { kind: "token", id: first.id } } : {};
}
