/** The graph itself, its tooltip, and what lies where in it. */
import { type GraphThing, type LayerGraphProps, layerGraph } from "../../kit/layer-graph.ts";
import { h, setText } from "../../kit/shared/dom.ts";
import { tooltip } from "../../kit/tooltip.ts";
import { isEdge } from "../../state/circuit-picture.ts";
import type { Context, Piece, Scene } from "./scene.ts";
import { aboutThing, spokenNode } from "./words.ts";

const NONE = new Uint8Array(0);

export function circuitGraph(root: HTMLElement, { store, scene }: Context, until: AbortSignal): Piece {
  const place = h("div", { class: "xw-circ-graph" });
  const key = h("p", { class: "xw-said xw-soft xw-circ-key" });
  root.append(place, key);
  const tip = tooltip(root, { anchor: null, title: "", lines: [] }, {}, until);
  let cursor: number | null = null;

  function props(now: Scene): LayerGraphProps {
    const { graph, circuit, top, pinned, look } = now;
    const at = cursor !== null && graph && cursor < graph.nodes.length ? cursor : null;
    return {
      nodes: graph?.nodes ?? [],
      edges: graph?.edges ?? [],
      shown: circuit?.kept ?? NONE,
      rows: graph?.rows ?? [],
      columns: graph?.columns ?? [],
      top,
      pinned,
      hovered: look.hovered,
      cursor: at,
      label: circuit ? `the circuit by layers, ${circuit.count} edges` : "",
      describe: (node) => spokenNode(scene(), node),
    };
  }

  const told = (thing: GraphThing | null, anchor: DOMRect | null) => {
    const about = thing && anchor ? aboutThing(scene(), thing) : null;
    tip.update({ anchor: about ? anchor : null, title: about?.title ?? "", lines: about?.lines ?? [] });
  };
  const redraw = () => graph.update(props(scene()));
  const graph = layerGraph(
    place,
    props(scene()),
    {
      hover(thing, at) {
        told(thing, at);
        store.see({ hovered: thing });
      },
      pin(thing) {
        const old = store.pinned();
        const same = JSON.stringify(old) === JSON.stringify(thing);
        cursor = isEdge(thing) ? null : thing.node;
        store.pin(same ? null : thing);
        redraw();
      },
      move(node, at) {
        cursor = node;
        told({ node }, at);
        redraw();
      },
      clear() {
        const { pinnedEdge, look } = scene();
        cursor = null;
        told(null, null);
        // From an edge back to the node it was listed at.
        store.pin(pinnedEdge !== null && look.listed !== null ? { node: look.listed } : null);
        store.see({ hovered: null });
        redraw();
      },
    },
    until,
  );
  place.addEventListener(
    "focusout",
    () => {
      cursor = null;
      told(null, null);
      redraw();
    },
    { signal: until },
  );

  let drawn: unknown = null;
  return {
    draw(now) {
      const { answer, circuit } = now;
      if (answer !== drawn) cursor = null;
      drawn = answer;
      place.hidden = !answer || !circuit?.count;
      if (place.hidden) told(null, null);
      place.toggleAttribute("data-dim", now.dim);
      key.hidden = place.hidden;
      if (answer) setText(key, keyText(now));
      graph.update(props(now));
    },
  };
}

/** Shapes and places, in words. */
function keyText({ answer }: Scene): string {
  const kinds = new Set(answer?.snapshot.kinds);
  const parts = [
    kinds.has("head") ? "Round: heads (layer.head)." : "",
    kinds.has("attn") ? "Round: attention of a layer, its heads not told apart." : "",
    kinds.has("mlp") ? "Square: MLPs." : "",
    kinds.has("feature") ? "Small boxes: features." : "",
    kinds.has("error") ? "Dashed: what features leave out." : "",
    answer?.paths.some((path) => path > 0) ? "Into a head: left as query, middle as key, right as value." : "",
    "Point at one to see its edges, click it to keep them.",
  ];
  return parts.filter(Boolean).join(" ");
}
