/** Attention: all heads at once, one of them closely, what it makes of the text, and whether it matters. */
import { legend } from "../kit/legend.ts";
import { notice } from "../kit/notice.ts";
import { questionLine } from "../kit/question-line.ts";
import { h } from "../kit/shared/dom.ts";
import { type AttentionStore, attentionStores } from "../state/attention-store.ts";
import { controls } from "./attention/controls.ts";
import { flowDetail } from "./attention/flow.ts";
import { turnOff } from "./attention/off.ts";
import { overview } from "./attention/overview.ts";
import { pairAsk, pairDetail } from "./attention/pair.ts";
import { panels } from "./attention/panels.ts";
import * as props from "./attention/props.ts";
import { asksOf, type Context, isShown, makeScene, type Scene } from "./attention/scene.ts";
import { strips } from "./attention/strips.ts";
import { emptyLine, frame, partPiece, promptEditor } from "./shared/frame.ts";
import { noticeProps, troubleOf } from "./shared/said.ts";
import { placeName, viewOf } from "./shared/view.ts";

function mount(store: AttentionStore, el: HTMLElement, until: AbortSignal): void {
  const view = placeName();
  let scene: Scene = makeScene(store);
  const context: Context = {
    store,
    view,
    scene: () => scene,
    need: (ask) => store.details.need(ask, view),
    clear() {
      store.pin([], view);
      store.see({ keys: [], hovered: { query: null, key: null } });
    },
  };
  const around = frame(el, "xw-att", store, context.scene, props.around(store), until);
  const { body } = around;
  const pieces = [
    partPiece(
      questionLine(body, null, { clear: () => store.see({ other: null, alone: true }) }, until),
      props.questionProps,
    ),
    promptEditor(body, around, (input) => store.attend(input, view), until),
    emptyLine(body, store, () => "looking at every head"),
    overview(body, context, until),
  ];
  const missing = h("div", { class: "xw-soft xw-att-missing" });
  const detail = h("div", { class: "xw-att-detail" });
  body.append(missing, detail);
  pieces.push(strips(detail, context, until), controls(detail, context, until), panels(detail, context, until));
  const pair = pairDetail(detail, context, until);
  const off = turnOff(body, context, until);
  const flow = flowDetail(body, context, until);
  pieces.push(pair, off, flow);
  const said = notice(
    body,
    { notice: null },
    { act: () => scene.answer && store.attend(scene.answer.snapshot.input, view) },
    until,
  );
  pieces.push(
    partPiece(legend(around.foot, props.legendProps(store, scene), {}, until), (now: Scene) =>
      props.legendProps(store, now),
    ),
  );

  function draw(): void {
    scene = makeScene(store);
    const { answer } = scene;
    const extra = [pairAsk(scene), flow.ask(scene)].filter((ask) => ask !== null);
    const asks = answer ? [...asksOf(scene), ...extra] : [];
    for (const ask of asks) context.need(ask);
    for (const piece of pieces) piece.draw(scene);
    detail.hidden = !answer;
    const gaps = answer?.snapshot.missing ?? [];
    if (gaps.join() !== missing.textContent) missing.replaceChildren(...gaps.map((text) => h("p", {}, text)));
    missing.hidden = gaps.length === 0;
    // What tiles and lines are refused for is said under the picture.
    const details = [...extra, ...off.asked()].map((ask) => store.details.get(ask));
    const lacking = store.details.trouble(isShown(scene)).absent;
    said.update({ notice: noticeProps(store, scene.answer?.most ?? null, troubleOf(details), lacking) });
    around.draw(scene);
  }

  around.follow(draw);
}

export default viewOf(attentionStores, mount);
