/** Where a pinned head looks from the last position, and how much of its share comes from there. */
import { notice } from "../../kit/notice.ts";
import { progress } from "../../kit/progress.ts";
import { rowChooser } from "../../kit/row-chooser.ts";
import { h, setText } from "../../kit/shared/dom.ts";
import type { HeadFound } from "../../protocol/decode-direct.ts";
import type { DirectAsk } from "../../protocol/encode.ts";
import { detailNotice, troubleOf } from "../shared/said.ts";
import type { Context, Piece, Scene } from "./scene.ts";
import { type SourceBlock, sourceBlock } from "./source-block.ts";
import { versionNames } from "./words.ts";

/** What ink on the text means. */
export type Ink = "share" | "weight";

const INKS: readonly Ink[] = ["share", "weight"];
const NAMES: Record<Ink, string> = { share: "what comes from there", weight: "weight" };

export function headSources(root: HTMLElement, { store, scene: current }: Context, until: AbortSignal): Piece {
  const heading = h("h5", { class: "xw-h" });
  const line = h("div", { class: "xw-line" });
  const busy = h("span", {});
  const place = h("div", {});
  const box = h("section", { class: "xw-direct-sources", "aria-label": "where the head looks" }, heading, line, busy);
  root.append(box);
  let ink: Ink = "share";
  const chooser = rowChooser(
    box,
    null,
    {
      choose(row) {
        ink = INKS[row ?? 0] ?? "share";
        draw(current());
      },
    },
    until,
  );
  box.append(place);
  const blocks: SourceBlock[] = [];
  const bar = progress(
    { line, words: busy },
    { active: false, done: 0, total: 0, note: "", cancelling: false, cancellable: true },
    {
      cancel() {
        for (const ask of current().headAsks) store.details.stop(ask);
        // What stays pinned would be asked for again.
        store.pin(null);
      },
    },
    until,
  );
  const said = notice(box, { notice: null }, { act: () => store.details.again() }, until);

  const found = (ask: DirectAsk): HeadFound | null => store.details.get(ask)?.found?.head ?? null;

  function draw(scene: Scene): void {
    const { answer, pinned, headAsks, dim } = scene;
    box.hidden = !answer || pinned?.kind !== "head" || !headAsks.length;
    if (!answer || pinned?.kind !== "head" || !headAsks.length) return;
    const details = headAsks.map((ask) => store.details.get(ask));
    setText(heading, `Head ${pinned.layer}.${pinned.head}: where the last position looks`);
    const asking = details.find((detail) => detail?.state === "asking");
    bar.update({
      active: Boolean(asking),
      done: asking?.done ?? 0,
      total: asking?.total ?? 0,
      note: "attention",
      cancelling: false,
      cancellable: true,
    });
    said.update({ notice: detailNotice(troubleOf(details)) });
    const here = headAsks.map((ask) => ({ ask, head: found(ask) })).filter((one) => one.head !== null);
    const split = here.some(({ head }) => head?.shares);
    chooser.update(
      split ? { axis: "ink", labels: INKS.map((i) => NAMES[i]), sum: false, row: INKS.indexOf(ink) } : null,
    );
    const names = versionNames(answer);
    const top = Math.max(...here.map(({ head }) => (head ? most(head, ink) : 0)));
    for (const [i, { ask, head }] of here.entries()) {
      const block = blocks[i] ?? sourceBlock(place, until);
      blocks[i] = block;
      const title = here.length > 1 || answer.which === "other" ? `in ${names[ask.version ?? 0] ?? ""}` : "";
      if (head) block.update({ answer, part: pinned, head, ink, top, title, dim });
      block.box.hidden = false;
    }
    for (const block of blocks.slice(here.length)) block.box.hidden = true;
  }

  return { draw };
}

/** The largest size on the text. */
function most({ shares, weights }: HeadFound, ink: Ink): number {
  const values = ink === "share" ? shares : weights;
  return values ? values.reduce((top, value) => Math.max(top, Math.abs(value) || 0), 0) : 0;
}
