/** Direct logit attribution: who wrote the logit, by embedding, attention, heads, MLPs, neurons and bias. */
import { candidateList } from "../kit/candidate-list.ts";
import { legend } from "../kit/legend.ts";
import { notice } from "../kit/notice.ts";
import { questionLine } from "../kit/question-line.ts";
import { h } from "../kit/shared/dom.ts";
import { type Choice, type DirectStore, directStores } from "../state/direct-store.ts";
import { askOther, askTarget } from "./direct_logit_attribution/asking.ts";
import { componentChart } from "./direct_logit_attribution/chart.ts";
import { headMap } from "./direct_logit_attribution/heads.ts";
import { neuronTable } from "./direct_logit_attribution/neurons.ts";
import { promptLine } from "./direct_logit_attribution/prompt.ts";
import * as props from "./direct_logit_attribution/props.ts";
import { type Context, makeScene } from "./direct_logit_attribution/scene.ts";
import { headSources } from "./direct_logit_attribution/sources.ts";
import { versionChooser } from "./direct_logit_attribution/versions.ts";
import { emptyLine, frame, partPiece, promptEditor } from "./shared/frame.ts";
import { noticeProps, working } from "./shared/said.ts";
import { placeName, viewOf } from "./shared/view.ts";

function mount(store: DirectStore, el: HTMLElement, until: AbortSignal): void {
  const view = placeName();
  let scene = makeScene(store);
  const context: Context = { store, view, scene: () => scene };
  const ask = (fields: Choice) => store.ask(fields, view);
  const right = h("div", { class: "xw-right" });
  const around = frame(el, "xw-direct", store, context.scene, props.around(store), until, right);
  const { body: left } = around;
  const pieces = [
    partPiece(questionLine(left, null, { clear: () => ask({ other: null }) }, until), props.questionProps),
    promptEditor(left, around, (input) => ask({ input }), until),
    promptLine(left, around.edit, until),
    emptyLine(left, store, () => "splitting the logit"),
    versionChooser(left, context, until),
    componentChart(left, context, until),
    headMap(left, context, until),
    headSources(left, context, until),
  ];
  const next = h("h5", { class: "xw-h" }, "Next token");
  right.append(next);
  const list = candidateList(
    right,
    props.candidateProps(store, scene),
    {
      explain: (id) => ask(askTarget(scene, { kind: "token", id })),
      contrast: (id) => ask(askOther(scene, id === null ? null : { kind: "token", id }, store.wanted.value)),
      other(text, contrast) {
        const spec = { kind: "text" as const, text };
        ask(contrast ? askOther(scene, spec, store.wanted.value) : askTarget(scene, spec));
      },
    },
    until,
  );
  // Where the next question is chosen: under the pictures it would be out of sight.
  const said = notice(
    right,
    { notice: null },
    { act: () => scene.answer && ask({ input: scene.answer.snapshot.input }) },
    until,
  );
  pieces.push(neuronTable(right, context, until));
  pieces.push(partPiece(legend(around.foot, props.legendProps(scene), {}, until), props.legendProps));

  function draw(): void {
    scene = makeScene(store);
    const { answer, dim, neuronsAsk, headAsks } = scene;
    const asks = [neuronsAsk, ...headAsks].filter((one) => one !== null);
    // What is pinned is asked about by itself, unless the picture it is of is about to go.
    if (!dim) for (const one of asks) store.details.need(one, view);
    for (const piece of pieces) piece.draw(scene);
    list.update(props.candidateProps(store, scene));
    const absent = asks.some((one) => store.details.get(one)?.state === "absent");
    const notice = noticeProps(store, answer, { error: null, absent: false }, absent);
    said.update({ notice });
    next.hidden = !answer && !working(store);
    right.hidden = next.hidden && !notice;
    around.draw(scene);
  }

  around.follow(draw);
}

export default viewOf(directStores, mount);
