/** What the clean prompt is held against: another prompt, itself with its subject noised, or itself with a part ablated. */
import { choice } from "../../kit/choice.ts";
import { h, on, setText } from "../../kit/shared/dom.ts";
import type { AblationSpec, NoiseSpec } from "../../protocol/generated.ts";
import type { Against } from "../../state/patching-store.ts";
import type { Context, Piece, Scene } from "./scene.ts";
import { ABLATIONS, AGAINST, againstText } from "./words.ts";

/** `write`: the other prompt has to be written first. */
export function againstChooser(
  root: HTMLElement,
  { store, view }: Context,
  write: () => void,
  until: AbortSignal,
): Piece {
  const bar = h("div", { class: "xw-controls" });
  root.append(bar);
  const whatProps = () => ({
    label: "against",
    name: "what the prompt is held against",
    options: AGAINST,
    value: store.against() ?? "prompt",
    hidden: store.against() === null,
  });
  const what = choice(
    bar,
    whatProps(),
    {
      choose(value) {
        if (!store.hold(value as Against, view) && value === "prompt") write();
      },
    },
    until,
  );
  const kindProps = () => ({
    label: "",
    name: "what takes the place of a part",
    options: ABLATIONS,
    value: store.ablation()?.kind ?? "mean",
    hidden: store.against() !== "ablation",
  });
  const kind = choice(
    bar,
    kindProps(),
    {
      choose: (value) => store.ablate({ ...store.ablation(), kind: value as AblationSpec["kind"] }, view),
    },
    until,
  );
  const subject = h("input", {
    class: "xw-other",
    type: "text",
    placeholder: "its subject, as it stands there",
    "aria-label": "subject",
    spellcheck: "false",
  });
  const hint = h("span", { class: "xw-soft" });
  bar.append(subject, hint);
  on(
    subject,
    "keydown",
    (event) => {
      if (event.key !== "Enter" || event.isComposing || subject.value.trim() === "") return;
      event.preventDefault();
      shake({ subject: subject.value });
    },
    until,
  );

  /** What is said of noise beside its subject stays. */
  function shake(of: NoiseSpec): void {
    const { subject: _subject, positions: _positions, ...rest } = store.noise() ?? {};
    store.shake({ ...rest, ...of }, view);
  }

  let given: string | null = null;
  /** The field holds what is looked at, unless somebody is typing. */
  function fill({ answer }: Scene): void {
    const { noise } = answer?.snapshot ?? store.asked.value ?? {};
    const typed = noise?.subject ?? null;
    if (typed === given) return;
    given = typed;
    subject.value = typed ?? "";
  }

  return {
    draw(now) {
      what.update(whatProps());
      kind.update(kindProps());
      const isNoise = store.against() === "noise";
      subject.hidden = !isNoise;
      fill(now);
      const { answer } = now;
      const isShown = answer?.snapshot.against === store.against();
      const ask = "Type it and press Enter, or click its tokens in the prompt.";
      setText(hint, isNoise && !isShown ? ask : answer && isShown ? againstText(answer) : "");
      hint.hidden = hint.textContent === "";
    },
  };
}
