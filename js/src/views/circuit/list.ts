/** Edges into and out of the pinned node, the strongest first; a row pins its edge. */
import { h, on, setAttribute, setText, wordButton } from "../../kit/shared/dom.ts";
import { number } from "../../state/words.ts";
import { fullName, readAs } from "./names.ts";
import type { Context, Piece, Scene } from "./scene.ts";
import { exactOf, scoreName } from "./words.ts";

/** Rows of each side. */
const LISTED = 50;

export function edgeList(root: HTMLElement, { store, scene }: Context, until: AbortSignal): Piece {
  const name = h("h5", { class: "xw-h xw-circ-name" });
  const title = h(
    "div",
    { class: "xw-controls" },
    name,
    wordButton("let go", {}, () => store.pin(null), until),
  );
  const sides = h("div", { class: "xw-circ-sides" });
  const rest = h("p", { class: "xw-said xw-soft" });
  const box = h(
    "div",
    { role: "region", class: "xw-circ-list", hidden: true, "aria-label": "edges of the pinned node" },
    title,
    sides,
    rest,
  );
  root.append(box);
  on(
    sides,
    "click",
    (event) => {
      const edge = (event.target as Element).closest<HTMLElement>("[data-edge]")?.dataset.edge;
      if (edge === undefined) return;
      const { pinnedEdge, listed } = scene();
      if (Number(edge) !== pinnedEdge) store.pin({ edge: Number(edge) });
      else if (listed) store.pin({ node: listed.node });
    },
    until,
  );
  const over = (event: Event) => {
    const edge = (event.target as Element).closest<HTMLElement>("[data-edge]")?.dataset.edge;
    store.see({ hovered: edge === undefined ? null : { edge: Number(edge) } });
  };
  on(sides, "pointerover", over, until);
  on(sides, "focusin", over, until);
  for (const kind of ["pointerleave", "focusout"] as const) on(sides, kind, () => store.see({ hovered: null }), until);
  let drawn = "";

  return {
    draw(now) {
      const { answer, listed, pinnedEdge, circuit } = now;
      box.hidden = !answer || !listed;
      if (!answer || !listed || !circuit) {
        drawn = "";
        return;
      }
      box.toggleAttribute("data-dim", now.dim);
      setText(name, `Edges of ${fullName(answer, listed.node)}`);
      const { into, out, others } = listed;
      const exact = [...into, ...out].map((edge) => exactOf(now, edge));
      const key = JSON.stringify([answer.snapshot.revision, listed, exact]);
      if (key !== drawn) {
        sides.replaceChildren(side(now, "in", into, "from"), side(now, "out", out, "to"));
        drawn = key;
      }
      for (const row of sides.querySelectorAll<HTMLElement>("[data-edge]"))
        setAttribute(row, "aria-pressed", String(Number(row.dataset.edge) === pinnedEdge));
      rest.hidden = others === 0;
      setText(rest, `${others.toLocaleString("en")} of its edges ${others === 1 ? "is" : "are"} not in this circuit.`);
    },
  };
}

function side(scene: Scene, which: "in" | "out", edges: readonly number[], end: "from" | "to"): HTMLElement {
  const { answer } = scene;
  const heading = h("h5", { class: "xw-h" }, `${which} (${edges.length})`);
  if (!answer || !edges.length) return h("div", {}, heading, h("p", { class: "xw-soft" }, "none"));
  const exact = answer.snapshot.method !== "file";
  const other = (edge: number) => (end === "from" ? answer.sources[edge] : answer.targets[edge]) ?? 0;
  const paths = edges.some((edge) => answer.paths[edge]);
  const numbers = paths ? 2 : 1;
  const headings = [end, ...(paths ? ["as"] : []), scoreName(answer), ...(exact ? ["real"] : [])];
  const row = (edge: number) =>
    h(
      "tr",
      { "data-against": (answer.scores[edge] ?? 0) < 0 },
      h(
        "th",
        { scope: "row" },
        h(
          "button",
          { type: "button", class: "xw-row xw-circ-edge", "data-edge": edge },
          h("bdi", {}, fullName(answer, other(edge))),
        ),
      ),
      paths && h("td", {}, readAs(answer, edge) || "–"),
      h("td", { class: "xw-num" }, number(answer.scores[edge], true)),
      exact && h("td", { class: "xw-num" }, number(exactOf(scene, edge), true)),
    );
  const table = h(
    "table",
    { class: "xw-circ-edges" },
    h(
      "thead",
      {},
      h("tr", {}, ...headings.map((text, i) => h("th", { scope: "col", class: i < numbers ? null : "xw-num" }, text))),
    ),
    h("tbody", {}, ...edges.slice(0, LISTED).map(row)),
  );
  const more = edges.length - LISTED;
  return h(
    "div",
    {},
    heading,
    h("div", { class: "xw-circ-scroll" }, table),
    more > 0 && h("p", { class: "xw-soft" }, `and ${more} weaker ones`),
  );
}
