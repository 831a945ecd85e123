/** Activation patching: how much of an answer each state brings over when it is put into another pass, or takes away with it. */
import { legend } from "../kit/legend.ts";
import { notice } from "../kit/notice.ts";
import { questionLine } from "../kit/question-line.ts";
import { following } from "../state/fetched.ts";
import { type PatchingStore, patchingStores } from "../state/patching-store.ts";
import { againstChooser } from "./patching/against.ts";
import { patchedCell } from "./patching/cell.ts";
import { patchingGrid } from "./patching/grid.ts";
import { numberChooser } from "./patching/number.ts";
import { promptEditors, promptLines } from "./patching/prompts.ts";
import * as props from "./patching/props.ts";
import { type Context, makeScene } from "./patching/scene.ts";
import { emptyLine, frame, partPiece } from "./shared/frame.ts";
import { noticeProps, troubleOf } from "./shared/said.ts";
import { placeName, viewOf } from "./shared/view.ts";

function mount(store: PatchingStore, el: HTMLElement, until: AbortSignal): void {
  const view = placeName();
  let scene = makeScene(store);
  const context: Context = { store, view, scene: () => scene };
  const around = frame(el, "xw-patch", store, context.scene, props.around(store), until);
  const { body, edit, isEditing, leave } = around;
  const doing = () => `running ${store.against() === "prompt" ? "both prompts" : "the prompt"}`;
  const pieces = [
    partPiece(questionLine(body, null, {}, until), props.questionProps),
    emptyLine(body, store, ({ failed }: typeof scene) => (failed ? null : doing())),
    againstChooser(body, context, edit, until),
    promptEditors(body, context, isEditing, leave, until),
    promptLines(body, context, until),
    patchingGrid(body, context, until),
  ];
  // Right under the grid: below the lists it would not be seen by those who edit above it.
  const said = notice(
    body,
    { notice: null },
    { act: (name) => (name === "again" ? store.details.again() : store.again(view)) },
    until,
  );
  pieces.push(patchedCell(body, context, until), numberChooser(body, context, until));
  const askCell = following(store.details, view);
  pieces.push(partPiece(legend(around.foot, props.legendProps(scene), {}, until), props.legendProps));

  function draw(): void {
    scene = makeScene(store);
    const { answer, cellAsk, cell, failed } = scene;
    askCell(cellAsk);
    // Where the first look failed there is nothing else to do than to change what was asked.
    if (failed && store.error.value && !isEditing()) edit();
    for (const piece of pieces) piece.draw(scene);
    said.update({ notice: noticeProps(store, answer, troubleOf([cell])) });
    around.draw(scene);
  }

  around.follow(draw);
}

export default viewOf(patchingStores, mount);
