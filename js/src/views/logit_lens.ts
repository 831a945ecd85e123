/** Logit lens: what would come next if the model stopped after each layer, at every position, and one token followed through. */
import { legend } from "../kit/legend.ts";
import { notice } from "../kit/notice.ts";
import { questionLine } from "../kit/question-line.ts";
import { following } from "../state/fetched.ts";
import { type LensStore, lensStores } from "../state/lens-store.ts";
import { followToken } from "./logit_lens/follow.ts";
import { lensGrid } from "./logit_lens/grid.ts";
import * as props from "./logit_lens/props.ts";
import { type Context, makeScene } from "./logit_lens/scene.ts";
import { scopePiece } from "./logit_lens/scope.ts";
import { emptyLine, frame, partPiece, promptEditor } from "./shared/frame.ts";
import { noticeProps, troubleOf } from "./shared/said.ts";
import { placeName, viewOf } from "./shared/view.ts";

function mount(store: LensStore, el: HTMLElement, until: AbortSignal): void {
  const view = placeName();
  let scene = makeScene(store);
  const context: Context = { store, view, scene: () => scene };
  const around = frame(el, "xw-lens", store, context.scene, props.around(store), until);
  const { body } = around;
  const pieces = [
    partPiece(questionLine(body, null, {}, until), props.questionProps),
    promptEditor(body, around, (input) => store.read(input, view), until),
    emptyLine(body, store, () => "reading every stream"),
    lensGrid(body, context, until),
  ];
  const followed = followToken(body, context, until);
  pieces.push(followed, scopePiece(followed.slot, context, until));
  const said = notice(
    body,
    { notice: null },
    {
      act(name) {
        if (name === "again") store.details.again();
        else if (scene.answer) store.read(scene.answer.snapshot.input, view);
      },
    },
    until,
  );
  // The newest of each kind is asked for, and what it replaces is given up.
  const ask = {
    follow: following(store.details, view),
    measure: following(store.details, view),
    scope: following(store.details, view),
  };
  pieces.push(partPiece(legend(around.foot, props.legendProps(scene), {}, until), props.legendProps));

  function draw(): void {
    scene = makeScene(store);
    const { answer, followAsk, measureAsk, scopeAsk } = scene;
    ask.follow(followAsk);
    ask.measure(measureAsk);
    ask.scope(scopeAsk);
    for (const piece of pieces) piece.draw(scene);
    const asked = [measureAsk, scopeAsk, ...followed.asked(scene)].filter((one) => one !== null);
    const trouble = troubleOf(asked.map((one) => store.details.get(one)));
    said.update({ notice: noticeProps(store, answer, trouble) });
    around.draw(scene);
  }

  around.follow(draw);
}

export default viewOf(lensStores, mount);
