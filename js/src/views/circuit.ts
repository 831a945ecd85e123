/** A circuit: the heads and MLPs that carry an answer from the input to the logits, who reads whom, and how much that few keep. */
import { legend } from "../kit/legend.ts";
import { notice } from "../kit/notice.ts";
import { questionLine } from "../kit/question-line.ts";
import { type CircuitStore, circuitStores } from "../state/circuit-store.ts";
import { following } from "../state/fetched.ts";
import { circuitControls, curveChart } from "./circuit/controls.ts";
import { circuitAlone, pinnedEdge } from "./circuit/edge.ts";
import { circuitGraph } from "./circuit/graph.ts";
import { edgeList } from "./circuit/list.ts";
import { numberChooser } from "./circuit/number.ts";
import { promptEditors, promptLines } from "./circuit/prompts.ts";
import * as props from "./circuit/props.ts";
import { type Context, makeScene, type Scene } from "./circuit/scene.ts";
import { emptyLine, frame, partPiece } from "./shared/frame.ts";
import { detailNotice, noticeProps, troubleOf } from "./shared/said.ts";
import { placeName, viewOf } from "./shared/view.ts";

function mount(store: CircuitStore, el: HTMLElement, until: AbortSignal): void {
  const view = placeName();
  let scene = makeScene(store);
  const context: Context = { store, view, scene: () => scene };
  const around = frame(el, "xw-circ", store, context.scene, props.around(store), until);
  const { body, edit, isEditing, leave } = around;
  const act = (name: string) => {
    if (name !== "again") {
      store.again(view);
      return;
    }
    store.details.again();
    const { size } = store.look.value;
    if (size !== null) store.resize(size, view);
  };
  const pieces = [
    partPiece(questionLine(body, null, {}, until), (now: Scene) => props.questionProps(store, now)),
    emptyLine(body, store, () => "looking for the circuit"),
    promptEditors(body, context, isEditing, leave, until),
    promptLines(body, edit, until),
    circuitControls(body, context, until),
    circuitGraph(body, context, until),
  ];
  // Right under the graph: below the lists it would not be seen by those who edit above it.
  const said = notice(body, { notice: null }, { act }, until);
  pieces.push(
    pinnedEdge(body, context, until),
    edgeList(body, context, until),
    curveChart(body, context, until),
    circuitAlone(body, context, until),
    numberChooser(body, context, until),
  );
  const askEdge = following(store.details, view);
  pieces.push(partPiece(legend(around.foot, props.legendProps(scene), {}, until), props.legendProps));

  function draw(): void {
    scene = makeScene(store);
    const { answer, circuit, edgeAsk, edge } = scene;
    const unchecked = circuit?.by === "rank" ? circuit.check : null;
    askEdge(edgeAsk);
    for (const piece of pieces) piece.draw(scene);
    const { error: refused, absent } = troubleOf([edge, unchecked]);
    // What a detail was refused for comes last, with a way to ask again.
    const first = noticeProps(store, answer, { error: null, absent });
    said.update({ notice: first ?? detailNotice({ error: refused, absent: false }) });
    around.draw(scene);
  }

  around.follow(draw);
}

export default viewOf(circuitStores, mount);
