/** CKA by layer: how alike the streams of two models (or of one) are, layer beside layer. */
import { legend } from "../kit/legend.ts";
import { notice } from "../kit/notice.ts";
import { questionLine } from "../kit/question-line.ts";
import { type CKAStore, ckaStores } from "../state/cka-store.ts";
import { layerLine } from "./cka/diagonal.ts";
import { layerMatrix } from "./cka/matrix.ts";
import * as props from "./cka/props.ts";
import { type Context, makeScene } from "./cka/scene.ts";
import { emptyLine, frame, partPiece } from "./shared/frame.ts";
import { noticeProps } from "./shared/said.ts";
import { placeName, viewOf } from "./shared/view.ts";

function mount(store: CKAStore, el: HTMLElement, until: AbortSignal): void {
  const view = placeName();
  let scene = makeScene(store);
  const context: Context = { store, view, scene: () => scene };
  const around = frame(el, "xw-cka", store, context.scene, props.around(store), until);
  const { body } = around;
  const pieces = [
    partPiece(questionLine(body, null, {}, until), props.questionProps),
    emptyLine(body, store, () => "reading the texts"),
    layerMatrix(body, context, until),
    layerLine(body, context, until),
  ];
  const said = notice(body, { notice: null }, { act: () => store.again(view) }, until);
  pieces.push(partPiece(legend(around.foot, props.legendProps(scene), {}, until), props.legendProps));

  function draw(): void {
    scene = makeScene(store);
    for (const piece of pieces) piece.draw(scene);
    said.update({ notice: noticeProps(store, scene.answer, { error: null, absent: false }) });
    around.draw(scene);
  }

  around.follow(draw);
}

export default viewOf(ckaStores, mount);
